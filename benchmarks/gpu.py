"""On a GPU: ResNet-50 training at 224 pixels against a plain loop, and CIFAR-10 to 94 %.

python benchmarks/gpu.py [--cifar FOLDER] [--quick]

ResNet-50 in bfloat16 and channels last on noise, pictures a second, medians over rounds of a plain loop in its defaults
(float32, NCHW), the same loop with autocast, and Striate. CIFAR-10 needs its data (see docs/data.md); it is left out
and said to be where they are not there. Without a GPU nothing is measured, and the exit code is 3.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn

import striate
from striate.data.records import data_set, pictures
from striate.errors import StriateError
from striate.networks import build
from striate.training.events import Epoch

SIDE, CLASSES = 224, 1000


def plain(batch, steps, autocast):
    """Pictures a second of a loop as people write it."""
    net = build("resnet50", (3, SIDE, SIDE), CLASSES).cuda()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x = torch.randn(batch, 3, SIDE, SIDE, device="cuda")
    y = torch.arange(batch, device="cuda") % CLASSES
    for step in range(steps + 3):
        if step == 3:
            torch.cuda.synchronize()
            begun = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
            loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    torch.cuda.synchronize()
    return batch * steps / (time.perf_counter() - begun)


def ours(batch, steps):
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (batch * steps, 3, SIDE, SIDE), generator=draw, dtype=torch.uint8)
    names = tuple(map(str, range(CLASSES)))
    train = pictures(pixels, torch.arange(batch * steps) % CLASSES)
    epochs = []
    with tempfile.TemporaryDirectory() as spare:
        striate.train(
            data_set("noise", names, train=train, test=None),
            "resnet50",
            run=Path(spare) / "run",
            epochs=2,
            batch_size=batch,
            device="cuda",
            tell=lambda event: epochs.append(event.seconds) if isinstance(event, Epoch) else None,
        )
    return len(train) / (epochs[1] - epochs[0])


def cifar(folder, quick):
    """Seconds of training and accuracy of a ResNet-18 at 32 pixels, or why not."""
    with tempfile.TemporaryDirectory() as spare:
        try:
            trained = striate.train(
                "cifar10" if folder is None else folder,
                "resnet18",
                run=Path(spare) / "run",
                image=(3, 32, 32),
                epochs=1 if quick else 16,
                batch_size=512,
                rate=0.4,
                flip=True,
                shift=4,
                device="cuda",
            )
        except StriateError as error:
            return f"CIFAR-10: left out ({error})"
    return f"CIFAR-10: {trained.accuracy:.2%} after {trained.seconds:.1f} s of training"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU is there: nothing was measured", file=sys.stderr)
        return 3
    batch, steps, rounds = (32, 3, 1) if options.quick else (256, 20, 3)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batch {batch}, medians of {rounds}\n")
    speeds = {"plain float32": [], "plain with autocast": [], "Striate": []}
    for _ in range(rounds):
        speeds["plain float32"].append(plain(batch, steps, False))
        speeds["plain with autocast"].append(plain(batch, steps, True))
        speeds["Striate"].append(ours(batch, steps))
    base = median(speeds["plain float32"])
    print("| ResNet-50 at 224 | pictures a second | ratio |\n|---|---:|---:|")
    for name, values in speeds.items():
        print(f"| {name} | {median(values):.0f} | {median(values) / base:.2f} |")
    print(f"\n{cifar(options.cifar, options.quick)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
