"""What integrity costs: a checkpoint against a plain save of the same tensors, in the same run.

python benchmarks/checkpoints.py [--folder DISK] [--megabytes 100] [--pairs 15]

Ours: temporary file, SHA-256 of every byte, fsync, read back and compared, rename, fsync of the folder, manifest
beside it, older ones removed. The peers write the final name and call fsync: safetensors' `save_file` and `torch.save`,
neither with a checksum. They take turns, and the order within a round turns too, so that a disk that gets slower hits
all. Each checkpoint is removed again before the next, outside of what is timed. `loading` is verified on our side.
The tensors are those of a training: weights and as many momenta.
"""

import argparse
import os
import platform
import shutil
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import safetensors
import torch
from safetensors.torch import load_file, save_file

from striate.training.checkpoints import State, newest, save

LAYERS = 50


def state(megabytes):
    """Weights and momenta of about `megabytes` in all."""
    numbers = int(megabytes * 1e6 / 4 / 2 / LAYERS)
    draw = torch.Generator().manual_seed(0)
    return {
        f"{kind}.layer{layer}.weight": torch.randn(numbers, generator=draw)
        for kind in ("net", "optimizer")
        for layer in range(LAYERS)
    }


def synced(path):
    handle = os.open(path, os.O_RDWR)
    os.fsync(handle)
    os.close(handle)


def ours(folder, tensors):
    save(folder / "checkpoints", State(1, tensors, {"step": 1}))


def plain_safetensors(folder, tensors):
    save_file(tensors, folder / "plain.safetensors")
    synced(folder / "plain.safetensors")


def plain_torch(folder, tensors):
    torch.save(tensors, folder / "plain.pt")
    synced(folder / "plain.pt")


PLAIN = "safetensors.torch.save_file + fsync"
WAYS = {  # name: (how to save, how to load)
    "Striate": (ours, lambda folder: newest(folder / "checkpoints")),
    PLAIN: (plain_safetensors, lambda folder: load_file(folder / "plain.safetensors")),
    "torch.save + fsync": (plain_torch, lambda folder: torch.load(folder / "plain.pt", weights_only=True)),
}


def seconds(call, *arguments):
    begun = perf_counter()
    call(*arguments)
    return perf_counter() - begun


def measured(disk, tensors, pairs):
    """Seconds of each way to save and to load, a round each; the first round warms up and is not counted."""
    saved, loaded = {name: [] for name in WAYS}, {name: [] for name in WAYS}
    names = list(WAYS)
    for turn in range(pairs + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            folder = Path(tempfile.mkdtemp(prefix="checkpoints-", dir=disk))
            to_save, to_load = WAYS[name]
            took = seconds(to_save, folder, tensors), seconds(to_load, folder)
            shutil.rmtree(folder)
            os.sync()
            if turn:
                saved[name].append(took[0])
                loaded[name].append(took[1])
    return saved, loaded


def row(name, saved, loaded):
    cost = [mine / theirs - 1 for mine, theirs in zip(saved[name], saved[PLAIN], strict=True)]
    low, _, high = quantiles(cost, n=4)
    return (
        f"| {name} | {median(saved[name]):.3f} | {median(cost):+.0%} ({low:+.0%} to {high:+.0%}) "
        f"| {median(loaded[name]):.3f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a folder on the disk to measure; the system's temporary one")
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    tensors = state(options.megabytes)
    size = sum(tensor.nbytes for tensor in tensors.values())
    saved, loaded = measured(options.folder, tensors, options.pairs)
    print(f"{size / 1e6:.0f} MB in {len(tensors)} tensors; medians of {options.pairs} rounds, quartiles of the ratio\n")
    print("| | save, s | beyond a plain save | load, s |")
    print("|---|---|---|---|")
    for name in WAYS:
        print(row(name, saved, loaded))
    print(
        f"\ntorch {torch.__version__}, safetensors {safetensors.__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}"
    )


if __name__ == "__main__":
    main()
