"""Pictures a second of training as people write it: float32, NCHW, torch's own allocator and threads.

python throughput_plain.py NETWORK CHANNELSxHEIGHTxWIDTH BATCH STEPS [--accuracy MNIST] [--seed 0]
"""

import json
import time

import torch
from throughput_data import given, noise, padded_digits
from torch import nn

from striate.networks import build  # the same layers as Striate trains; nothing else of it is used


def main():
    options = given()
    image, batch, count = options.image, options.batch, options.batch * options.steps
    if options.accuracy is None:
        (pixels, labels), test = noise(count, image), None
    else:
        train, test = padded_digits(options.accuracy, count, image[2])
        pixels, labels = train
    torch.manual_seed(options.seed)
    images = pixels.float() / 255
    mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
    images = (images - mean) / std
    net = build(options.net, image, 10)
    for layer in net.modules():  # as Striate starts
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    epochs = 2 if test is None else 1
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * options.steps)
    criterion = nn.CrossEntropyLoss()
    seconds = []
    for _ in range(epochs):
        net.train()
        begun = time.perf_counter()
        order = torch.randperm(len(labels))
        for index in order.split(batch):
            optimizer.zero_grad()
            loss = criterion(net(images[index]), labels[index])
            loss.backward()
            optimizer.step()
            schedule.step()
            loss.item()
        seconds.append(time.perf_counter() - begun)
    accuracy = None
    if test is not None:
        net.eval()
        with torch.no_grad():
            answers = [net((part.float() / 255 - mean) / std).argmax(1) for part in test[0].split(500)]
        accuracy = float((torch.cat(answers) == test[1]).float().mean())
    print(json.dumps({"speed": len(labels) / seconds[-1], "accuracy": accuracy}))


if __name__ == "__main__":
    main()
