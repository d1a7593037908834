"""Striate: `striate train PHOTOGRAPHS --net efficientnet_lite0 --pretrained`, or from scratch for some minutes."""

import json
import tempfile
import time
from pathlib import Path

import torch
from transfer_data import calibration_error, drawn, options

import striate
import striate.training.train  # imports are not counted, as those of the peers are not
from striate.data.picture_files import PictureFiles
from striate.data.records import DataSet
from striate.verbs.train import train

given = options(variants=0, scratch=0.0)
begun = time.perf_counter()
parts = drawn(given.folder, given.count, given.seed)
some, others = (
    PictureFiles(
        given.folder,
        [str(file.relative_to(given.folder)) for file, _ in part],
        torch.tensor([label for _, label in part]),
        (3, 300, 300),
    )
    for part in parts[:2]
)
data = DataSet("photographs", tuple(parts[2]), some, others)
with tempfile.TemporaryDirectory() as folder:
    if given.scratch:
        settings = {"regime": "scratch", "minutes": given.scratch, "batch_size": 32, "flip": True}
    else:
        settings = {"pretrained": True, "variants": given.variants}
    trained = train(data, "efficientnet_lite0", run=Path(folder) / "run", seed=given.seed, **settings)
seconds = time.perf_counter() - begun
found = trained.evaluation
print(
    json.dumps(
        {
            "accuracy": trained.accuracy,
            "ece": calibration_error(found.probabilities.numpy(), found.labels.numpy()),
            "seconds": seconds,
            "regime": trained.model.facts["regime"],
            "versions": f"striate {striate.__version__}, torch {torch.__version__}",
        }
    )
)
