"""Pictures a second of training as people write it: float32, NCHW, torch's own allocator and threads.

python throughput_plain.py NETWORK CHANNELSxHEIGHTxWIDTH BATCH STEPS ACCURACY_FOLDER|-
"""

import json
import sys
import time

import torch
from torch import nn

from striate.networks import build  # the same layers as Striate trains; nothing else of it is used


def main():
    name, image, batch, steps, folder = sys.argv[1:]
    image = tuple(map(int, image.split("x")))
    batch, steps = int(batch), int(steps)
    torch.manual_seed(0)
    classes = 10
    if folder == "-":
        draw = torch.Generator().manual_seed(0)
        pixels = torch.randint(256, (batch * steps, *image), generator=draw, dtype=torch.uint8)
        labels = torch.arange(batch * steps) % classes
        test = None
    else:
        pixels, labels, test = mnist(folder, batch * steps, image)
    images = pixels.float() / 255
    mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
    images = (images - mean) / std
    net = build(name, image, classes)
    for layer in net.modules():  # as Striate starts
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()
    seconds = []
    for _ in range(2 if test is None else 1):
        net.train()
        begun = time.perf_counter()
        order = torch.randperm(len(labels))
        for index in order.split(batch):
            optimizer.zero_grad()
            loss = criterion(net(images[index]), labels[index])
            loss.backward()
            optimizer.step()
            loss.item()
        seconds.append(time.perf_counter() - begun)
    accuracy = None
    if test is not None:
        net.eval()
        with torch.no_grad():
            given = [net((part.float() / 255 - mean) / std).argmax(1) for part in test[0].split(500)]
        accuracy = float((torch.cat(given) == test[1]).float().mean())
    print(json.dumps({"speed": len(labels) / seconds[-1], "accuracy": accuracy}))


def mnist(folder, count, image):
    from striate.data.read import read

    data = read(folder)
    pad = (image[2] - 28) // 2
    train, test = data.train.take(torch.arange(count)), data.test.take(torch.arange(5000))
    padded = [nn.functional.pad(part.images, (pad,) * 4) for part in (train, test)]
    return padded[0], train.labels, (padded[1], test.labels)


if __name__ == "__main__":
    main()
