"""LeNet-5 on MNIST with Striate; prints one JSON line as the peers do."""

import argparse
import json
import tempfile

import striate  # before torch: it settles how torch's threads wait for each other

import torch  # isort: skip

from striate.training.events import Epoch


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    ends = []
    with tempfile.TemporaryDirectory() as folder:
        trained = striate.train(
            options.folder,
            "lenet5",
            run=folder,
            epochs=options.epochs,
            batch_size=options.batch,
            seed=options.seed,
            precision=options.precision,
            tell=lambda event: ends.append(event) if isinstance(event, Epoch) else None,
        )
    seconds = [b - a for a, b in zip([0.0, *(e.seconds for e in ends)], [e.seconds for e in ends], strict=False)]
    accuracy = [e.test_accuracy for e in ends]
    version = f"striate {striate.__version__}, torch {torch.__version__}, {trained.model.facts['precision']}"
    print(json.dumps({"seconds": seconds, "accuracy": accuracy, "version": version}))


main()
