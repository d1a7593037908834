"""All changes that may mend a mistake, the smallest first: none of them is known to help before it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from striate.repair import channels, sums, windows
from striate.repair.changes import Change, Image, Instead, Set, Shape, change
from striate.repair.channels import name_of
from striate.repair.layers import by
from striate.repair.mistake import Mistake
from striate.repair.windows import same_size, strided_or_pool, window_of

SIDES = (8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 299, 320, 384, 448, 512, 640, 768, 1024)
FACTORS = (2, 3, 4, 6, 8, 12, 16, 32, 64)
MULTIPLES = (2, 4, 8, 16, 32)
REACH = 6  # earlier layers that are tried


def proposals(mistake: Mistake, image: Shape) -> Iterator[Change]:
    """Changes of the failing layer first, then of the picture, of the layers above, and last to leave the layer out."""
    return chain(
        windows.impossible(mistake),
        windows.too_large(mistake),
        windows.wide_border(mistake),
        windows.transposed(mistake),
        channels.grouped(mistake),
        channels.more_or_fewer(mistake, image),
        channels.features(mistake),
        channels.ranks(mistake),
        channels.multiples(mistake),
        sums.added(mistake),
        sums.joined(mistake),
        sums.reshaped(mistake),
        pictures(image),
        above(mistake, len(image) - 1),
        left_out(mistake),
    )
