"""Visualizing and Understanding Convolutional Networks. Zeiler, Fergus, ECCV 2014. arXiv:1311.2901

AlexNet on one GPU with a finer first layer, found by looking at what the layers see (figure 3). `zfnet_wide` has
512, 1024, 512 maps in layers 3 to 5 (table 2).

Deviations: the paper does not print the constants of its contrast normalisation across maps; they are AlexNet's here.
Its sizes 110, 55, 26, 13, 6 need one pixel of padding on conv1, none on conv2, and pools that keep a last partial
window.
"""

from __future__ import annotations

from torch import nn

from striate.layers.response_norm import response_norm
from striate.rows import Shape, conv, linear, stack
from striate.zoo.facts import network

PAPER = "Visualizing and Understanding Convolutional Networks"


def figure_3(maps: tuple[int, int, int], image: Shape, classes: int) -> nn.Sequential:
    """The eight layers of figure 3, with `maps` in layers 3, 4 and 5."""
    return stack(
        image,
        conv1=conv(96, 7, stride=2, padding=1), relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3, 2, ceil_mode=True), norm1=response_norm(),
        conv2=conv(256, 5, stride=2), relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(3, 2, ceil_mode=True), norm2=response_norm(),
        conv3=conv(maps[0], 3, padding=1), relu3=nn.ReLU(),
        conv4=conv(maps[1], 3, padding=1), relu4=nn.ReLU(),
        conv5=conv(maps[2], 3, padding=1), relu5=nn.ReLU(),
        pool5=nn.MaxPool2d(3, 2),
        flatten=nn.Flatten(),
        fc6=linear(4096), relu6=nn.ReLU(), drop6=nn.Dropout(),
        fc7=linear(4096), relu7=nn.ReLU(), drop7=nn.Dropout(),
        fc8=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2013, parameters=62_357_608, multiply_adds=1_168_032_896,
    top1=61.6, top5=83.5, source="paper, table 2, one network, ten views",
)  # fmt: skip
def zfnet(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """The network of figure 3."""
    return figure_3((384, 384, 256), image, classes)


@network(
    paper=PAPER, year=2013, parameters=107_627_624, multiply_adds=2_476_704_896,
    top1=62.5, top5=84.0, source="paper, table 2, one network, ten views",
)  # fmt: skip
def zfnet_wide(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """With 512, 1024 and 512 maps in layers 3, 4 and 5."""
    return figure_3((512, 1024, 512), image, classes)
