"""LeNet-5 on MNIST as the usual PyTorch script trains it; prints one JSON line.

A data set that gives one picture at a time, ToTensor and Normalize for each, a DataLoader, SGD with momentum.
torchvision's transforms are used where torchvision can be imported; else their two steps are written out.
"""

import argparse
import json
import time

import numpy as np
import torch
from mnist import pictures
from other_torchvision import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

MEAN, STD = 0.1307, 0.3081


def transform():
    package = torchvision()
    if package is None:
        return lambda picture: (torch.from_numpy(np.array(picture)).float().div(255)[None] - MEAN) / STD
    steps = package.transforms
    return steps.Compose([steps.ToTensor(), steps.Normalize((MEAN,), (STD,))])


class Digits(Dataset):
    """Pictures and labels, one at a time, as torchvision's MNIST gives them."""

    def __init__(self, images, labels):
        self.images, self.labels, self.transform = images, labels, transform()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until", type=float, default=2.0, help="stop at this test accuracy")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    train, test = (Digits(*pictures(options.folder, part)) for part in ("train", "t10k"))
    loader = DataLoader(train, options.batch, shuffle=True)
    net, loss_of = lenet5(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    seconds, accuracies = [], []
    for _ in range(options.epochs):
        net.train()
        begun = time.perf_counter()
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_of(net(x), y)
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - begun)
        net.eval()
        with torch.no_grad():
            right = sum(int((net(x).argmax(1) == y).sum()) for x, y in DataLoader(test, 1000))
        accuracies.append(right / len(test))
        if accuracies[-1] >= options.until:
            break
    print(json.dumps({"seconds": seconds, "accuracy": accuracies, "version": f"torch {torch.__version__}"}))


main()
