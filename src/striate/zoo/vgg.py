"""Very Deep Convolutional Networks for Large-Scale Image Recognition. Simonyan, Zisserman, ICLR 2015. arXiv:1409.1556

Columns A, B, D and E of table 1 are VGG-11, 13, 16 and 19. Child names are torchvision's.

Deviations: an adaptive average pool before the first fully connected layer lets other image sizes in; at 224x224 it
changes nothing. The `_bn` variants, batch normalisation after each convolution (which keeps its bias), are
torchvision's and in no paper. Accuracies are those of torchvision's weights on one crop; the paper's 7.3 % top-5 error
is an ensemble on the test set.
"""

from __future__ import annotations

from torch import nn

from striate.rows import Row, Shape, conv, linear, norm, stack
from striate.zoo.facts import network

PAPER = "Very Deep Convolutional Networks for Large-Scale Image Recognition"
SOURCE = "torchvision, one crop"

TABLE_1 = {  # 3x3 convolutions to each number of maps; M is a max-pool
    "A": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "B": (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "D": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    "E": (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"),
}


def layer(maps: int | str, normed: bool) -> list[Row]:
    """The rows of one entry of the table."""
    if isinstance(maps, str):
        return [nn.MaxPool2d(2)]
    return [conv(maps, 3, padding=1), *([norm()] if normed else []), nn.ReLU()]


def vgg(column: str, image: Shape, classes: int, *, normed: bool = False) -> nn.Sequential:
    """The network of one column of table 1."""
    return stack(
        image,
        features=lambda shape: stack(shape, *(row for maps in TABLE_1[column] for row in layer(maps, normed))),
        avgpool=nn.AdaptiveAvgPool2d(7),
        flatten=nn.Flatten(),
        classifier=lambda shape: stack(
            shape,
            linear(4096), nn.ReLU(), nn.Dropout(),
            linear(4096), nn.ReLU(), nn.Dropout(),
            linear(classes),
        ),
    )  # fmt: skip


@network(
    paper=PAPER, year=2014, parameters=132_863_336, multiply_adds=7_609_090_048,
    top1=69.02, top5=88.628, source=SOURCE,
)  # fmt: skip
def vgg11(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column A."""
    return vgg("A", image, classes)


@network(
    paper=PAPER, year=2014, parameters=133_047_848, multiply_adds=11_308_466_176,
    top1=69.928, top5=89.246, source=SOURCE,
)  # fmt: skip
def vgg13(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column B."""
    return vgg("B", image, classes)


@network(
    paper=PAPER, year=2014, parameters=138_357_544, multiply_adds=15_470_264_320,
    top1=71.592, top5=90.382, source=SOURCE,
)  # fmt: skip
def vgg16(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column D."""
    return vgg("D", image, classes)


@network(
    paper=PAPER, year=2014, parameters=143_667_240, multiply_adds=19_632_062_464,
    top1=72.376, top5=90.876, source=SOURCE,
)  # fmt: skip
def vgg19(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column E."""
    return vgg("E", image, classes)


@network(
    paper=PAPER, year=2014, parameters=132_868_840, multiply_adds=7_609_090_048,
    top1=70.37, top5=89.81, source=SOURCE,
)  # fmt: skip
def vgg11_bn(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column A with batch normalisation."""
    return vgg("A", image, classes, normed=True)


@network(
    paper=PAPER, year=2014, parameters=133_053_736, multiply_adds=11_308_466_176,
    top1=71.586, top5=90.374, source=SOURCE,
)  # fmt: skip
def vgg13_bn(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column B with batch normalisation."""
    return vgg("B", image, classes, normed=True)


@network(
    paper=PAPER, year=2014, parameters=138_365_992, multiply_adds=15_470_264_320,
    top1=73.36, top5=91.516, source=SOURCE,
)  # fmt: skip
def vgg16_bn(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column D with batch normalisation."""
    return vgg("D", image, classes, normed=True)


@network(
    paper=PAPER, year=2014, parameters=143_678_248, multiply_adds=19_632_062_464,
    top1=74.218, top5=91.842, source=SOURCE,
)  # fmt: skip
def vgg19_bn(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Column E with batch normalisation."""
    return vgg("E", image, classes, normed=True)
