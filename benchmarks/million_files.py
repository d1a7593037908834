"""A folder of a million pictures: seconds and memory until it is a data set with parts, before anything is decoded.

python benchmarks/million_files.py [FOLDER] [--files N] [--classes N]

Makes the files below FOLDER (default: a temporary folder), each a grey picture of one pixel with a content of its own,
reads them in fresh processes, and removes them. Each figure is the median of three processes with the least and the
most; memory is the peak of the process, less what `import torch` takes. The files have just been written, so their
names and contents are in the system's memory: on a disk that has not seen them the disk decides.
"""

import argparse
import json
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

STEPS = ("imports", "read", "quick check")
GOALS = {"seconds": 60, "MB": 500}


def make(folder, files, classes):
    """`files` pictures in `classes` folders, no two with the same content."""
    for number in range(classes):
        place = folder / f"class_{number:04}"
        place.mkdir(parents=True)
        for file in range(number, files, classes):
            (place / f"{file:07}.pgm").write_bytes(b"P5\n#%d\n1 1\n255\n%c" % (file, file % 256))


def measure(folder):
    """In this process: seconds and peak memory after each step, as a line of JSON."""
    told = {}

    def after(step, started):
        told[step] = (perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    started = perf_counter()
    from striate.data.quick import quick_check
    from striate.data.read import read

    after("imports", started)
    started = perf_counter()
    data = read(folder)
    after("read", started)
    started = perf_counter()
    bad = [quick_check(part) for _, part in data.parts]
    after("quick check", started)
    told |= {"classes": len(data.classes), "train": len(data.train), "test": len(data.test), "bad": sum(map(len, bad))}
    print(json.dumps(told))


def spread(values):
    return f"{median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--files", type=int, default=10**6)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    folder = Path(tempfile.mkdtemp(prefix="million-", dir=options.folder))
    try:
        make(folder, options.files, options.classes)
        command = [sys.executable, __file__, "--measure", str(folder)]
        runs = []
        for _ in range(options.runs):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout))
    finally:
        shutil.rmtree(folder)
    first = runs[0]
    print(
        f"{options.files:,} files in {first['classes']:,} classes; train {first['train']:,}, test {first['test']:,}\n"
    )
    print("| step | seconds | peak memory, MB | of that above the imports, MB |")
    print("|---|---:|---:|---:|")
    for step in STEPS:
        seconds, peak = zip(*(run[step] for run in runs), strict=True)
        above = [run[step][1] - run["imports"][1] for run in runs]
        print(f"| {step} | {spread(seconds)} | {spread(peak)} | {spread(above)} |")
    print(f"\nWanted: read in under {GOALS['seconds']} s and {GOALS['MB']} MB.")
    print(f"Python {platform.python_version()}, {platform.platform()}; {' '.join(sys.argv)}")


if __name__ == "__main__":
    main()
