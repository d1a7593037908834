"""Pictures a second of training, against a plain PyTorch loop in its defaults, measured in turn in the same run.

python benchmarks/training_throughput.py [--rounds 3] [--quick]

Each measurement is a process of its own and times its second epoch of noise; a figure is the median over the rounds.
The accuracy is of one epoch of 20,000 digits of MNIST, where its folder is beside the checkout.
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
CASES = (  # network, picture, batch, steps, wanted ratio
    ("resnet18", "3x224x224", 32, 6, 2.4),
    ("mobilenet_v1", "3x224x224", 32, 6, 3.2),
    ("resnet20", "3x32x32", 128, 20, 2.0),
    ("lenet5", "1x28x28", 128, 200, None),
)


def measure(script, *options):
    command = [sys.executable, str(HERE / "peers" / script), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of two steps: does it run?")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    print(f"{platform.processor() or platform.machine()}, medians of {rounds} rounds, pictures a second\n")
    print("| network | plain float32 NCHW | Striate float32 | ratio | Striate as it comes | ratio | wanted | chosen |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name, image, batch, steps, wanted in CASES:
        steps = 2 if options.quick else steps
        plain, exact, ours, chosen = [], [], [], ""
        for _ in range(rounds):
            plain.append(measure("throughput_plain.py", name, image, batch, steps, "-")["speed"])
            exact.append(measure("throughput_striate.py", name, image, batch, steps, "-", "float32")["speed"])
            found = measure("throughput_striate.py", name, image, batch, steps, "-", "auto")
            ours.append(found["speed"])
            chosen = found["chosen"]
        base = median(plain)
        print(
            f"| {name} {image}, batch {batch} | {base:.1f} | {median(exact):.1f} | {median(exact) / base:.2f} "
            f"| {median(ours):.1f} | {median(ours) / base:.2f} | {wanted or '–'} | {chosen} |",
            flush=True,
        )
    if MNIST.is_dir():
        steps = 2 if options.quick else 156
        plain = measure("throughput_plain.py", "resnet20", "1x32x32", 128, steps, MNIST)
        ours = measure("throughput_striate.py", "resnet20", "1x32x32", 128, steps, MNIST, "auto")
        print(f"\nResNet-20 after one epoch of {128 * steps:,} digits, on 5,000 others: ", end="")
        print(f"plain {plain['accuracy']:.2%}, Striate {ours['accuracy']:.2%} ({ours['chosen']}).")


if __name__ == "__main__":
    main()
