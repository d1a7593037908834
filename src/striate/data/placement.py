"""Where a network's input lies on the picture that it was made of: the way back from `Preprocess.pixels`."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import torch
from torch import Tensor
from torch.nn import functional

from striate.data.preprocess import LONGEST, Preprocess, covering, margin

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels, the last two exclusive


@dataclass(frozen=True)
class Placement:
    """Along both axes (y, x): input position u, in pixels from its edge, is `start` + `scale` u on the picture.

    `picture`, `image`: (height, width) of the picture and of the input. Where `start` is below 0 the input is padded.
    """

    picture: tuple[int, int]
    image: tuple[int, int]
    start: tuple[float, float]
    scale: tuple[float, float]

    @property
    def seen(self) -> Box:
        """The part of the picture that is in the input."""
        return self.box((0, 0, *self.image))

    @property
    def whole(self) -> bool:
        """Whether all of the picture is."""
        return self.seen == (0, 0, *self.picture)

    def box(self, box: Box) -> Box:
        """A box of the input as one of the picture: the pixels that it touches, as far as there are any."""
        found = []
        for axis in (0, 1):
            low, high = (self.start[axis] + self.scale[axis] * box[side] for side in (axis, axis + 2))
            size = self.picture[axis]
            found.append((min(size, max(0, floor(low + 1e-6))), min(size, max(0, ceil(high - 1e-6)))))
        return found[0][0], found[1][0], found[0][1], found[1][1]

    def on_picture(self, values: Tensor) -> Tensor:
        """(height, width) of the picture: the map `values` of the input, stretched linearly; 0 beyond what was seen."""
        places = []
        for axis in (0, 1):
            middle = torch.arange(self.picture[axis], device=values.device) + 0.5
            places.append((middle - self.start[axis]) / self.scale[axis] / self.image[axis])
        y, x = torch.meshgrid(*places, indexing="ij")
        grid = (2 * torch.stack([x, y], -1) - 1)[None].to(values.dtype)
        found = functional.grid_sample(values[None, None], grid, padding_mode="border", align_corners=False)[0, 0]
        inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
        return torch.where(inside, found, torch.zeros_like(found))


def placement(preprocess: Preprocess, picture: tuple[int, int]) -> Placement:
    """Where the input that `preprocess` makes of a picture of (height, width) `picture` lies on it.

    >>> made = placement(Preprocess((1, 32, 32), (0.0,), (1.0,), "pad", content=(28, 28)), (56, 56))
    >>> made.start, made.scale
    ((-4.0, -4.0), (2.0, 2.0))
    """
    image = preprocess.image[1:]
    if picture == image:
        return Placement(picture, image, (0.0, 0.0), (1.0, 1.0))
    if preprocess.resize is not None:
        most = LONGEST * min(picture)
        cut = (min(picture[0], most), min(picture[1], most))
        size = covering(cut, image, preprocess.resize)
        scale = (cut[0] / size[0], cut[1] / size[1])
        start = [margin(picture[axis], cut[axis]) + scale[axis] * margin(size[axis], image[axis]) for axis in (0, 1)]
        return Placement(picture, image, (start[0], start[1]), scale)
    content = preprocess.content or image
    scale = (picture[0] / content[0], picture[1] / content[1])
    above, left = (image[0] - content[0]) // 2, (image[1] - content[1]) // 2
    return Placement(picture, image, (-above * scale[0], -left * scale[1]), scale)
