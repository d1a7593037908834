"""Going Deeper with Convolutions. Szegedy, Liu, Jia, Sermanet, Reed, Anguelov and others, CVPR 2015. arXiv:1409.4842

`googlenet` is table 1 as printed, with 5x5 convolutions and without batch normalisation. `googlenet_bn` is the network
of torchvision's checkpoint, which came from TensorFlow: batch normalisation, 3x3 convolutions where 5x5 stands in the
table, a last max-pool of 2x2, no response normalisation, dropout 0.2. Each has a variant with the two auxiliary
classifiers of section 5, whose losses the paper adds with weight 0.3. Child names are torchvision's in all of them.

Deviations: the paper does not print the constants of its response normalisation; they are those of the Caffe model
(5 maps, alpha 1e-4 divided by 5, beta 0.75, k 1). The auxiliary classifiers of `googlenet_bn_aux` average to 4x4
adaptively. torchvision trained with mean and standard deviation 0.5. Table 1's "ops" and "params" columns count
otherwise; the 6.7 % top-5 error of the lectures is that of seven networks and 144 crops.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from striate.layers.auxiliary import Auxiliary
from striate.layers.branches import branches, chain
from striate.layers.conv_norm import conv_norm
from striate.rows import Row, Shape, Size, conv, linear, stack
from striate.zoo.facts import network

PAPER = "Going Deeper with Convolutions"

TABLE_1 = {  # maps of: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def conv_relu(out: int, kernel: Size, *, stride: Size = 1, padding: Size = 0) -> Row:
    """A convolution and its ReLU."""
    return lambda shape: stack(shape, conv=conv(out, kernel, stride=stride, padding=padding), relu=nn.ReLU())


brick = partial(conv_norm, eps=1e-3)  # in place of `conv_relu` where there is batch normalisation


def inception(name: str, *, normed: bool) -> Row:
    """The module of figure 2(b) with the maps of one row of table 1; `normed` as in torchvision's checkpoint."""
    one, three_reduce, three, five_reduce, five, pool = TABLE_1[name]
    layer, wide, border = (brick, 3, 1) if normed else (conv_relu, 5, 2)
    return branches(
        branch1=layer(one, 1),
        branch2=chain(layer(three_reduce, 1), layer(three, 3, padding=1)),
        branch3=chain(layer(five_reduce, 1), layer(five, wide, padding=border)),
        branch4=chain(nn.MaxPool2d(3, 1, 1, ceil_mode=True), layer(pool, 1)),
    )


def inceptions(stage: str, *, normed: bool = False) -> dict[str, Row]:
    """The modules of one stage of table 1 by name."""
    return {f"inception{name}": inception(name, normed=normed) for name in TABLE_1 if name.startswith(stage)}


def halved(kernel: int = 3) -> nn.MaxPool2d:
    """Max-pooling with stride 2 that looks at a last partial window too."""
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)


def head(reduce: nn.Module, layer: Row, classes: int) -> Row:
    """An auxiliary classifier: average, 1x1 convolution, two fully connected layers (section 5)."""
    return lambda shape: stack(
        shape,
        avgpool=reduce, conv=layer, flatten=nn.Flatten(),
        fc1=linear(1024), relu=nn.ReLU(), dropout=nn.Dropout(0.7), fc2=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2014, parameters=6_998_552, multiply_adds=1_582_671_872,
    top1=68.7, top5=88.9, source="BVLC Caffe model, one crop; the paper has 89.93 top-5",
)  # fmt: skip
def googlenet(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """GoogLeNet as printed in table 1."""
    return stack(
        image,
        conv1=conv_relu(64, 7, stride=2, padding=3), maxpool1=halved(), norm1=nn.LocalResponseNorm(5),
        conv2=conv_relu(64, 1), conv3=conv_relu(192, 3, padding=1), norm2=nn.LocalResponseNorm(5), maxpool2=halved(),
        **inceptions("3"), maxpool3=halved(),
        **inceptions("4"), maxpool4=halved(),
        **inceptions("5"),
        avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dropout=nn.Dropout(0.4), fc=linear(classes),
    )  # fmt: skip


@network(paper=PAPER, year=2014, parameters=13_378_280, multiply_adds=1_582_671_872)
def googlenet_aux(image: Shape = (3, 224, 224), classes: int = 1000) -> Auxiliary:
    """As printed, with its auxiliary classifiers; `with_auxiliary` takes 1,591,044,096 multiply-adds."""
    return Auxiliary(
        image, googlenet(image, classes),
        aux1=("inception4a", head(nn.AvgPool2d(5, 3, ceil_mode=True), conv_relu(128, 1), classes)),
        aux2=("inception4d", head(nn.AvgPool2d(5, 3, ceil_mode=True), conv_relu(128, 1), classes)),
    )  # fmt: skip


@network(
    paper=PAPER, year=2014, parameters=6_624_904, multiply_adds=1_498_376_192,
    top1=69.778, top5=89.53, source="torchvision, one crop",
)  # fmt: skip
def googlenet_bn(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """GoogLeNet as torchvision's checkpoint has it, less its auxiliary classifiers."""
    return stack(
        image,
        conv1=brick(64, 7, stride=2, padding=3), maxpool1=halved(),
        conv2=brick(64, 1), conv3=brick(192, 3, padding=1), maxpool2=halved(),
        **inceptions("3", normed=True), maxpool3=halved(),
        **inceptions("4", normed=True), maxpool4=halved(2),
        **inceptions("5", normed=True),
        avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dropout=nn.Dropout(0.2), fc=linear(classes),
    )  # fmt: skip


@network(paper=PAPER, year=2014, parameters=13_004_888, multiply_adds=1_498_376_192)
def googlenet_bn_aux(image: Shape = (3, 224, 224), classes: int = 1000) -> Auxiliary:
    """All of torchvision's checkpoint; `with_auxiliary` takes 1,506,748,416 multiply-adds."""
    return Auxiliary(
        image, googlenet_bn(image, classes),
        aux1=("inception4a", head(nn.AdaptiveAvgPool2d(4), brick(128, 1), classes)),
        aux2=("inception4d", head(nn.AdaptiveAvgPool2d(4), brick(128, 1), classes)),
    )  # fmt: skip
