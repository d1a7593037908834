"""An epoch of training input from a folder of JPEGs as the usual PyTorch script gets it; prints one JSON line.

ImageFolder, Resize, RandomHorizontalFlip, ToTensor and Normalize for each picture, in a DataLoader whose workers stay
between epochs. `--decoder torchvision` decodes and resizes with torchvision's own functions in place of Pillow's.
Without torchvision the same steps are written out.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from other_torchvision import torchvision
from PIL import Image
from torch.utils.data import DataLoader

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE = (224, 224)


class Folder:
    """What ImageFolder does, where torchvision is not there."""

    def __init__(self, folder, transform):
        classes = sorted(path.name for path in Path(folder).iterdir())
        self.samples = [(path, k) for k, name in enumerate(classes) for path in sorted(Path(folder, name).iterdir())]
        self.transform = transform

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        path, label = self.samples[index]
        with path.open("rb") as file:
            return self.transform(Image.open(file).convert("RGB")), label


def written_out(picture):
    picture = picture.resize(SIZE[::-1], Image.BILINEAR)
    if torch.rand(1) < 0.5:
        picture = picture.transpose(Image.FLIP_LEFT_RIGHT)
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255)
    return pixels.sub_(torch.tensor(MEAN).view(3, 1, 1)).div_(torch.tensor(STD).view(3, 1, 1))


def data_set(folder, decoder):
    package = torchvision()
    if package is None:
        if decoder != "pillow":
            raise SystemExit("torchvision is not here")
        return Folder(folder, written_out), "Pillow"
    if decoder == "pillow":
        steps = package.transforms
        every = [steps.Resize(SIZE), steps.RandomHorizontalFlip(), steps.ToTensor(), steps.Normalize(MEAN, STD)]
        return package.datasets.ImageFolder(folder, steps.Compose(every)), f"torchvision {package.__version__}"
    steps = package.transforms.v2
    every = [steps.Resize(SIZE, antialias=True), steps.RandomHorizontalFlip(), steps.ToDtype(torch.float32, scale=True)]
    read = package.io.decode_image
    read(
        package.io.read_file(str(next(Path(folder).rglob("*.jpg"))))
    )  # fails here where its compiled part does not fit
    made = package.datasets.ImageFolder(
        folder, steps.Compose([*every, steps.Normalize(MEAN, STD)]), loader=lambda p: read(package.io.read_file(p))
    )
    return made, f"torchvision {package.__version__}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--decoder", default="pillow", choices=["pillow", "torchvision"])
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    pictures, version = data_set(options.folder, options.decoder)
    workers = options.workers
    loader = DataLoader(pictures, options.batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    seconds = []
    for _ in range(options.epochs):
        begun = time.perf_counter()
        count = sum(len(x) for x, _ in loader)
        seconds.append(time.perf_counter() - begun)
    print(json.dumps({"seconds": seconds, "pictures": count, "version": f"{version}, Pillow {Image.__version__}"}))


main()
