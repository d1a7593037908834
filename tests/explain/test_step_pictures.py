"""Pictures that explain an operation: one a number of the result, with the right sums."""

import re
from io import BytesIO

import pytest
import torch
from PIL import Image
from torch.nn import functional

from striate.errors import ConfigError
from striate.explain.canvas import figure, text_width
from striate.explain.grids import numbered_grid, shrunk
from striate.explain.named_kernels import named_kernel, read_kernel
from striate.explain.operations import OPERATIONS, Operation
from striate.explain.sheet import sheet
from striate.explain.shown_values import as_pixels
from striate.explain.step_pictures import Layout, as_gif, step_picture, step_pictures, wrapped
from striate.explain.steps import Steps
from striate.palette import LIGHT

POOLED = torch.tensor([[12, 20, 30, 0], [20, 12, 2, 0], [0, 70, 5, 2], [8, 2, 90, 3]])  # deck 004


def value(terms):
    """What the sum written out comes to, worked out from its text, and what it says it does."""
    text = " ".join(terms).replace("×", "*").replace("−", "-")
    before, after = text.split("= ")
    return eval(before, {"max": lambda *numbers: max(numbers)}), float(after)  # our own text, digits and signs


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 1, 2), (3, 1, 1)])
def test_every_sum_written_out_comes_to_the_number_of_the_result(name, stride, padding, dilation):
    steps = {"stride": (stride,) * 2, "padding": (padding,) * 2, "dilation": (dilation,) * 2}
    drawn = Steps(Operation(name, read_kernel("[[1, -2, 0], [3, 4, 1], [0, 0, 2]]"), **steps), numbered_grid(6, 5))
    for step, result in enumerate(drawn.result.flatten().tolist()):
        worked, said = value(drawn.terms(step))
        assert worked == pytest.approx(result)
        assert said == pytest.approx(result, abs=0.005)


def test_a_divisor_is_written_once():
    drawn = Steps(Operation("convolution", named_kernel("gaussian")), numbered_grid(3, 3))
    assert "".join(drawn.terms(0)).endswith("+8×1)/16= 4")
    assert value(drawn.terms(0)) == (4, 4)


def test_deck_004_pools_to_its_answers():
    for name, wanted in (("max_pool", [[20, 30], [70, 90]]), ("average_pool", [[16, 8], [20, 25]])):
        drawn = Steps(Operation(name, torch.ones(2, 2), stride=(2, 2)), POOLED)
        assert drawn.result.tolist() == wanted
    assert functional.max_pool2d(POOLED[None].double(), 2)[0].tolist() == [[20, 30], [70, 90]]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_gif_has_as_many_pictures_as_the_result_has_numbers(name):
    operation = Operation(name, read_kernel("[[0, 1], [2, 3]]"), stride=(2, 1), padding=(1, 1))
    pictures = step_pictures(Steps(operation, numbered_grid(3, 3)))
    with Image.open(BytesIO(as_gif(pictures))) as gif:
        assert gif.n_frames == len(pictures) == operation(numbered_grid(3, 3)).numel()
        assert gif.info["loop"] == 0
        assert gif.size == pictures[0].size


def test_the_result_fills_up_and_the_window_moves():
    steps = Steps(Operation("convolution", named_kernel("box")), numbered_grid(5, 5))
    first, last = (step_picture(steps, step) for step in (0, 8))
    layout = Layout(steps)
    left, top = layout.lefts[2], layout.middle - 1.5 * layout.cell
    inside = (round(left + 6), round(top + 6))
    assert first.getpixel(inside) != last.getpixel(inside) == tuple(bytes.fromhex(LIGHT.card[1:]))
    assert first.getpixel((round(layout.lefts[0] + 6), round(layout.middle - 2.5 * layout.cell + 6))) != last.getpixel(
        (round(layout.lefts[0] + 6), round(layout.middle - 2.5 * layout.cell + 6))
    )


@pytest.mark.parametrize(("padding", "dilation"), [(2, 1), (1, 9)])
def test_a_max_pooling_with_nothing_under_a_window_is_refused(padding, dilation):
    operation = Operation("max_pool", torch.ones(2, 2), padding=(padding,) * 2, dilation=(dilation,) * 2)
    with pytest.raises(ConfigError, match=f"padding is {padding}; here a max pooling takes at most"):
        operation(torch.ones(8, 8))


