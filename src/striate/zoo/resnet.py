"""Deep Residual Learning for Image Recognition. He, Zhang, Ren, Sun, CVPR 2016. arXiv:1512.03385

`resnet50` and its like put the stride of a bottleneck on its 3x3 convolution, as the checkpoints of torchvision and
timm do ("v1.5"); `resnet50_v1` and its like put it on the first 1x1, as the paper and its Caffe models do. Both have
the same parameters and keys, so a checkpoint of the one loads into the other and is less accurate there; v1 needs
231,211,008 multiply-adds less at every depth. Child names are torchvision's.

Deviations: projection shortcuts where shapes change (option B of section 3.3, as in the paper's bottleneck networks)
also in the 18- and 34-layer networks, which table 2 trained with option A. The authors' Caffe models pad their max-pool
at the end only, not on both sides, and that of ResNet-50 has 64 parameters more, a bias in its first convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from striate.layers.residual import BasicBlock, Bottleneck, stage
from striate.rows import Shape, conv, linear, norm, stack
from striate.zoo.facts import network

PAPER = "Deep Residual Learning for Image Recognition"
IMAGE = (3, 224, 224)

TABLE_1 = {  # layers: how many blocks in conv2_x, conv3_x, conv4_x, conv5_x
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def resnet(layers: int, image: Shape, classes: int, *, early: bool = False) -> nn.Sequential:
    """The column of table 1 with so many `layers`; `early` puts a bottleneck's stride on its first 1x1."""

    def block(width: int) -> Callable[..., nn.Module]:
        if layers < 50:
            return partial(BasicBlock, width=width)
        return partial(Bottleneck, width=width, out=4 * width, early=early)

    repeat = TABLE_1[layers]
    return stack(
        image,
        conv1=conv(64, 7, stride=2, padding=3, bias=False),
        bn1=norm(),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
        layer1=stage(block(64), repeat[0]),
        layer2=stage(block(128), repeat[1], stride=2),
        layer3=stage(block(256), repeat[2], stride=2),
        layer4=stage(block(512), repeat[3], stride=2),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )


@network(
    paper=PAPER, year=2015, parameters=11_689_512, multiply_adds=1_814_073_344, top1=69.758, top5=89.078,
    source="torchvision's weights, 1 crop; paper 72.12 top-1, 10 crops",
)  # fmt: skip
def resnet18(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-18."""
    return resnet(18, image, classes)


@network(
    paper=PAPER, year=2015, parameters=21_797_672, multiply_adds=3_663_761_408, top1=73.314, top5=91.42,
    source="torchvision's weights, 1 crop; paper 75.81/92.6 (option C), 10 crops",
)  # fmt: skip
def resnet34(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-34."""
    return resnet(34, image, classes)


@network(
    paper=PAPER, year=2015, parameters=25_557_032, multiply_adds=4_089_184_256, top1=76.13, top5=92.862,
    source="torchvision's first weights, 1 crop (its second: 80.858/95.434); paper 77.15/93.29, v1, 10 crops",
)  # fmt: skip
def resnet50(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-50 with the stride in the 3x3 convolutions."""
    return resnet(50, image, classes)


@network(
    paper=PAPER, year=2015, parameters=44_549_160, multiply_adds=7_801_405_440, top1=77.374, top5=93.546,
    source="torchvision's first weights, 1 crop (its second: 81.886/95.78); paper 78.25/93.95, v1, 10 crops",
)  # fmt: skip
def resnet101(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-101 with the stride in the 3x3 convolutions."""
    return resnet(101, image, classes)


@network(
    paper=PAPER, year=2015, parameters=60_192_808, multiply_adds=11_513_626_624, top1=78.312, top5=94.046,
    source="torchvision's first weights, 1 crop (its second: 82.284/96.002); paper 78.57/94.29, v1, 10 crops",
)  # fmt: skip
def resnet152(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-152 with the stride in the 3x3 convolutions."""
    return resnet(152, image, classes)


@network(
    paper=PAPER, year=2015, parameters=25_557_032, multiply_adds=3_857_973_248, top1=75.3, top5=92.2,
    source="the authors' Caffe model, 1 crop; 77.1/93.3 with 10",
)  # fmt: skip
def resnet50_v1(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-50 as printed, with the stride in the first 1x1 convolutions."""
    return resnet(50, image, classes, early=True)


@network(
    paper=PAPER, year=2015, parameters=44_549_160, multiply_adds=7_570_194_432, top1=76.4, top5=92.9,
    source="the authors' Caffe model, 1 crop; 78.2/93.9 with 10",
)  # fmt: skip
def resnet101_v1(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-101 as printed, with the stride in the first 1x1 convolutions."""
    return resnet(101, image, classes, early=True)


@network(
    paper=PAPER, year=2015, parameters=60_192_808, multiply_adds=11_282_415_616, top1=77.0, top5=93.3,
    source="the authors' Caffe model, 1 crop; 78.6/94.3 with 10",
)  # fmt: skip
def resnet152_v1(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """ResNet-152 as printed, with the stride in the first 1x1 convolutions."""
    return resnet(152, image, classes, early=True)
