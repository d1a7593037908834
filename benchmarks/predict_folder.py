"""`striate predict` on a folder of photographs: pictures a second, decoding included, against the loop people write.

python benchmarks/predict_folder.py [PHOTOGRAPHS] [--rounds 5] [--quick]

Both read the same network from the same file and have two threads: EfficientNet-Lite0 with its ImageNet weights, which
lets many answers be close calls, and three networks with random weights. The peer opens files with Pillow and runs the
network eagerly in float32, one picture at a time and 32 at a time; the faster of the two counts. Each measurement is a
process of its own, in turn; reading the network is not counted, all else is, in Striate looking through the network
too. Told are medians of the ratios to the peer in the same round, and the share of pictures with the same answer.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from lenet_mnist import measure

HERE = Path(__file__).parent
PUBLIC = "efficientnet_lite0"
RANDOM = ("efficientnet_lite0", "resnet18", "resnet50")
BATCHES = (1, 32)
ROUNDS, PICTURES = 5, 400
QUICK_ROUNDS, QUICK_PICTURES = 1, 40


def some_of(photographs, folder, count):
    """`count` of the photographs, spread over all, as files of one folder."""
    there = sorted(photographs.rglob("*.jpg"))
    if not there:
        raise SystemExit(f"{photographs}: holds no .jpg. Name a folder of photographs.")
    for number in range(min(count, len(there))):
        shutil.copy(there[number * len(there) // count], folder / f"{number:05}.jpg")


def random_model(name, folder):
    """The folder of a saved network with random weights that tell pictures apart: its batch norms have seen noise."""
    import torch

    from striate.data.preprocess import Preprocess
    from striate.model import Model
    from striate.networks import build, refer

    torch.manual_seed(0)
    net = build(name, (3, 224, 224), 1000).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(4, 3, 224, 224))
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    prepare = Preprocess((3, 224, 224), mean, std, "centre", resize=256)
    folder.mkdir()
    Model(net.eval(), tuple(map(str, range(1000))), prepare, refer(name)).save(folder)
    return folder


def rate(result):
    return result["pictures"] / result["seconds"]


def measured(folder, net, rounds):
    """Rates by row, one a round, and the answers of each row."""
    rows = {f"plain loop, {b} at a time": ("predict_plain.py", ("--batch", b)) for b in BATCHES}
    rows["Striate"] = ("predict_striate.py", ())
    rows |= {f"Striate, {p}": ("predict_striate.py", ("--precision", p)) for p in ("float32", "bfloat16")}
    rates, answers, versions = {row: [] for row in rows}, {}, set()
    for number in range(rounds):
        for row, (script, options) in list(rows.items())[:: -1 if number % 2 else 1]:
            result = measure(sys.executable, script, folder, "--net", net, *options)
            rates[row].append(rate(result))
            answers[row] = result["answers"]
            versions.add(result["version"])
    return rates, answers, versions


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", nargs="?", type=Path, default=HERE.parent.parent / "shared/data/caltech10")
    parser.add_argument("--quick", action="store_true", help="few pictures, one round: shows that it runs")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    rounds, count = (QUICK_ROUNDS, QUICK_PICTURES) if options.quick else (options.rounds, PICTURES)
    versions = set()
    with tempfile.TemporaryDirectory() as temporary:
        photographs = Path(temporary) / "photographs"
        photographs.mkdir()
        some_of(options.photographs, photographs, count)
        networks = {f"{PUBLIC}, ImageNet weights": PUBLIC}
        networks |= {f"{name}, random weights": random_model(name, Path(temporary) / name) for name in RANDOM}
        for title, net in networks.items():
            rates, answers, seen = measured(photographs, net, rounds)
            versions |= seen
            print_table(title, count, rates, answers)
    print(f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {'; '.join(sorted(versions))}")


def print_table(title, count, rates, answers):
    plain = max((row for row in rates if row.startswith("plain")), key=lambda row: median(rates[row]))
    print(f"\n{title}, {count} photographs, median of {len(rates[plain])} rounds\n")
    print("| | pictures a second | times as fast | same answer |\n|---|---:|---:|---:|")
    for row, values in rates.items():
        ratios = sorted(ours / theirs for ours, theirs in zip(values, rates[plain], strict=True))
        spread = "1" if row == plain else f"{median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"
        same = sum(a == b for a, b in zip(answers[row], answers[plain], strict=True)) / len(answers[plain])
        print(f"| {row} | {median(values):.1f} ({min(values):.1f}–{max(values):.1f}) | {spread} | {same:.1%} |")


if __name__ == "__main__":
    main()
