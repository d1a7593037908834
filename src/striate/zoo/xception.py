"""Xception: Deep Learning with Depthwise Separable Convolutions. Chollet, CVPR 2017. arXiv:1610.02357

Figure 5. Child names are timm's (legacy_xception), whose weights came from Keras.

Deviations: batch normalisation has torch's epsilon 1e-5, as timm's weights are used, where the author's Keras model
has 1e-3. Max-pools are padded evenly; Keras pads an even map (74x74) at the bottom and right only.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from striate.layers.separable import depthwise, pointwise
from striate.rows import Row, Shape, conv, linear, norm, stack
from striate.zoo.facts import network

FIGURE_5 = (  # maps of the separable convolutions of each block, and whether it ends in a max-pool with stride 2
    ((128, 128), True), ((256, 256), True), ((728, 728), True),  # entry flow
    *(((728, 728, 728), False),) * 8,  # middle flow
    ((728, 1024), True),  # exit flow
)  # fmt: skip


def separable(out: int) -> Row:
    """A depthwise 3x3 and a pointwise convolution, with nothing between them."""
    return lambda shape: stack(shape, conv1=depthwise(3, padding=1, bias=False), pointwise=pointwise(out, bias=False))


class Block(nn.Module):
    """ReLU, separable convolution and batch normalisation for each of `maps`, and a shortcut around them."""

    def __init__(self, shape: Shape, maps: tuple[int, ...], *, pool: bool, first: bool = False):
        super().__init__()
        rows: list[Row] = [row for out in maps for row in (nn.ReLU(), separable(out), norm())]
        if first:
            del rows[0]  # its input has just been rectified
        if pool:
            rows.append(nn.MaxPool2d(3, 2, 1))
            self.skip = nn.Conv2d(shape[0], maps[-1], 1, stride=2, bias=False)
            self.skipbn = nn.BatchNorm2d(maps[-1])
        self.rep = stack(shape, *rows)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.rep(x)
        return y + (self.skipbn(self.skip(x)) if self.pool else x)


@network(
    paper="Xception: Deep Learning with Depthwise Separable Convolutions", year=2016,
    parameters=22_855_952, multiply_adds=8_357_403_496, top1=79.0, top5=94.5, source="paper, one crop",
)  # fmt: skip
def xception(image: Shape = (3, 299, 299), classes: int = 1000) -> nn.Sequential:
    """Figure 5."""
    blocks: dict[str, Row] = {
        f"block{i}": partial(Block, maps=maps, pool=pool, first=i == 1) for i, (maps, pool) in enumerate(FIGURE_5, 1)
    }
    return stack(
        image,
        conv1=conv(32, 3, stride=2, bias=False), bn1=norm(), act1=nn.ReLU(),
        conv2=conv(64, 3, bias=False), bn2=norm(), act2=nn.ReLU(),
        **blocks,
        conv3=separable(1536), bn3=norm(), act3=nn.ReLU(),
        conv4=separable(2048), bn4=norm(), act4=nn.ReLU(),
        global_pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=linear(classes),
    )  # fmt: skip
