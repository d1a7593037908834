"""ImageNet Classification with Deep Convolutional Neural Networks. Krizhevsky, Sutskever, Hinton, NIPS 2012.

`alexnet_grouped` is the printed network: its two GPUs are groups, since conv2, conv4 and conv5 see only the maps of
their own GPU. `alexnet_ungrouped` is the same network where every map sees all. `alexnet` is the one-tower network of
One Weird Trick for Parallelizing Convolutional Neural Networks (Krizhevsky 2014, arXiv:1404.5997) as torchvision has
it, whose checkpoint loads as it is.

Deviations: the image is 227x227, because the printed 224 does not fit, (224 − 11)/4 + 1 = 54.25. The paper's response
normalisation does not divide alpha by n; Caffe and torch do, so its 1e-4 is torch's 5e-4, and the Caffe weights
(k = 1, alpha = 1e-4 divided by 5) want another one. torchvision has no normalisation, pads the image by 2, and drops
out before fc6 and fc7 instead of after them.

"60 million parameters" are 60,965,224 with groups; the often quoted 62.38 million are those without groups and
61.10 million torchvision's. The 16.4 % top-5 error of the lectures is that of five such networks; one has 18.2 %.
"""

from __future__ import annotations

from torch import nn

from striate.layers.response_norm import response_norm
from striate.rows import Shape, conv, linear, stack
from striate.zoo.facts import network

PAPER = "ImageNet Classification with Deep Convolutional Neural Networks"


def as_printed(gpus: int, image: Shape, classes: int) -> nn.Sequential:
    """Figure 2: five convolutions and three fully connected layers on `gpus` GPUs."""
    return stack(
        image,
        conv1=conv(96, 11, stride=4), relu1=nn.ReLU(), norm1=response_norm(), pool1=nn.MaxPool2d(3, 2),
        conv2=conv(256, 5, padding=2, groups=gpus), relu2=nn.ReLU(), norm2=response_norm(), pool2=nn.MaxPool2d(3, 2),
        conv3=conv(384, 3, padding=1), relu3=nn.ReLU(),
        conv4=conv(384, 3, padding=1, groups=gpus), relu4=nn.ReLU(),
        conv5=conv(256, 3, padding=1, groups=gpus), relu5=nn.ReLU(),
        pool5=nn.MaxPool2d(3, 2),
        flatten=nn.Flatten(),
        fc6=linear(4096), relu6=nn.ReLU(), drop6=nn.Dropout(),
        fc7=linear(4096), relu7=nn.ReLU(), drop7=nn.Dropout(),
        fc8=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2012, parameters=60_965_224, multiply_adds=724_406_816,
    top1=59.3, top5=81.8, source="paper, ILSVRC-2012 validation, ten views of one network",
)  # fmt: skip
def alexnet_grouped(image: Shape = (3, 227, 227), classes: int = 1000) -> nn.Sequential:
    """AlexNet on two GPUs, as printed."""
    return as_printed(2, image, classes)


@network(paper=PAPER, year=2012, parameters=62_378_344, multiply_adds=1_135_256_096)
def alexnet_ungrouped(image: Shape = (3, 227, 227), classes: int = 1000) -> nn.Sequential:
    """AlexNet as if it had fitted on one GPU."""
    return as_printed(1, image, classes)


@network(
    paper="One Weird Trick for Parallelizing Convolutional Neural Networks", year=2014,
    parameters=61_100_840, multiply_adds=714_188_480, top1=56.522, top5=79.066, source="torchvision, one crop",
)  # fmt: skip
def alexnet(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """The one-tower AlexNet of torchvision; any image of at least 63 pixels a side."""
    return stack(
        image,
        features=lambda shape: stack(
            shape,
            conv(64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            conv(192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            conv(384, 3, padding=1), nn.ReLU(),
            conv(256, 3, padding=1), nn.ReLU(),
            conv(256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        ),
        avgpool=nn.AdaptiveAvgPool2d(6),
        flatten=nn.Flatten(),
        classifier=lambda shape: stack(
            shape,
            nn.Dropout(), linear(4096), nn.ReLU(),
            nn.Dropout(), linear(4096), nn.ReLU(),
            linear(classes),
        ),
    )  # fmt: skip
