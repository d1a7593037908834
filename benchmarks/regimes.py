"""Whether the regime that is chosen by itself is the best: head, last, all and auto on subsets of several sizes.

python benchmarks/regimes.py [--photographs FOLDER] [--mnist FOLDER] [--quick] [--only TEXT]

A subset has so many training pictures a class; all that are left of the photographs, or 1,000 of the test part, are the
test. A choice is right where it is within one point of the best of the three. Photographs are taken at 128 pixels and
digits at 64, so that everything can be trained in minutes on two cores; the rule does not know the size.
"""

import argparse
import os
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

import striate
from striate.data.read import read
from striate.data.records import DataSet

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
REGIMES = ("head", "last", "all", "auto")
TESTED = 1000
POINT = 0.01


def few(part, count, seed):
    """(some, others): `count` pictures of each class, drawn by `seed`."""
    order = torch.randperm(len(part), generator=torch.Generator().manual_seed(seed))
    labels = part.labels[order]
    taken = torch.cat([order[labels == label][:count] for label in labels.unique().tolist()]).sort().values
    left = torch.ones(len(part), dtype=torch.bool)
    left[taken] = False
    return part.take(taken), part.take(left)


def of_photographs(folder, count, seed=0):
    whole = read(folder)
    train, test = few(whole.whole(), count, seed)
    return DataSet(f"caltech10, {count} a class", whole.classes, train, test)


def of_set(name, count, seed=0, data_dir=None, classes=None):
    """`count` training pictures of each class, and of the test part `TESTED`; `classes`: only these."""
    whole = read(name, data_dir=data_dir)
    parts = []
    for part in (whole.train, whole.test):
        if classes is not None:
            part = part.take(torch.isin(part.labels, torch.tensor(classes)))
            part = replace(part, labels=torch.searchsorted(torch.tensor(classes), part.labels))
        parts.append(part)
    names = whole.classes if classes is None else tuple(whole.classes[i] for i in classes)
    train, _ = few(parts[0], count, seed)
    test = parts[1].take(torch.linspace(0, len(parts[1]) - 1, min(TESTED, len(parts[1]))).long())
    return DataSet(f"{name}, {count} a class", names, train, test)


def subsets(options, folder):
    """(name, function that gives the data, settings) of each subset."""
    low, high = [0, 1, 2, 3, 4], [5, 6, 7, 8, 9]
    earlier = striate.train(
        of_set("mnist", 2000, data_dir=options.mnist, classes=low), "lenet5", run=folder / "earlier", epochs=4
    )
    small = {"net": "lenet5", "weights": str(earlier.run.folder)}
    for count in (10, 200, 700, 1500):
        yield lambda count=count: of_set("mnist", count, data_dir=options.mnist, classes=high), small
    lite = {"net": "efficientnet_lite0", "pretrained": True}
    for count in (5, 10, 25, 50):
        yield lambda count=count: of_photographs(options.photographs, count), {**lite, "image": (3, 128, 128)}
    mnist = {**lite, "image": (3, 64, 64)}
    for count in (20, 100, 600, 1100):
        yield lambda count=count: of_set("mnist", count, data_dir=options.mnist), mnist
    for count in (20, 400, 1100):
        yield lambda count=count: of_set("fashion_mnist", count), mnist


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, default=SHARED / "caltech10")
    parser.add_argument("--mnist", type=Path, default=SHARED / "mnist")
    parser.add_argument("--quick", action="store_true", help="only subsets of at most 20 pictures a class")
    parser.add_argument("--only", default="", help="only subsets whose name has this in it")
    options = parser.parse_args()
    rows = []
    print("| subset | head | last | all | auto | chosen | within a point |\n|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for number, (make, settings) in enumerate(subsets(options, Path(temporary))):
            try:
                data = make()
            except striate.StriateError as error:
                print(f"left out: {error}")
                continue
            name = f"{data.name}, {settings['net']}"
            if options.only not in name or (options.quick and len(data.train) > 20 * len(data.classes)):
                continue
            found = {}
            for regime in REGIMES:
                begun = time.perf_counter()
                run = Path(temporary) / f"{number}-{regime}"
                trained = striate.train(data, run=run, regime=regime, **settings)
                found[regime] = (trained.accuracy, time.perf_counter() - begun)
            best = max(found[regime][0] for regime in REGIMES[:3])
            right = found["auto"][0] >= best - POINT
            rows.append(right)
            cells = " | ".join(f"{100 * accuracy:.1f} % ({seconds:.0f} s)" for accuracy, seconds in found.values())
            chosen = trained.model.facts["regime"]
            print(f"| {name} | {cells} | {chosen} | {'yes' if right else '**no**'} |", flush=True)
    print(f"\n{sum(rows)} of {len(rows)} choices are within a point of the best of the three.")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}, torch {torch.__version__}"
    )


if __name__ == "__main__":
    main()
