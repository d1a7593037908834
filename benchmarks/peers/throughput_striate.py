"""Pictures a second of Striate's training.

python throughput_striate.py NETWORK CHANNELSxHEIGHTxWIDTH BATCH STEPS ACCURACY_FOLDER|- PRECISION
"""

import json
import sys
import tempfile
from pathlib import Path

import torch

import striate
from striate.data.read import read
from striate.data.records import data_set, pictures
from striate.training.events import Epoch


def main():
    name, image, batch, steps, folder, precision = sys.argv[1:]
    image = tuple(map(int, image.split("x")))
    batch, steps = int(batch), int(steps)
    if folder == "-":
        draw = torch.Generator().manual_seed(0)
        pixels = torch.randint(256, (batch * steps, *image), generator=draw, dtype=torch.uint8)
        train, test = pictures(pixels, torch.arange(batch * steps) % 10), None
    else:
        data = read(folder)
        train, test = data.train.take(torch.arange(batch * steps)), data.test.take(torch.arange(5000))
    dataset = data_set("benchmark", tuple("0123456789"), train=train, test=test)
    epochs = []
    with tempfile.TemporaryDirectory() as spare:
        trained = striate.train(
            dataset,
            name,
            run=Path(spare) / "run",
            image=image,
            epochs=2 if test is None else 1,
            batch_size=batch,
            rate=0.05,
            schedule="constant",
            label_smoothing=0.0,
            shift=0,
            precision=precision,
            tell=lambda event: epochs.append(event.seconds) if isinstance(event, Epoch) else None,
        )
        settings = trained.run.settings()
    seconds = epochs[-1] - (epochs[-2] if len(epochs) > 1 else 0.0)
    chosen = f"{settings['precision']} {settings['memory_format']} {settings['threads']} threads"
    print(json.dumps({"speed": len(train) / seconds, "accuracy": trained.accuracy, "chosen": chosen}))


if __name__ == "__main__":
    main()
