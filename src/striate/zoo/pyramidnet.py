"""Deep Pyramidal Residual Networks. Han, Kim, Kim, CVPR 2017. arXiv:1610.02915

The additive pyramid: each of N blocks is wider than the one before it by alpha/N maps, of which the fraction is carried
on. The shortcut has no parameters: zero maps are appended, and a strided block averages 2x2 squares. Child names are
those of the authors' PyTorch code, which rounds the widths as it is done here.

Tables print fewer parameters for the ImageNet networks (62.1 and 116.4 million), which leave out batch normalisation,
and 1.7, 3.8 and 28.3 million for CIFAR, 1 to 4 % below what the published code has, and what is here. Deviations from
that code: an odd row or column is averaged alone (`ceil_mode`, as the convolution beside it needs), and the last pool
is global, so that other image sizes are taken. The dropout with which alpha = 450 was trained is left to the recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

from torch import Tensor, nn
from torch.nn.functional import relu

from striate.layers.zero_pad import ZeroPadChannels
from striate.rows import Row, Shape, conv, linear, norm, stack
from striate.zoo.facts import network

PAPER = "Deep Pyramidal Residual Networks"

IMAGENET_200 = (3, 24, 36, 3)  # blocks of three convolutions in conv2 to conv5
CIFAR_110 = (18, 18, 18)  # blocks of two convolutions at 32x32, 16x16 and 8x8


def shortcut(channels: int, out: int, stride: int) -> nn.Module:
    """The maps, averaged over squares where the block strides, and as many zero maps as are wanted."""
    pool = nn.AvgPool2d(2, stride, ceil_mode=True) if stride > 1 else nn.Identity()
    return nn.Sequential(pool, ZeroPadChannels(out - channels))


class PyramidalBlock(nn.Module):
    """BN-3x3-BN-ReLU-3x3-BN, and the shortcut: figure 6d, without the first ReLU and with a last normalisation."""

    def __init__(self, shape: Shape, width: int, *, stride: int = 1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(shape[0])
        self.conv1 = nn.Conv2d(shape[0], width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = shortcut(shape[0], width, stride)

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, width, h/stride, w/stride)
        y = self.conv1(self.bn1(x))
        y = self.conv2(relu(self.bn2(y)))
        both: Tensor = self.bn3(y) + self.downsample(x)
        return both


class PyramidalBottleneck(nn.Module):
    """BN-1x1-BN-ReLU-3x3-BN-ReLU-1x1-BN to 4 x `width` maps, and the shortcut."""

    def __init__(self, shape: Shape, width: int, *, stride: int = 1):
        super().__init__()
        out = 4 * width
        self.bn1 = nn.BatchNorm2d(shape[0])
        self.conv1 = nn.Conv2d(shape[0], width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn4 = nn.BatchNorm2d(out)
        self.downsample = shortcut(shape[0], out, stride)

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, 4 width, h/stride, w/stride)
        y = self.conv1(self.bn1(x))
        y = self.conv2(relu(self.bn2(y)))
        y = self.conv3(relu(self.bn3(y)))
        both: Tensor = self.bn4(y) + self.downsample(x)
        return both


def stage(block: Callable[..., nn.Module], widths: list[int], stride: int) -> Row:
    """Blocks of these widths; the first one strides."""
    first, *others = (partial(block, width=width) for width in widths)
    return lambda shape: stack(shape, partial(first, stride=stride), *others)


def pyramid(block: Callable[..., nn.Module], blocks: tuple[int, ...], first: int, alpha: int) -> dict[str, Row]:
    """The stages layer1, layer2, ...; the k-th of all N blocks is `first` + k alpha/N wide, rounded."""
    n = sum(blocks)
    widths = iter([round(first + alpha * k / n) for k in range(1, n + 1)])
    return {
        f"layer{i}": stage(block, list(islice(widths, count)), stride=1 if i == 1 else 2)
        for i, count in enumerate(blocks, 1)
    }


def pyramidnet_imagenet(alpha: int, image: Shape, classes: int) -> nn.Sequential:
    """PyramidNet-200 with bottlenecks, which widens from 64 maps by `alpha`."""
    return stack(
        image,
        conv1=conv(64, 7, stride=2, padding=3, bias=False),
        bn1=norm(),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
        **pyramid(PyramidalBottleneck, IMAGENET_200, 64, alpha),
        bn_final=norm(),
        relu_final=nn.ReLU(),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )


def pyramidnet_cifar(alpha: int, image: Shape, classes: int) -> nn.Sequential:
    """PyramidNet-110, which widens from 16 maps by `alpha`."""
    return stack(
        image,
        conv1=conv(16, 3, padding=1, bias=False),
        bn1=norm(),
        **pyramid(PyramidalBlock, CIFAR_110, 16, alpha),
        bn_final=norm(),
        relu_final=nn.ReLU(),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )


@network(
    paper=PAPER, year=2016, parameters=62_368_168, multiply_adds=16_550_501_282, top1=79.53, top5=94.71,
    source="authors' repository, 1 crop of 224; 80.5/95.2 at 320",
)  # fmt: skip
def pyramidnet200_300(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """PyramidNet-200, alpha = 300."""
    return pyramidnet_imagenet(300, image, classes)


@network(
    paper=PAPER, year=2016, parameters=116_775_213, multiply_adds=29_196_815_629, top1=79.89, top5=94.57,
    source="authors' repository, with dropout, 1 crop of 224; 80.8/95.3 at 320",
)  # fmt: skip
def pyramidnet200_450(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """PyramidNet-200, alpha = 450."""
    return pyramidnet_imagenet(450, image, classes)


@network(
    paper=PAPER, year=2016, parameters=1_772_706, multiply_adds=403_813_504, top1=95.38,
    source="paper, CIFAR-10; 76.69 on CIFAR-100",
)  # fmt: skip
def pyramidnet110_48(image: Shape = (3, 32, 32), classes: int = 10) -> nn.Sequential:
    """PyramidNet-110 for CIFAR, alpha = 48."""
    return pyramidnet_cifar(48, image, classes)


@network(
    paper=PAPER, year=2016, parameters=3_904_446, multiply_adds=772_168_168, top1=95.73,
    source="paper, CIFAR-10; 79.79 on CIFAR-100",
)  # fmt: skip
def pyramidnet110_84(image: Shape = (3, 32, 32), classes: int = 10) -> nn.Sequential:
    """PyramidNet-110 for CIFAR, alpha = 84."""
    return pyramidnet_cifar(84, image, classes)


@network(
    paper=PAPER, year=2016, parameters=28_485_477, multiply_adds=4_717_983_724, top1=96.27,
    source="paper, CIFAR-10; 81.75 on CIFAR-100",
)  # fmt: skip
def pyramidnet110_270(image: Shape = (3, 32, 32), classes: int = 10) -> nn.Sequential:
    """PyramidNet-110 for CIFAR, alpha = 270."""
    return pyramidnet_cifar(270, image, classes)
