"""What both sides of the throughput benchmark are given: options, pictures of noise, and padded digits."""

import argparse

import torch


def given(**more):
    """The options of the command line; `more`: name and default of further ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("net")
    parser.add_argument("image", type=lambda text: tuple(map(int, text.split("x"))))
    parser.add_argument("batch", type=int)
    parser.add_argument("steps", type=int)
    parser.add_argument("--accuracy", help="a folder with MNIST: one epoch of it, and a test")
    parser.add_argument("--seed", type=int, default=0)
    for name, default in more.items():
        parser.add_argument(f"--{name}", default=default)
    return parser.parse_args()


def noise(count, image):
    """(count, *image) uint8 and labels (count,) of ten classes."""
    draw = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, *image), generator=draw, dtype=torch.uint8), torch.arange(count) % 10


def padded_digits(folder, count, side):
    """((n, 1, side, side) uint8, labels (n,)) of `count` digits to train on, and of 5,000 to test."""
    from striate.data.read import read

    data = read(folder)
    pad = (side - 28) // 2
    parts = data.train.take(torch.arange(count)), data.test.take(torch.arange(5000))
    return [(torch.nn.functional.pad(part.images, (pad,) * 4), part.labels) for part in parts]
