"""What does not fit: the sentence, and that what it says is never seen is never seen by the gradient either."""

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.analysis.remainder import Window, fits, sizes_that_fit
from striate.errors import ShapeError


def remark(net: nn.Module, *image: int) -> str | None:
    (layer,) = [layer for layer in analyse(net, image).layers if "Conv" in layer.kind or "Pool" in layer.kind]
    return layer.fits


def test_7x7_under_3x3_with_stride_3_loses_a_row_and_a_column():
    said = "(7 + 2·0 − 3)/3 + 1 = 2.33: the last row and the last column are never seen"
    assert remark(nn.Conv2d(1, 1, 3, 3), 1, 7, 7) == said


def test_the_stem_of_resnet_loses_only_padding():
    said = remark(nn.Conv2d(3, 64, 7, 2, 3), 3, 224, 224)
    assert said.startswith("(224 + 2·3 − 7)/2 + 1 = 112.5")
    assert said.endswith("the last row and the last column, of the padding, are never seen")


def test_what_is_lost_of_the_image_is_told_apart_from_padding():
    said = fits([Window(11, 3, 4, 1), Window(11, 3, 4, 1)])  # 11 + 2 − 3 = 10 = 2·4 + 2
    assert said.endswith(": the last 2 rows and the last 2 columns are never seen (1 row and 1 column of that padding)")
    assert fits([Window(12, 3, 4, 1)]).endswith(": the last 3 positions are never seen (1 position of that padding)")


def test_one_axis_can_fit_and_the_other_not():
    said = remark(nn.Conv2d(1, 1, 3, 2), 1, 7, 8)
    assert said.startswith("(8 + 2·0 − 3)/2 + 1 = 3.5")
    assert said.endswith(": the last column is never seen")


def test_one_and_three_axes_have_their_own_words():
    assert remark(nn.Conv1d(1, 1, 3, 3), 1, 7).endswith("the last position is never seen")
    assert remark(nn.MaxPool1d(3, 3), 1, 8).endswith("the last 2 positions are never seen")
    assert "the last slice and" in remark(nn.Conv3d(1, 1, 2, 2), 1, 5, 5, 4)


@pytest.mark.parametrize(
    "net",
    [
        nn.Conv2d(1, 1, 3, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.ConvTranspose2d(1, 1, 3, 2),
        nn.AdaptiveAvgPool2d(2),
    ],
    ids=lambda net: type(net).__name__,
)
def test_what_fits_or_looks_beyond_the_border_says_nothing(net):
    side = 7 if isinstance(net, nn.Conv2d) else 8
    assert all(layer.fits is None for layer in analyse(net, (1, side, side)).layers)


def test_the_padding_of_a_row_above_is_padding_too():
    net = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(1, 1, 3, 2))
    assert remark(net, 1, 7, 7).endswith("the last row and the last column, of the padding, are never seen")


def test_a_pool_that_is_only_a_function_is_told_of_too():
    class Functional(nn.Module):
        def forward(self, x):
            return nn.functional.max_pool2d(x, 2)

    (layer,) = analyse(nn.Sequential(Functional(), nn.ReLU()), (1, 5, 5)).layers[:1]
    assert layer.fits == "(5 + 2·0 − 2)/2 + 1 = 2.50: the last row and the last column are never seen"


def test_strict_makes_it_an_error_with_the_row_the_formula_and_the_sizes_that_fit():
    net = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 3, 3))
    with pytest.raises(
        ShapeError, match=r"row '1': Conv2d \(3x3, stride 3\) does not fit: .* An input of 6x6 or 9x9 fits"
    ):
        analyse(net, (1, 7, 7), strict=True)
    assert analyse(net, (1, 6, 6), strict=True).layers[-1].output == (1, 2, 2)
    assert analyse(net, (1, 9, 9), strict=True).layers[-1].output == (1, 3, 3)


WITHOUT_GAPS = [(kernel, stride) for kernel in (1, 2, 3, 5) for stride in (1, 2, 3, 4) if kernel >= stride]


@pytest.mark.parametrize(("kernel", "stride"), WITHOUT_GAPS)
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("side", [9, 10, 11, 12])
def test_exactly_the_pixels_said_to_be_lost_have_no_gradient(side, padding, stride, kernel):
    """Where the kernel is at least as large as the stride nothing but the end can be missed."""
    window = Window(side, kernel, stride, padding)
    x = torch.ones(1, 1, side, requires_grad=True)
    nn.functional.conv1d(x, torch.ones(1, 1, kernel), stride=stride, padding=padding).sum().backward()
    unseen = int((x.grad == 0).sum())
    assert unseen == max(0, window.lost - padding)
    assert (fits([window]) is None) == (window.lost == 0)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_the_sizes_offered_do_fit(stride):
    for side in range(5, 20):
        smaller, larger = map(int, sizes_that_fit([Window(side, 3, stride)]).split(" or "))
        assert smaller <= side <= larger
        assert fits([Window(smaller, 3, stride)]) is None
        assert fits([Window(larger, 3, stride)]) is None
