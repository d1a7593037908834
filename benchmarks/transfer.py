"""Photographs learned in seconds: ten classes of Caltech-101 with frozen features, and what peers need for it.

python benchmarks/transfer.py [PHOTOGRAPHS] [--peers PYTHON] [--seeds 3] [--quick]

PHOTOGRAPHS is a folder with a folder of photographs for each class. 50 (or 10) of each class are drawn by a seed to
train on, and all others are the test. Every measurement is a process of its own; seconds are all in after the imports:
reading, decoding, weights, training, evaluation of the test part, the run folder and its report. Nothing is cached.

The peers, in the same run: the plain fine-tuning loop of PyTorch (the same weights, mirroring, AdamW, one-cycle, one
test at the end), stopped after 2 and after 8 epochs; a logistic regression of scikit-learn on features from the plain
float32 loop; Keras, where --peers names a Python that has it and weights that need no download; and the same network
from scratch for a minute. What trains for minutes is measured with the first seed only.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, median

HERE = Path(__file__).parent
COUNTS = (50, 10)
EPOCHS = (2, 8)


def measure(python, script, *arguments, cache):
    """The last line that a script prints, as JSON; None, and why, where it cannot run."""
    environment = {**os.environ, "STRIATE_CACHE": str(cache)}
    done = subprocess.run(
        [str(python), HERE / "peers" / script, *map(str, arguments)], capture_output=True, text=True, env=environment
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise SystemExit(f"{script}: {(done.stderr.strip().splitlines() or ['printed nothing'])[-1]}")
    return json.loads(lines[-1])


def rows(seed, quick):
    """What is measured with `seed`: name -> (script, options)."""
    found = {"Striate": ("transfer_striate.py", ())}
    found["scikit-learn on features of the plain loop"] = ("transfer_sklearn.py", ())
    if seed:
        return found
    for epochs in EPOCHS[:1] if quick else EPOCHS:
        found[f"plain fine-tuning, {epochs} epochs"] = ("transfer_finetune.py", ("--epochs", epochs))
    found["Striate from scratch"] = ("transfer_striate.py", ("--scratch", 0.2 if quick else 1.0))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="?", type=Path, default=HERE.parent / ".." / "shared/data/caltech10")
    parser.add_argument("--peers", type=Path, help="a Python with Keras")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one seed, 10 a class, short peers: shows that it runs")
    options = parser.parse_args()
    seeds = range(1 if options.quick else options.seeds)
    versions = set()
    for count in COUNTS[1:] if options.quick else COUNTS:
        found = {}
        for seed in seeds:
            for row, (script, more) in rows(seed, options.quick).items():
                with tempfile.TemporaryDirectory() as cache:
                    given = (options.photographs.resolve(), "--count", count, "--seed", seed, *more)
                    result = measure(sys.executable, script, *given, cache=cache)
                versions.add(result["versions"])
                found.setdefault(row, []).append(result)
                print(f"  {row}, seed {seed}: {result}", file=sys.stderr, flush=True)
        print_table(count, len(seeds), found)
    if options.peers:
        print(
            f"\nKeras: {measure(options.peers, 'transfer_keras.py', options.photographs.resolve(), cache='')['said']}"
        )
    print(f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {'; '.join(sorted(versions))}")


def print_table(count, seeds, found):
    print(f"\n{count} photographs a class to train, all others to test, {seeds} seeds (what trains for minutes: one)\n")
    print("| | accuracy, % | calibration error | seconds all in | times as long |\n|---|---|---|---|---|")
    ours = median(result["seconds"] for result in found["Striate"])
    for row, results in found.items():
        accuracy, ece, seconds = ([result[key] for result in results] for key in ("accuracy", "ece", "seconds"))
        said = f"{100 * mean(accuracy):.2f} ({100 * min(accuracy):.2f}-{100 * max(accuracy):.2f})"
        times = f"{median(seconds):.1f} ({min(seconds):.1f}-{max(seconds):.1f})"
        print(f"| {row} | {said} | {mean(ece):.4f} (to {max(ece):.4f}) | {times} | {median(seconds) / ours:.1f} |")
    best = mean(result["accuracy"] for result in found["Striate"])
    tuned = {row: results for row, results in found.items() if row.startswith("plain fine-tuning")}
    equal = [row for row, results in tuned.items() if mean(r["accuracy"] for r in results) >= best]
    if equal:
        ratio = median(r["seconds"] for r in tuned[equal[0]]) / ours
        print(f"\nThe first fine-tuning of at least equal accuracy ({equal[0]}) takes {ratio:.1f} times as long.")
    else:
        ratio = median(r["seconds"] for r in list(tuned.values())[-1]) / ours
        print(f"\nNo fine-tuning measured is as accurate; the longest takes {ratio:.1f} times as long.")


if __name__ == "__main__":
    main()
