"""Training input from a folder of JPEGs: 224x224 pictures a second, against the usual pipeline in the same run.

python benchmarks/folder_epoch.py [PHOTOGRAPHS] [--quick]

PHOTOGRAPHS is a folder of photographs, from which folders of 500x375 and of 1600x1200 JPEGs are made for the time of
the run. The peer is torchvision's ImageFolder with Pillow in a DataLoader, with whichever of 0, 1, 2 and 4 workers was
fastest; where torchvision can decode by itself, that is measured too. Every measurement is a process of its own, in
turn; what counts is its last epoch (its files are in the page cache, its workers have started), and for each row the
median of the ratios to the peer beside it in the same round. Pictures are mirrored by chance on both sides. Threads
that wait sleep (OMP_WAIT_POLICY=passive) on both sides: those that spin take the cores from those that decode.
"""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from statistics import median

from lenet_mnist import measure
from PIL import Image

HERE = Path(__file__).parent
SETS = {  # name: (width, height), JPEG quality, files
    "500x375": ((500, 375), 90, 2000),
    "1600x1200": ((1600, 1200), 88, 600),
}
WORKERS = (0, 1, 2, 4)
ROUNDS = 5
MEMORY = 2**33


def make(photographs, folder, size, quality, count):
    """`count` JPEGs of real photographs brought to `size`, in the folders of their classes."""
    there = sorted(photographs.rglob("*.jpg"))
    if not there:
        raise SystemExit(f"{photographs}: holds no .jpg. Name a folder of photographs.")
    for number in range(count):
        source = there[number * len(there) // count] if count < len(there) else there[number % len(there)]
        place = folder / source.parent.name
        place.mkdir(parents=True, exist_ok=True)
        with Image.open(source) as picture:
            picture.convert("RGB").resize(size, Image.BICUBIC).save(place / f"{number:05}.jpg", quality=quality)


def rate(result, epoch=-1):
    """Pictures a second of an epoch."""
    return result["pictures"] / result["seconds"][epoch]


def rows(folder, cache, best, own):
    """What is measured in each round: name -> (script, options, which epoch)."""
    decode = ("folder_striate.py", ("--workers", 0), -1)
    found = {
        f"usual pipeline, {best} workers": ("folder_usual.py", ("--workers", best), -1),
        "Striate, decoding": decode,
        "Striate, decoding, without safety checks": ("folder_striate.py", ("--workers", 0, "--unsafe"), -1),
        "Striate, decoding, 2 worker processes": ("folder_striate.py", ("--workers", 2), -1),
        "Striate, disk cache, first epoch (proves it)": ("folder_striate.py", ("--cache", cache), 0),
        "Striate, disk cache, later epochs": ("folder_striate.py", ("--cache", cache, "--epochs", 4), -1),
        "Striate, memory, later epochs": ("folder_striate.py", ("--memory", MEMORY, "--epochs", 4), -1),
    }
    if own is not None:
        found[f"torchvision's decoder, {own} workers"] = ("folder_usual.py", (*OWN, "--workers", own), -1)
    return found


OWN = ("--decoder", "torchvision")


def fastest(folder, options=()):
    """The number of workers with which the usual pipeline is fastest, and all rates."""
    rates = {n: rate(measure(sys.executable, "folder_usual.py", folder, *options, "--workers", n)) for n in WORKERS}
    return max(rates, key=rates.get), rates


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", nargs="?", type=Path, default=HERE.parent.parent / "shared/data/caltech10")
    parser.add_argument("--quick", action="store_true", help="a tenth of the files, one round: shows that it runs")
    options = parser.parse_args()
    rounds, part = (1, 10) if options.quick else (ROUNDS, 1)
    os.environ["OMP_WAIT_POLICY"] = "passive"  # read when a process loads OpenMP
    versions = set()
    for name, (size, quality, count) in SETS.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder, cache = Path(temporary) / "pictures", Path(temporary) / "cache"
            make(options.photographs, folder, size, quality, count // part)
            best, rates = fastest(folder)
            try:
                own, _ = fastest(folder, OWN)
            except SystemExit:  # its compiled part is for another build of torch
                own = None
            measure(sys.executable, "folder_striate.py", folder, "--cache", cache)
            found = {}
            for number in range(rounds):
                every = list(rows(folder, cache, best, own).items())
                for row, (script, more, epoch) in every if number % 2 else every[::-1]:
                    result = measure(sys.executable, script, folder, *more)
                    versions.add(result["version"])
                    found.setdefault(row, []).append(rate(result, epoch))
        print_table(name, count // part, rates, {row: found[row] for row in rows(folder, cache, best, own)})
        if own is None:
            print("\ntorchvision's own decoder was not measured: it does not run with this torch.")
    print(f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {'; '.join(sorted(versions))}")


def print_table(name, count, rates, found):
    print(f"\n{count} JPEGs of {name}, median of {len(next(iter(found.values())))} rounds\n")
    print("usual pipeline by workers: " + ", ".join(f"{n}: {value:.0f}" for n, value in rates.items()) + " a second\n")
    print("| | pictures a second | times as fast |\n|---|---|---|")
    usual = next(iter(found.values()))
    for row, values in found.items():
        ratios = sorted(ours / theirs for ours, theirs in zip(values, usual, strict=True))
        spread = f"{median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})" if row != next(iter(found)) else "1"
        print(f"| {row} | {median(values):.0f} ({min(values):.0f}–{max(values):.0f}) | {spread} |")
    safe, unsafe = found["Striate, decoding"], found["Striate, decoding, without safety checks"]
    cost = sorted(b / a - 1 for a, b in zip(safe, unsafe, strict=True))
    print(f"\nSafety checks take {median(cost):.1%} of the time ({cost[0]:.1%}–{cost[-1]:.1%}).")


if __name__ == "__main__":
    main()
