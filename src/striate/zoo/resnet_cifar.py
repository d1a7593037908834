"""Deep Residual Learning for Image Recognition. He, Zhang, Ren, Sun, CVPR 2016. arXiv:1512.03385

Section 4.2: the networks for CIFAR-10 with 6n + 2 layers. `resnet20_cifar` and its like have the paper's shortcut A,
which adds no parameter: every second pixel, and zero maps appended at the end. A common copy puts half of the zero maps
before the others; its weights fit here and give other outputs. `resnet20_cifar_b` and its like have shortcut B, a
strided 1x1 convolution with batch normalisation (2,752 parameters more), as some public checkpoints do. Child names are
torchvision's.

The parameters that the paper prints (0.27M, 0.46M, 0.66M, 0.85M, 1.7M) are these, rounded.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from striate.layers.residual import BasicBlock, Shortcut, projection, stage
from striate.layers.zero_pad import ZeroPadChannels
from striate.rows import Shape, conv, linear, norm, stack
from striate.zoo.facts import network

PAPER = "Deep Residual Learning for Image Recognition"
IMAGE = (3, 32, 32)

WIDTHS = (16, 32, 64)  # maps at 32x32, 16x16 and 8x8; each stage has 2n layers


def subsampled(channels: int, out: int, stride: int) -> nn.Module:
    """Shortcut A: the identity where the shapes agree, else every `stride`-th pixel and zeros in the new maps."""
    if channels == out and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.MaxPool2d(1, stride), ZeroPadChannels(out - channels))


def resnet_cifar(layers: int, image: Shape, classes: int, *, shortcut: Shortcut = subsampled) -> nn.Sequential:
    """The network of section 4.2 with 6n + 2 `layers`."""
    n = (layers - 2) // 6
    first, second, third = (partial(BasicBlock, width=width, shortcut=shortcut) for width in WIDTHS)
    return stack(
        image,
        conv1=conv(WIDTHS[0], 3, padding=1, bias=False),
        bn1=norm(),
        relu=nn.ReLU(),
        layer1=stage(first, n),
        layer2=stage(second, n, stride=2),
        layer3=stage(third, n, stride=2),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )


@network(
    paper=PAPER, year=2015, parameters=269_722, multiply_adds=40_551_040, top1=91.25,
    source="paper, CIFAR-10",
)  # fmt: skip
def resnet20_cifar(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-20 for CIFAR, shortcut A."""
    return resnet_cifar(20, image, classes)


@network(
    paper=PAPER, year=2015, parameters=464_154, multiply_adds=68_862_592, top1=92.49,
    source="paper, CIFAR-10",
)  # fmt: skip
def resnet32_cifar(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-32 for CIFAR, shortcut A."""
    return resnet_cifar(32, image, classes)


@network(
    paper=PAPER, year=2015, parameters=658_586, multiply_adds=97_174_144, top1=92.83,
    source="paper, CIFAR-10",
)  # fmt: skip
def resnet44_cifar(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-44 for CIFAR, shortcut A."""
    return resnet_cifar(44, image, classes)


@network(
    paper=PAPER, year=2015, parameters=853_018, multiply_adds=125_485_696, top1=93.03,
    source="paper, CIFAR-10",
)  # fmt: skip
def resnet56_cifar(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-56 for CIFAR, shortcut A."""
    return resnet_cifar(56, image, classes)


@network(
    paper=PAPER, year=2015, parameters=1_727_962, multiply_adds=252_887_680, top1=93.57,
    source="paper, CIFAR-10",
)  # fmt: skip
def resnet110_cifar(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-110 for CIFAR, shortcut A."""
    return resnet_cifar(110, image, classes)


@network(
    paper=PAPER, year=2015, parameters=272_474, multiply_adds=40_813_184, top1=92.6,
    source="chenyaofo's weights, CIFAR-10",
)  # fmt: skip
def resnet20_cifar_b(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-20 for CIFAR, shortcut B."""
    return resnet_cifar(20, image, classes, shortcut=projection)


@network(
    paper=PAPER, year=2015, parameters=466_906, multiply_adds=69_124_736, top1=93.53,
    source="chenyaofo's weights, CIFAR-10",
)  # fmt: skip
def resnet32_cifar_b(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-32 for CIFAR, shortcut B."""
    return resnet_cifar(32, image, classes, shortcut=projection)


@network(
    paper=PAPER, year=2015, parameters=661_338, multiply_adds=97_436_288, top1=94.01,
    source="chenyaofo's weights, CIFAR-10",
)  # fmt: skip
def resnet44_cifar_b(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-44 for CIFAR, shortcut B."""
    return resnet_cifar(44, image, classes, shortcut=projection)


@network(
    paper=PAPER, year=2015, parameters=855_770, multiply_adds=125_747_840, top1=94.37,
    source="chenyaofo's weights, CIFAR-10",
)  # fmt: skip
def resnet56_cifar_b(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-56 for CIFAR, shortcut B."""
    return resnet_cifar(56, image, classes, shortcut=projection)


@network(
    paper=PAPER, year=2015, parameters=1_730_714, multiply_adds=253_149_824,
)  # fmt: skip
def resnet110_cifar_b(image: Shape = IMAGE, classes: int = 10) -> nn.Sequential:
    """ResNet-110 for CIFAR, shortcut B."""
    return resnet_cifar(110, image, classes, shortcut=projection)
