"""Two processes with one thread each against one process with two threads: the same steps of ResNet-18, timed in turn.

python benchmarks/processes.py [--rounds 5] [--steps 8] [--precision bfloat16] [--quick]

Pictures of noise at 224 pixels, batch 32 in all. Each measurement is the command `striate train` and times its second
epoch, which its log tells; a round has one of each, in turn the one and the other first. What counts is the median of
the ratios within the rounds. The losses are shown too: they are of the same steps, and so should be nearly the same.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import torch

WANTED = 0.9
BATCH, SIDE, CLASSES = 32, 224, 10


def write_noise(file, pictures):
    """Training pictures and a few to test with, as an .npz file."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (pictures + 4, SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.arange(pictures + 4) % CLASSES
    parts = {"x_train": images[4:], "y_train": labels[4:], "x_test": images[:4], "y_test": labels[:4]}
    np.savez(file, **parts)


def measure(data, run, precision, processes, threads):
    """Pictures a second of the second epoch, and its loss."""
    options = {
        "net": "resnet18",
        "image": f"3x{SIDE}x{SIDE}",
        "epochs": 2,
        "batch-size": BATCH,
        "rate": 0.01,
        "schedule": "constant",
        "shift": 0,
        "precision": precision,
        "memory-format": "channels_last",
        "device": "cpu",
        "processes": processes,
        "threads": threads,
        "run": run,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "striate", "train", str(data), *words, "--json", "--overwrite"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    events = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    first, second = (event for event in events if event["event"] == "epoch")
    steps = json.loads(done.stdout.splitlines()[-1])["steps"] // 2
    return steps * BATCH / (second["seconds"] - first["seconds"]), second["loss"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="steps an epoch")
    parser.add_argument("--precision", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--quick", action="store_true", help="one round of two steps: does it run?")
    options = parser.parse_args()
    rounds, steps = (1, 2) if options.quick else (options.rounds, options.steps)
    ways = {"one process, two threads": (1, 2), "two processes, one thread each": (2, 1)}
    found = {name: [] for name in ways}
    losses = {}
    with tempfile.TemporaryDirectory() as spare:
        data = Path(spare) / "noise.npz"
        write_noise(data, steps * BATCH)
        for number in range(rounds):
            for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
                speed, losses[name] = measure(data, Path(spare) / "run", options.precision, *ways[name])
                found[name].append(speed)
    print(
        f"ResNet-18, {SIDE} pixels, batch {BATCH}, {options.precision}, channels last; torch {torch.__version__}, "
        f"{os.cpu_count()} cores of {platform.processor() or platform.machine()}; {rounds} rounds\n"
    )
    print("| | pictures a second, median (least to most) | loss of the second epoch |")
    print("|---|---:|---:|")
    for name, speeds in found.items():
        print(f"| {name} | {median(speeds):.1f} ({min(speeds):.1f} to {max(speeds):.1f}) | {losses[name]:.4f} |")
    one, two = found.values()
    ratios = [b / a for a, b in zip(one, two, strict=True)]
    print(f"\nratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); wanted: at least {WANTED}")


if __name__ == "__main__":
    main()
