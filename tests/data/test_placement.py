"""Where the network's input lies on the picture, measured on pictures with one bright spot."""

import pytest
import torch

from striate.data.placement import placement
from striate.data.preprocess import Preprocess

PLAIN = ((0.0,), (1.0,))
WAYS = {
    "squeezed": Preprocess((1, 40, 40), *PLAIN, "resize"),
    "padded": Preprocess((1, 48, 48), *PLAIN, "pad", content=(40, 30)),
    "the middle": Preprocess((1, 40, 40), *PLAIN, "centre", resize=46),
    "a wide middle": Preprocess((1, 32, 48), *PLAIN, "centre", resize=36),
}


def spot(size, y, x, half=6):
    """(1, 1, h, w) with a bright square around (y, x)."""
    image = torch.zeros(1, 1, *size, dtype=torch.uint8)
    image[..., y - half : y + half, x - half : x + half] = 255
    return image


def middle_of(values):
    """(y, x) of the centre of mass, in pixels from the edge."""
    values = values.double()
    return [
        float((values.sum(1 - axis) * (torch.arange(values.shape[axis]) + 0.5)).sum() / values.sum()) for axis in (0, 1)
    ]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("size", [(100, 140), (163, 90), (81, 600), (40, 40)])
def test_a_spot_comes_back_to_where_it_is(way, size):
    y, x = size[0] // 2 + 5, size[1] // 2 - 7
    made = placement(way, size)
    seen = way.pixels(spot(size, y, x))[0, 0].float()
    back = middle_of(made.on_picture(seen))
    assert back == pytest.approx([y, x], abs=0.2 + 0.25 * max(made.scale))
    inside = [made.start[axis] + made.scale[axis] * value for axis, value in enumerate(middle_of(seen))]
    assert inside == pytest.approx([y, x], abs=0.1 + 0.1 * max(made.scale))


def test_what_is_cropped_away_is_not_seen_and_has_no_map():
    made = placement(WAYS["the middle"], (100, 200))
    top, left, bottom, right = made.seen
    assert not made.whole
    assert (bottom - top, right - left) == (pytest.approx(100 * 40 / 46, abs=2), pytest.approx(100 * 40 / 46, abs=2))
    assert (top + bottom, left + right) == (pytest.approx(100, abs=3), pytest.approx(200, abs=3))
    shown = made.on_picture(torch.ones(40, 40))
    assert shown.shape == (100, 200)
    assert not shown[:, : left - 1].any()
    assert bool((shown[top + 1 : bottom - 1, left + 1 : right - 1] - 1).abs().max() < 1e-5)


def test_padding_lies_outside_the_picture():
    made = placement(WAYS["padded"], (80, 60))
    assert made.whole
    assert made.box((0, 0, 4, 48)) == (0, 0, 0, 60)  # the rows above the content
    assert made.box((4, 9, 14, 19)) == (0, 0, 20, 20)
