"""Convolution itself: scipy, torch and the lectures as independent witnesses."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from torch.nn import functional

import striate
from striate.errors import ConfigError, UnknownName
from striate.explain.named_kernels import NAMES, full_name, gabor, named_kernel, read_kernel
from striate.explain.operations import Operation
from striate.explain.windows import MOST_PRODUCTS

NINE = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
TWO = [[0, 1], [2, 3]]


@settings(max_examples=150, deadline=None)
@given(
    axes=st.integers(1, 3),
    sizes=st.lists(st.integers(1, 9), min_size=6, max_size=6),
    mode=st.sampled_from(["full", "same", "valid"]),
    correlate=st.booleans(),
    seed=st.integers(0, 999),
)
def test_every_mode_dimension_and_size_gives_what_scipy_gives(axes, sizes, mode, correlate, seed):
    random = np.random.default_rng(seed)
    picture, kernel = random.normal(size=sizes[:axes]), random.normal(size=sizes[3 : 3 + axes])
    if mode == "valid" and any(k > n for n, k in zip(picture.shape, kernel.shape, strict=True)):
        with pytest.raises(ConfigError, match="is larger than the picture"):
            striate.convolve(picture, kernel)
        return
    wanted = (signal.correlate if correlate else signal.convolve)(picture, kernel, mode=mode, method="direct")
    found = striate.convolve(picture, kernel, mode=mode, correlate=correlate).numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(300,), (17, 19), (7, 7, 7)])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_kernels_of_many_numbers_go_another_way_to_the_same_result(shape, mode):
    random = np.random.default_rng(0)
    kernel, picture = random.normal(size=shape), random.normal(size=[n + 14 for n in shape])
    assert kernel.size > MOST_PRODUCTS
    wanted = signal.convolve(picture, kernel, mode=mode, method="direct")
    np.testing.assert_allclose(striate.convolve(picture, kernel, mode=mode), wanted, rtol=0, atol=1e-9)


def test_a_picture_of_many_strips_is_put_together_without_a_seam():
    picture = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (3, 700, 301), dtype=np.uint8))
    found = striate.convolve(picture, "gaussian_5x5", mode="same")
    wanted = [signal.convolve(c, named_kernel("gaussian_5x5").numpy(), mode="same") for c in picture.double().numpy()]
    np.testing.assert_allclose(found, np.stack(wanted), rtol=0, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_stride_padding_and_dilation_are_those_of_torch(stride, padding, dilation):
    picture, kernel = torch.randn(2, 9, 8, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    steps = {"stride": stride, "padding": padding, "dilation": dilation}
    wanted = functional.conv2d(picture[:, None], kernel[None, None], **steps)[:, 0]
    assert torch.allclose(striate.convolve(picture, kernel, correlate=True, **steps), wanted, atol=1e-12)
    wanted = functional.conv_transpose2d(picture[:, None], kernel[None, None], **steps)[:, 0]
    if min(wanted.shape) > 0:
        assert torch.allclose(Operation("transposed", kernel, **steps)(picture), wanted, atol=1e-12)


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1), (4, 1, 2)])
def test_poolings_are_those_of_torch(size, stride, padding):
    picture, steps = torch.randn(3, 11, 10), {"stride": (stride,) * 2, "padding": (padding,) * 2}
    window = torch.ones(size, size)
    largest = Operation("max_pool", window, **steps)(picture)
    assert largest.equal(functional.max_pool2d(picture, size, stride, padding))
    mean = Operation("average_pool", window, **steps)(picture)
    assert torch.allclose(mean, functional.avg_pool2d(picture, size, stride, padding), atol=1e-6)


def test_max_pooling_of_whole_numbers_never_lets_the_border_win():
    dark = torch.full((1, 4, 4), -7, dtype=torch.int16)
    assert Operation("max_pool", torch.ones(3, 3), padding=(1, 1))(dark).eq(-7).all()


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [  # deck 004; its kernel is not symmetric, so a turned one would be seen
        ({}, [[19, 25], [37, 43]]),
        ({"padding": 1}, [[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]),
        ({"padding": 1, "stride": (3, 2)}, [[0, 8], [6, 8]]),
    ],
)
def test_the_examples_of_the_lectures_are_cross_correlations(steps, wanted):
    assert striate.convolve(NINE, TWO, correlate=True, **steps).tolist() == wanted


def test_a_convolution_turns_the_vertical_edge_of_the_lectures_so_its_sign_changes():
    picture = [[10, 10, 10, 0, 0, 0]] * 6
    assert striate.convolve(picture, "vertical_edge", correlate=True).tolist() == [[0, 30, 30, 0]] * 4
    assert striate.convolve(picture, "vertical_edge").tolist() == [[0, -30, -30, 0]] * 4


def test_deck_002_gives_its_feature():
    picture = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    kernel = "[[1, 0, 1], [0, 1, 0], [1, 0, 1]]"
    assert striate.convolve(picture, kernel).tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_the_type_is_kept_where_it_is_floating_point_and_is_double_elsewhere():
    assert striate.convolve(torch.ones(3, 3), "box").dtype is torch.float32
    assert striate.convolve(torch.ones(3, 3, dtype=torch.uint8), "box").dtype is torch.float64


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int16, torch.float16, torch.float32])
def test_any_type_of_number_is_taken(dtype):
    picture = torch.tensor([[1, 0, 1], [1, 1, 1], [0, 0, 1]]).to(dtype)
    assert striate.convolve(picture, "[[1, 1]]", mode="full").tolist()[0] == [1, 1, 1, 1]


def test_the_picture_is_left_as_it_was_and_gradients_are_not_asked_for():
    picture = torch.ones(4, 4, requires_grad=True)
    assert not striate.convolve(picture, "box", mode="same", padding=1).requires_grad
    assert picture.eq(1).all()


@pytest.mark.parametrize(
    ("picture", "kernel", "words"),
    [
        (NINE, "[[1, 2], [3]]", r"is ragged: row 1 is 2, row 2 1"),
        (NINE, "[[1, [2]]]", "is ragged"),
        (NINE, '[["a"]]', 'holds "a", which is not a number'),
        (NINE, "[[true]]", "holds true, which is not a number"),
        (NINE, "[[1, null]]", "holds null"),
        (NINE, "[[NaN]]", "not finite"),
        (NINE, "[[1e400]]", "not finite"),
        (NINE, f"[[1{'0' * 400}]]", "not finite"),
        (NINE, "[" * 100_000, "neither a name nor numbers"),
        (NINE, "[[1, 2]", "neither a name nor numbers"),
        (NINE, "", "neither a name nor numbers"),
        (NINE, "[]", "empty row"),
        (NINE, "[[]]", "empty row"),
        (NINE, "7", "needs one to three axes"),
        (NINE, "[[[[1]]]]", "needs one to three axes"),
        (NINE, "[[1,0,0,1]]", r"the kernel 1×4 is larger than the picture, 3×3\. Take a smaller one, padding 1"),
        ([1, 2, 3], [[1, 2]], "the kernel has 2 axes, the picture 1"),
        ([[1, 2], [3]], [[1]], "the picture must be numbers in rows of one length"),
        ("photo.jpg", [[1]], "the picture must be numbers"),
        (NINE, [["x"]], "the kernel must be numbers"),
        (NINE, [[float("nan")]], "not finite"),
        ([[1j]], [[1]], "complex"),
        ([1.0, 2.0], "sobel_x", "kernel sobel_x is 2-D, here it would have to be 1-D"),
    ],
)
def test_a_kernel_or_picture_that_cannot_be_is_said_in_one_line(picture, kernel, words):
    with pytest.raises(ConfigError, match=words) as error:
        striate.convolve(picture, kernel)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"stride": 0}, r"stride is 0; it must be between 1 and 100,000"),
        ({"padding": -1}, "padding is -1; it must be between 0"),
        ({"stride": (1, 2, 3)}, "stride is 1×2×3; the kernel has 2 axes"),
        ({"mode": "fulll"}, "there is no mode called 'fulll'. Did you mean full?"),
        ({"padding": 100_000}, "the result would have 40,000,800,004 numbers"),
        ({"padding": 100_000, "stride": 1000}, "with its border it has 40,001,200,009 numbers"),
        ({"dilation": 9}, r"kernel 10×10 with its dilation is larger"),
    ],
)
def test_steps_that_cannot_be_are_said_in_one_line(how, words):
    with pytest.raises(ConfigError, match=words):
        striate.convolve(NINE, TWO, **how)


def test_an_unknown_kernel_is_offered_the_nearest():
    with pytest.raises(UnknownName, match=r"there is no kernel called 'sobelx2'\. Did you mean sobel_x"):
        read_kernel("sobelx2")
    assert full_name("Gaussian 5x5") == "gaussian_5x5"
    assert full_name("none") is None


def test_text_is_never_run():
    with pytest.raises(UnknownName):
        read_kernel("__import__('os').getcwd()")


@pytest.mark.parametrize("name", NAMES)
def test_named_kernels_keep_the_brightness_or_see_no_even_grey(name):
    total = float(named_kernel(name).sum())
    assert total == pytest.approx(1) or total == pytest.approx(0, abs=1e-12)


def test_the_numbers_of_the_lectures_are_there():
    assert named_kernel("edge_detection").tolist() == [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    assert named_kernel("sharpen").tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    assert (16 * named_kernel("gaussian")).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    line = torch.tensor([1.0, 4, 6, 4, 1], dtype=torch.float64)
    assert named_kernel("gaussian_5x5").equal(torch.outer(line, line) / 256)


@pytest.mark.parametrize("name", ["identity", "box", "gaussian", "gaussian_5x5", "edge_detection"])
def test_what_has_no_direction_is_there_in_one_two_and_three_dimensions(name):
    line, plane, space = (named_kernel(name, axes) for axes in (1, 2, 3))
    if name != "edge_detection":
        assert torch.allclose(line[:, None] * line, plane)
        assert torch.allclose(plane[..., None] * line, space)
    else:
        assert [round(float(k.max())) for k in (line, plane, space)] == [2, 8, 26]
        assert [float(k.sum()) for k in (line, plane, space)] == pytest.approx([0, 0, 0])


@pytest.mark.parametrize(("degrees", "axis"), [(0, 1), (90, 0)])
def test_a_gabor_kernel_answers_stripes_of_its_own_direction_and_wavelength_only(degrees, axis):
    across = torch.cos(torch.arange(40) * torch.pi / 2).double()  # 4 pixels from stripe to stripe
    stripes = across.expand(40, 40) if axis == 1 else across.expand(40, 40).T
    own = striate.convolve(stripes, gabor(degrees)).abs().max()
    other = striate.convolve(stripes, gabor(90 - degrees)).abs().max()
    wider = striate.convolve(stripes.repeat_interleave(4, axis), gabor(degrees)).abs().max()
    assert own > 0.5
    assert own > 4 * other
    assert own > 2 * wider


def test_the_vectors_of_the_lectures_come_out_as_written():
    table = Path(__file__).parents[2] / "../shared/facts/zoo.md"
    if not table.exists():
        pytest.skip("shared/facts/zoo.md is not here")
    for line in table.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0] in ("27", "28"):
            wanted = json.loads(cells[3])
            padding = int(cells[0] == "28")
            assert striate.convolve(NINE, TWO, correlate=True, padding=padding).tolist() == wanted
