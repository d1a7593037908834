"""Small files for the tests of layouts."""

import csv
import io
import json
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, number: int = 0) -> Path:
    """A tiny picture, another one for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes(number, path.suffix))
    return path


def picture_bytes(number: int, suffix: str = ".png") -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "JPEG" if suffix in (".jpg", ".jpeg") else "PNG")
    return made.getvalue()


def pictures(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        picture(folder / name, number)
    return folder


def table(path: Path, *rows: tuple[str, ...], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter).writerows(rows)
    path.write_bytes(made.getvalue().encode(encoding))
    return path


def json_lines(path: Path, *records: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(each)}\n" for each in records))
    return path


def shard(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    """A tar of these files, or of headers as they are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            body = b"" if isinstance(content, tarfile.TarInfo) else content
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return path


def by_name(data) -> dict[str, tuple[str, str]]:
    """Part and class of each picture of a data set."""
    return {
        part.name(i): (split, data.classes[int(part.labels[i])]) for split, part in data.parts for i in range(len(part))
    }