def test_one_dimension_is_drawn_as_a_row():
    steps = Steps(Operation("convolution", named_kernel("gaussian", 1), stride=(2,)), numbered_grid(1, 8))
    assert len(steps) == 3
    assert step_picture(steps, 2).height < 450


def test_tables_too_large_to_read_are_refused():
    with pytest.raises(ConfigError, match="30×30 and 28×28 cells are too large to read"):
        step_pictures(Steps(Operation("convolution", named_kernel("box")), numbered_grid(30, 30)))


def test_no_text_leaves_the_picture():
    drawn = Steps(Operation("convolution", torch.full((7, 7), -0.123456)), numbered_grid(9, 9) * 100)
    layout = Layout(drawn)
    for line in wrapped(drawn.terms(0), layout.sum_size, layout.width - 96):
        assert text_width(" ".join(line), layout.sum_size) <= layout.width - 96


def test_a_picture_is_shrunk_to_whole_grey_means():
    pixels = torch.zeros(3, 40, 20, dtype=torch.uint8)
    pixels[:, :20] = 200
    assert shrunk(pixels, 4).tolist() == [[200, 200], [200, 200], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("numbers", "weight", "pixels", "rule"),
    [
        ([0, 255], None, [0, 255], r"0 to 255, as they are"),
        ([-20, 300, 10, 20], 1, [0, 255, 10, 20], r"−20 to 300; 50 % lie outside 0 to 255 and are cut off"),
        ([-510, 255], 0, [1, 192], r"0 is mid-grey; −510 is black, 510 white"),
        ([0, 510], 9, [0, 255], r"0 is black, 510 white"),
        ([0, 0], 0, [0, 0], "as they are"),
    ],
)
def test_how_numbers_become_pixels_is_said(numbers, weight, pixels, rule):
    found, said = as_pixels(torch.tensor(numbers, dtype=torch.float64), sum_of_kernel=weight)
    assert found.tolist() == pixels
    assert re.search(rule, said)


def test_numbers_that_were_no_pixels_use_the_whole_range():
    assert as_pixels(torch.tensor([0.0, 0.5]), of_pixels=False)[0].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("given", "kernel", "name"),
    [
        (torch.zeros(3, 30, 50, dtype=torch.uint8), named_kernel("sobel_x"), "convolution"),
        (torch.zeros(1, 500, 3, dtype=torch.uint8), named_kernel("box"), "transposed"),
        (torch.zeros(2, 4000), named_kernel("gaussian", 1), "convolution"),
        (torch.rand(9, 12, 11), named_kernel("edge_detection", 3), "convolution"),
        (torch.zeros(1, 30, 30, dtype=torch.uint8), torch.ones(21, 21), "convolution"),
        (torch.zeros(3, 30, 50, dtype=torch.uint8), torch.ones(2, 2), "max_pool"),
    ],
)
def test_a_sheet_is_drawn_for_one_two_and_three_dimensions(given, kernel, name):
    operation = Operation(name, kernel)
    drawn, rule = sheet(given, operation, operation(given), name="x", kernel="k", values="auto")
    assert 640 <= drawn.width < 1900
    corners = {drawn.getpixel((x, y)) for x in (0, drawn.width - 1) for y in (0, drawn.height - 1)}
    assert corners == {tuple(bytes.fromhex(LIGHT.paper[1:]))}  # nothing runs over the edge
    assert rule


def test_the_result_stands_on_the_right_of_the_sheet_pixel_by_pixel():
    given = torch.zeros(1, 4, 4, dtype=torch.uint8)
    given[0, 1, 2] = 90
    operation = Operation("convolution", named_kernel("identity"), "same")
    drawn, _ = sheet(given, operation, operation(given), name="x", kernel="k", values="auto")
    bright = [x for x in range(drawn.width) if drawn.getpixel((x, 116 + 115 + 57)) == (90, 90, 90)]
    assert {x < drawn.width / 2 for x in bright} == {True, False}


@pytest.mark.parametrize(
    ("number", "text"), [(3.0, "3"), (-0.5, "−0.5"), (2 / 3, "0.67"), (1e9, "1e9"), (0.001, "1e−3")]
)
def test_numbers_in_cells_are_short(number, text):
    assert figure(number) == text
