"""SqueezeNet: AlexNet-Level Accuracy with 50x Fewer Parameters and <0.5MB Model Size. Iandola, Han, Moskewicz, Ashraf,
Dally, Keutzer, 2016. arXiv:1602.07360

`squeezenet1_0` is table 1; `squeezenet1_1` is the authors' later release, with 2.3 times fewer multiply-adds. Child
names are torchvision's.

Deviations: the image is 224x224 as in torchvision; the authors' Caffe models take 227x227, with 832,667,936 and
387,747,520 multiply-adds. In both a ReLU follows conv10, so no logit is below 0.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from striate.layers.branches import chain
from striate.rows import Row, Shape, conv, stack
from striate.zoo.facts import network

PAPER = "SqueezeNet: AlexNet-Level Accuracy with 50x Fewer Parameters and <0.5MB Model Size"

TABLE_1 = {  # maps of each fire module: squeeze 1x1, expand 1x1, expand 3x3
    2: (16, 64, 64),
    3: (16, 64, 64),
    4: (32, 128, 128),
    5: (32, 128, 128),
    6: (48, 192, 192),
    7: (48, 192, 192),
    8: (64, 256, 256),
    9: (64, 256, 256),
}


class Fire(nn.Module):
    """Few 1x1 convolutions, then 1x1 and 3x3 ones side by side (figure 1); `number` is its row in table 1."""

    def __init__(self, shape: Shape, number: int):
        super().__init__()
        squeeze, one, three = TABLE_1[number]
        self.squeeze = nn.Conv2d(shape[0], squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, one, 1)
        self.expand3x3 = nn.Conv2d(squeeze, three, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.squeeze(x))
        return torch.cat([relu(self.expand1x1(x)), relu(self.expand3x3(x))], 1)


def fires(*numbers: int) -> list[Row]:
    """The fire modules of these numbers."""
    return [partial(Fire, number=number) for number in numbers]


def pool() -> nn.MaxPool2d:
    """Overlapping max-pooling that looks at a last partial window too."""
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def squeezenet(features: list[Row], image: Shape, classes: int) -> nn.Sequential:
    """`features`, then conv10 and the average over the image."""
    return stack(
        image,
        features=chain(*features),
        classifier=chain(nn.Dropout(), conv(classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        flatten=nn.Flatten(),
    )


@network(
    paper=PAPER, year=2016, parameters=1_248_424, multiply_adds=818_924_576,
    top1=58.092, top5=80.42, source="torchvision, one crop; the paper has 57.5 and 80.3",
)  # fmt: skip
def squeezenet1_0(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Table 1: pools after conv1, fire4 and fire8."""
    rows = [conv(96, 7, stride=2), nn.ReLU(), pool(), *fires(2, 3, 4), pool(), *fires(5, 6, 7, 8), pool(), *fires(9)]
    return squeezenet(rows, image, classes)


@network(
    paper=PAPER, year=2016, parameters=1_235_496, multiply_adds=349_151_936,
    top1=58.178, top5=80.624, source="torchvision, one crop",
)  # fmt: skip
def squeezenet1_1(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """A smaller first layer, and pools after conv1, fire3 and fire5."""
    rows = [conv(64, 3, stride=2), nn.ReLU(), pool(), *fires(2, 3), pool(), *fires(4, 5), pool(), *fires(6, 7, 8, 9)]
    return squeezenet(rows, image, classes)
