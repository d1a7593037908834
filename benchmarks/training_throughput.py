"""Pictures a second of training, against a plain PyTorch loop in its defaults, measured in turn in the same run.

python benchmarks/training_throughput.py [--rounds 5] [--quick] [--only NETWORK]

Each measurement is a process of its own and times its second epoch of noise, in turn. A figure is the median over the
rounds, a ratio the median of those within the rounds. The accuracy is of one epoch of 20,000 digits of MNIST, where its
folder is beside the checkout, with the same recipe on both sides: cosine schedule, no clipping, no smoothing.
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
MNIST = HERE.parent.parent / "shared" / "data" / "mnist"
SEEDS = 3
CASES = (  # network, picture, batch, steps, wanted ratio
    ("resnet18", "3x224x224", 32, 6, 2.4),
    ("mobilenet_v1", "3x224x224", 32, 6, 3.2),
    ("resnet20_cifar", "3x32x32", 128, 40, 2.0),
    ("lenet5", "1x28x28", 128, 200, None),
)


def measure(script, *options):
    command = [sys.executable, str(HERE / "peers" / script), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ratio(ours, base):
    """median (least to most) of the ratios within the rounds."""
    found = sorted(mine / theirs for mine, theirs in zip(ours, base, strict=True))
    return f"{median(found):.2f} ({found[0]:.2f}–{found[-1]:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round of two steps: does it run?")
    parser.add_argument("--only", choices=[name for name, *_ in CASES], help="this network alone")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    print(f"{platform.processor() or platform.machine()}, medians of {rounds} rounds, pictures a second\n")
    print("| network | plain float32 NCHW | Striate float32 | ratio | Striate as it comes | ratio | wanted | chosen |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name, image, batch, steps, wanted in CASES:
        if options.only not in (None, name):
            continue
        steps = 2 if options.quick else steps
        plain, exact, ours, chosen = [], [], [], ""
        for _ in range(rounds):
            given = (name, image, batch, steps)
            plain.append(measure("throughput_plain.py", *given)["speed"])
            exact.append(measure("throughput_striate.py", *given, "--precision", "float32")["speed"])
            found = measure("throughput_striate.py", *given)
            ours.append(found["speed"])
            chosen = found["chosen"]
        print(
            f"| {name} {image}, batch {batch} | {median(plain):.1f} | {median(exact):.1f} | {ratio(exact, plain)} "
            f"| {median(ours):.1f} | {ratio(ours, plain)} | {wanted or '–'} | {chosen} |",
            flush=True,
        )
    if MNIST.is_dir() and options.only in (None, "resnet20_cifar"):
        steps, seeds = (2, 1) if options.quick else (156, SEEDS)
        print(f"\nResNet-20 after one epoch of {128 * steps:,} digits, on 5,000 others, {seeds} seeds:", end=" ")
        for told, script in (("plain", "throughput_plain.py"), ("Striate as it comes", "throughput_striate.py")):
            given = ("resnet20_cifar", "1x32x32", 128, steps, "--accuracy", MNIST, "--seed")
            found = sorted(measure(script, *given, seed)["accuracy"] for seed in range(seeds))
            print(f"{told} {median(found):.2%} ({found[0]:.2%}–{found[-1]:.2%})", end="; ")
        print()


if __name__ == "__main__":
    main()
