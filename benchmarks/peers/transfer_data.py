"""The photographs of one measurement: some of each class, drawn by a seed, and all others."""

import argparse
import random
from pathlib import Path


def options(**more):
    """The folder, the pictures a class and the seed; `more`: further options by name with their defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def drawn(folder, count, seed):
    """(train, test, classes): lists of (file, label)."""
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    draw, train, test = random.Random(seed), [], []
    for label, name in enumerate(classes):
        files = sorted((folder / name).iterdir())
        draw.shuffle(files)
        train += [(file, label) for file in files[:count]]
        test += [(file, label) for file in files[count:]]
    return train, test, classes


def calibration_error(probabilities, labels, bins=15):
    """The expected calibration error over equally wide bins of confidence, from numpy arrays (n, classes) and (n,)."""
    import numpy as np

    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = [abs(right[which == i].sum() - confidence[which == i].sum()) for i in range(bins)]
    return float(sum(gaps) / len(labels))
