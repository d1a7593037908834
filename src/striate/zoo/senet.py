"""Squeeze-and-Excitation Networks. Hu, Shen, Sun, CVPR 2018. arXiv:1709.01507

ResNet's and ResNeXt's bottlenecks, gated: section 3, with reduction r = 16.

`seresnet50` is the authors' Caffe model: the stride of a bottleneck is in its first 1x1, and the max-pool is not padded
but its last window may hang over the border. `seresnet50_v15` is timm's "seresnet50": the stride is in the 3x3, and the
stem is ResNet's. Both have the same parameters; their weights are not interchangeable. `senet154` is the network of the
2017 challenge. Child names are timm's ("legacy_seresnet50", "seresnet50", "legacy_senet154").

Later tables (those of NASNet, PNASNet and AmoebaNet, and the lectures after them) give SENet-154 145.8 million
parameters; it has 115,088,984. Deviation, of the authors' own models: the layers of the gates have biases.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn.functional import relu

from striate.layers.residual import Bottleneck, Shortcut, projection, stage
from striate.layers.squeeze_excitation import SqueezeExcitation
from striate.rows import Row, Shape, conv, linear, norm, stack
from striate.zoo.facts import network
from striate.zoo.resnet import TABLE_1

PAPER = "Squeeze-and-Excitation Networks"


class SEBottleneck(Bottleneck):
    """ResNet's bottleneck as printed, gated before the sum."""

    def __init__(self, shape: Shape, width: int, *, out: int, stride: int = 1):
        super().__init__(shape, width, out=out, stride=stride, early=True)
        self.se_module = SqueezeExcitation(out)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.se_module(self.residual(x)) + self.downsample(x))


class SEBottleneckV15(Bottleneck):
    """ResNet's bottleneck with the stride in its 3x3, gated before the sum."""

    def __init__(self, shape: Shape, width: int, *, out: int, stride: int = 1):
        super().__init__(shape, width, out=out, stride=stride)
        self.se = SqueezeExcitation(out)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.se(self.residual(x)) + self.downsample(x))


class SENetBottleneck(nn.Module):
    """1x1 to 2 x `width` maps, 3x3 in 64 groups and 1x1 to 4 x `width`, gated before the sum."""

    def __init__(self, shape: Shape, width: int, *, stride: int = 1, shortcut: Shortcut = projection):
        super().__init__()
        out = 4 * width
        self.conv1 = nn.Conv2d(shape[0], 2 * width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(2 * width)
        self.conv2 = nn.Conv2d(2 * width, out, 3, stride, padding=1, groups=64, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.conv3 = nn.Conv2d(out, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.se_module = SqueezeExcitation(out)
        self.downsample = shortcut(shape[0], out, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return relu(self.se_module(y) + self.downsample(x))


def projection_3x3(channels: int, out: int, stride: int) -> nn.Module:
    """The identity where the shapes agree, else a strided 3x3 convolution."""
    if channels == out and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(out))


def overhanging_pool() -> nn.Module:
    """3x3 with stride 2, not padded; the last window may hang over the border, as Caffe's do."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def resnet_body(block: type[nn.Module], layers: int) -> dict[str, Row]:
    """The four stages of ResNet's table 1, of bottlenecks to 256, 512, 1024 and 2048 maps."""
    return {
        f"layer{i + 1}": stage(partial(block, width=64 * 2**i, out=256 * 2**i), repeat, stride=1 if i == 0 else 2)
        for i, repeat in enumerate(TABLE_1[layers])
    }


@network(
    paper=PAPER, year=2017, parameters=28_088_024, multiply_adds=3_860_488_192, top1=77.63, top5=93.64,
    source="authors' repository, 1 crop; paper 76.71/93.38",
)  # fmt: skip
def seresnet50(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """SE-ResNet-50, the authors' model."""
    return stack(
        image,
        layer0=lambda shape: stack(
            shape,
            conv1=conv(64, 7, stride=2, padding=3, bias=False), bn1=norm(), relu1=nn.ReLU(),
            pool=overhanging_pool(),
        ),
        **resnet_body(SEBottleneck, 50),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        last_linear=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2017, parameters=28_088_024, multiply_adds=4_091_699_200, top1=80.26, top5=95.068,
    source="timm's weights (2020), 1 crop",
)  # fmt: skip
def seresnet50_v15(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """SE-ResNet-50 with the stride in the 3x3 convolutions and ResNet's stem."""
    return stack(
        image,
        conv1=conv(64, 7, stride=2, padding=3, bias=False),
        bn1=norm(),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
        **resnet_body(SEBottleneckV15, 50),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )


@network(
    paper=PAPER, year=2017, parameters=115_088_984, multiply_adds=20_688_363_520, top1=81.32, top5=95.53,
    source="authors' repository, 1 crop of 224; 82.72/96.21 at 320",
)  # fmt: skip
def senet154(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """SENet-154: a gated ResNeXt-152 (64x4d) with half the maps in its first 1x1s and 3x3s in stem and projections."""
    first, *others = TABLE_1[152]
    return stack(
        image,
        layer0=lambda shape: stack(
            shape,
            conv1=conv(64, 3, stride=2, padding=1, bias=False), bn1=norm(), relu1=nn.ReLU(),
            conv2=conv(64, 3, padding=1, bias=False), bn2=norm(), relu2=nn.ReLU(),
            conv3=conv(128, 3, padding=1, bias=False), bn3=norm(), relu3=nn.ReLU(),
            pool=overhanging_pool(),
        ),
        layer1=stage(partial(SENetBottleneck, width=64), first),
        layer2=stage(partial(SENetBottleneck, width=128, shortcut=projection_3x3), others[0], stride=2),
        layer3=stage(partial(SENetBottleneck, width=256, shortcut=projection_3x3), others[1], stride=2),
        layer4=stage(partial(SENetBottleneck, width=512, shortcut=projection_3x3), others[2], stride=2),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        dropout=nn.Dropout(0.2),
        last_linear=linear(classes),
    )  # fmt: skip
