"""Pictures a second of Striate's training.

python throughput_striate.py NETWORK CHANNELSxHEIGHTxWIDTH BATCH STEPS [--accuracy MNIST] [--precision auto] [--seed 0]
"""

import json
import tempfile
from pathlib import Path

from throughput_data import given, noise, padded_digits

import striate
from striate.data.records import data_set, pictures
from striate.training.events import Epoch


def main():
    options = given(precision="auto")
    image, count, test = options.image, options.batch * options.steps, None
    if options.accuracy is None:
        train = pictures(*noise(count, image))
    else:
        train, test = (pictures(*part) for part in padded_digits(options.accuracy, count, image[2]))
    dataset = data_set("benchmark", tuple("0123456789"), train=train, test=test)
    epochs = []
    with tempfile.TemporaryDirectory() as spare:
        trained = striate.train(
            dataset,
            options.net,
            run=Path(spare) / "run",
            image=image,
            epochs=2 if test is None else 1,
            batch_size=options.batch,
            rate=0.05,
            schedule="cosine",
            clip=0.0,
            label_smoothing=0.0,
            shift=0,
            precision=options.precision,
            seed=options.seed,
            tell=lambda event: epochs.append(event.seconds) if isinstance(event, Epoch) else None,
        )
        settings = trained.run.settings()
    seconds = epochs[-1] - (epochs[-2] if len(epochs) > 1 else 0.0)
    chosen = f"{settings['precision']} {settings['memory_format']} {settings['threads']} threads"
    print(json.dumps({"speed": len(train) / seconds, "accuracy": trained.accuracy, "chosen": chosen}))


if __name__ == "__main__":
    main()
