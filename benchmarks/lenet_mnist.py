"""LeNet-5 on MNIST: seconds to 99 % and seconds an epoch, against peers measured in the same run, losses too.

python benchmarks/lenet_mnist.py [MNIST FOLDER] [--peers PYTHON]

MNIST FOLDER holds the four gzip IDX files. PYTHON is an interpreter that has torch, tensorflow and keras (see
benchmarks/README.md); without it Keras is left out and said to be. Every measurement is a process of its own, in turn,
one of each per seed; a figure is the median over the seeds. Evaluation is not part of any time.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
SEEDS = (0, 1, 2)
GOAL = 0.99


def measure(python, script, folder, *options):
    """The JSON line that a peer prints."""
    command = [python, str(HERE / "peers" / script), str(folder), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def to_goal(result):
    """Seconds of training until an epoch ends with the goal reached, or None."""
    total = 0.0
    for seconds, accuracy in zip(result["seconds"], result["accuracy"], strict=True):
        total += seconds
        if accuracy >= GOAL:
            return total
    return None


def whole(result):
    """Seconds of the whole training, if its end reaches the goal."""
    return sum(result["seconds"]) if result["accuracy"][-1] >= GOAL else None


def spread(values):
    """median (least to most) of the values that are there."""
    there = [v for v in values if v is not None]
    if len(there) < len(values):
        return None, f"reached by {len(there)} of {len(values)} seeds"
    return median(there), f"{median(there):.2f} ({min(there):.2f}–{max(there):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=HERE.parent.parent / "shared" / "data" / "mnist", type=Path)
    parser.add_argument("--peers", default=os.environ.get("PEERS_PYTHON"))
    options = parser.parse_args()
    rows = {name: [] for name in ("canonical 64", "canonical 128", "keras 64", "keras 128")}
    rows |= {f"striate {name}": [] for name in ("2 epochs", "default", "64", "128", "64 bfloat16", "128 bfloat16")}
    for seed in SEEDS:
        s = ("--seed", seed)
        run = lambda script, *more, s=s: measure(sys.executable, script, options.folder, *s, *more)  # noqa: E731
        rows["canonical 64"].append(run("canonical.py", "--epochs", 12, "--until", GOAL))
        rows["striate 2 epochs"].append(run("striate_run.py", "--epochs", 2))
        rows["striate 64"].append(run("striate_run.py", "--epochs", 3, "--batch", 64, "--precision", "float32"))
        rows["canonical 128"].append(run("canonical.py", "--epochs", 2, "--batch", 128))
        rows["striate 128"].append(run("striate_run.py", "--epochs", 3, "--batch", 128, "--precision", "float32"))
        rows["striate 64 bfloat16"].append(
            run("striate_run.py", "--epochs", 3, "--batch", 64, "--precision", "bfloat16")
        )
        rows["striate 128 bfloat16"].append(
            run("striate_run.py", "--epochs", 3, "--batch", 128, "--precision", "bfloat16")
        )
        rows["striate default"].append(run("striate_run.py"))
        if options.peers:
            for batch in (64, 128):
                result = measure(options.peers, "keras_tensorflow.py", options.folder, *s, "--batch", batch)
                rows[f"keras {batch}"].append(result)
    print_tables(rows)


def print_tables(rows):
    versions = sorted({r["version"] for results in rows.values() for r in results})
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {'; '.join(versions)}")
    print(f"\nSeconds of training to {GOAL:.0%} of the 10,000 test digits, median of {len(SEEDS)} seeds\n")
    usual, usual_text = spread([to_goal(r) for r in rows["canonical 64"]])
    ours, ours_text = spread([whole(r) for r in rows["striate 2 epochs"]])
    print("| | seconds | times as fast |\n|---|---|---|")
    print(f"| usual script, batch 64, float32, default allocator | {usual_text} | 1 |")
    print(
        f"| Striate, 2 epochs | {ours_text} | {usual / ours:.1f} |"
        if usual and ours
        else f"| Striate | {ours_text} | |"
    )
    final = sorted(r["accuracy"][-1] for r in rows["striate default"])
    seconds = median(sum(r["seconds"]) for r in rows["striate default"])
    print(
        f"\nDefault recipe: {len(rows['striate default'][0]['seconds'])} epochs, {seconds:.2f} s, "
        f"accuracy {median(final):.2%} ({final[0]:.2%}–{final[-1]:.2%})"
    )
    print(
        "\nSeconds an epoch (the first one left out)\n\n"
        "| batch | what | seconds | Striate float32 is |\n|---|---|---|---|"
    )
    for batch in ("64", "128"):
        ours = median(median(r["seconds"][1:]) for r in rows[f"striate {batch}"])
        for name in ("canonical", "keras", "striate", "striate bfloat16"):
            key = f"striate {batch} bfloat16" if name.endswith("16") else f"{name} {batch}"
            if not rows[key]:
                print(f"| {batch} | {name} | not measured: give --peers | |")
                continue
            value, text = spread([median(r["seconds"][1:] or r["seconds"]) for r in rows[key]])
            print(f"| {batch} | {name} | {text} | {value / ours:.2f} x as fast |")


if __name__ == "__main__":
    main()
