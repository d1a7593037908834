"""Duplicates planted into real photographs: how many are found, how many are told that are none, and how long it takes.

python benchmarks/duplicates.py [PHOTOGRAPHS]

PHOTOGRAPHS is a folder with a folder of JPEGs a class. Half of them become the train part of a temporary data set; of
each a copy is put into its test part, of one kind at a time: the file itself, saved again at quality 50, at half the
size, mirrored, and all three at once. `striate check` is run on each set. False pairs are counted among all photographs
as they are: every pair that is told there counts as false, although some of them are the same photograph on sight (all
are listed). The time is that of the whole check of 5,000 pictures, made of the photographs by cutting a quarter off
each at a different corner, so that they are not copies of each other.
"""

import argparse
import os
import platform
import tempfile
from io import BytesIO
from itertools import islice, product
from pathlib import Path
from time import perf_counter

from PIL import Image, ImageOps

import striate

HERE = Path(__file__).parent
GOALS = {"exact": 1.0, "quality 50": 0.95, "half the size": 0.95, "mirrored": 0.95}
TIMED = 5000


def saved(image, quality):
    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def half(image):
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


COPIES = {
    "exact": None,
    "quality 50": lambda image: saved(image, 50),
    "half the size": lambda image: saved(half(image), 92),
    "mirrored": lambda image: saved(ImageOps.mirror(image), 92),
    "mirrored, half the size, quality 50": lambda image: saved(half(ImageOps.mirror(image)), 50),
}


def opened(path):
    with Image.open(path) as image:
        return image.convert("RGB")


def recall(photographs, copy):
    """The share of the planted copies that are told as across parts, each with its own original."""
    with tempfile.TemporaryDirectory() as place:
        for number, file in enumerate(photographs):
            for part in ("train", "test"):
                folder = Path(place, part, file.parent.name)
                folder.mkdir(parents=True, exist_ok=True)
                whole = part == "train" or copy is None
                (folder / f"{number}.jpg").write_bytes(file.read_bytes() if whole else copy(opened(file)))
        told = striate.check(place).duplicates
    found = {Path(pair.a).name for pair in told if pair.across and Path(pair.a).name == Path(pair.b).name}
    return len(found) / len(photographs)


def seconds(photographs):
    """Seconds of a check of `TIMED` pictures that are no copies of each other, and how many are told all the same."""
    with tempfile.TemporaryDirectory() as place:
        corners = ((0.0, 0.0), (0.5, 0.5), (0.0, 0.5), (0.5, 0.0), (0.25, 0.25), (0.1, 0.6))
        for number, (corner, file) in enumerate(islice(product(corners, photographs), TIMED)):
            image = opened(file)
            width, height = image.width // 2, image.height // 2
            left, top = int(corner[0] * image.width), int(corner[1] * image.height)
            folder = Path(place, file.parent.name)
            folder.mkdir(exist_ok=True)
            part = image.crop((left, top, left + width, top + height)).resize((500, 375), Image.Resampling.BICUBIC)
            (folder / f"{number}.jpg").write_bytes(saved(part, 90))
        started = perf_counter()
        found = striate.check(place)
        return perf_counter() - started, found.examples, len(found.duplicates)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", nargs="?", type=Path, default=HERE.parent.parent / "shared/data/caltech10")
    options = parser.parse_args()
    photographs = sorted(options.photographs.glob("*/*.jpg"))
    if not photographs:
        raise SystemExit(f"{options.photographs}: holds no folders with .jpg files. Name a folder of photographs.")
    told = striate.check(options.photographs).duplicates
    same = {name for pair in told for name in (pair.a, pair.b)}  # they would count twice
    planted = [file for file in photographs if str(file.relative_to(options.photographs)) not in same][::2]
    print(f"{len(planted)} copies of each kind, planted across parts\n\n| copy | found | wanted |\n|---|---:|---:|")
    for name, copy in COPIES.items():
        wanted = f"{GOALS[name]:.0%}" if name in GOALS else ""
        print(f"| {name} | {recall(planted, copy):.1%} | {wanted} |")
    pairs = len(photographs) * (len(photographs) - 1) // 2
    print(
        f"\n{len(told)} pairs told among the {len(photographs):,} photographs as they are, which have {pairs:,} pairs: "
        f"{len(told) / pairs * 1e4:.3f} in 10,000 (wanted: at most 1)"
    )
    for pair in told:
        print(f"* {pair.a} and {pair.b}: {pair.kind}")
    time, count, more = seconds(photographs)
    print(f"\n{time:.1f} s for the check of {count:,} pictures of 500x375 (wanted: 30); {more} pairs told among them")
    print(f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores, one run")


if __name__ == "__main__":
    main()
