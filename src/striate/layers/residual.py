"""The blocks of Deep Residual Learning (arXiv:1512.03385), which later papers widen, group, gate and trim.

Child names are torchvision's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn.functional import relu

from striate.rows import Row, Shape, stack

Shortcut = Callable[[int, int, int], nn.Module]  # (channels, out, stride) -> the module beside the block's own path


def projection(channels: int, out: int, stride: int) -> nn.Module:
    """The identity where the shapes agree, else a strided 1x1 convolution (option B of section 3.3)."""
    if channels == out and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions to `width` maps, and the shortcut (figure 5, left). `stride` is the first one's."""

    def __init__(self, shape: Shape, width: int, *, stride: int = 1, shortcut: Shortcut = projection):
        super().__init__()
        self.conv1 = nn.Conv2d(shape[0], width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(shape[0], width, stride)

    def forward(self, x: Tensor) -> Tensor:  # (n, channels, h, w) -> (n, width, h/stride, w/stride)
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1 to `width` maps, 3x3 in `groups`, 1x1 to `out` maps, and the shortcut (figure 5, right).

    `stride` is that of the 3x3 ("v1.5", as all present checkpoints have it), or, with `early`, that of the first 1x1
    ("v1", as the paper prints it). Both have the same weights, not the same outputs.
    """

    def __init__(
        self,
        shape: Shape,
        width: int,
        *,
        out: int,
        stride: int = 1,
        early: bool = False,
        groups: int = 1,
        shortcut: Shortcut = projection,
    ):
        super().__init__()
        first, second = (stride, 1) if early else (1, stride)
        self.conv1 = nn.Conv2d(shape[0], width, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = shortcut(shape[0], out, stride)

    def residual(self, x: Tensor) -> Tensor:
        """The block's own path, which is added to the shortcut."""
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        own: Tensor = self.bn3(self.conv3(y))
        return own

    def forward(self, x: Tensor) -> Tensor:  # (n, channels, h, w) -> (n, out, h/stride, w/stride)
        return relu(self.residual(x) + self.downsample(x))


def stage(block: Callable[..., nn.Module], repeat: int, stride: int = 1) -> Row:
    """`repeat` blocks; the first one strides."""
    return lambda shape: stack(shape, partial(block, stride=stride), *[block] * (repeat - 1))
