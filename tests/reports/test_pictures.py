import numpy
import pytest
import torch

from striate.explain.colours import SCHEMES, STEPS, STOPS, ramp
from striate.palette import DARK, LIGHT
from striate.reports.pictures import coloured, mosaic, photograph, shrunk, signed, strength

MIDDLE = STEPS // 2


def lightness(colour):
    """CIE L*, which knows nothing of OKLab."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
    y = sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


@pytest.mark.parametrize("scheme", SCHEMES)
def test_strength_runs_from_the_page_in_one_direction_of_lightness(scheme):
    levels = [lightness(c) for c in ramp(scheme, "strength")]
    assert levels == sorted(levels, reverse=scheme == "light")
    assert abs(levels[-1] - levels[0]) > 60


@pytest.mark.parametrize("scheme", SCHEMES)
def test_signed_runs_from_the_page_in_the_middle_to_both_ends(scheme):
    levels = [lightness(c) for c in ramp(scheme, "signed")]
    assert levels[: MIDDLE + 1] == sorted(levels[: MIDDLE + 1], reverse=scheme == "dark")
    assert levels[MIDDLE:] == sorted(levels[MIDDLE:], reverse=scheme == "light")


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_zero_has_nearly_the_colour_of_the_card_it_lies_on(scheme, palette):
    card = [int(palette.card[k : k + 2], 16) for k in (1, 3, 5)]
    for name, place in (("strength", 0), ("signed", MIDDLE)):
        assert max(abs(a - b) for a, b in zip(ramp(scheme, name)[place], card, strict=True)) < 16


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_two_signs_differ_in_blue_against_yellow_which_everyone_sees(scheme):
    low, high = ramp(scheme, "signed")[0], ramp(scheme, "signed")[-1]
    assert low[0] > low[2] + 80
    assert high[2] > high[0] + 80


def test_every_stop_of_a_ramp_is_met(colours_of):
    assert {len(stops) for stops in STOPS.values()} == {5, 7}
    assert ramp("light", "strength")[16] == tuple(colours_of(strength(torch.tensor([[0.25, 1.0]]), "").light)[0, 0])


def test_zero_and_the_extremes_of_both_signs_have_the_colours_of_the_ramp(colours_of):
    seen = colours_of(signed(torch.tensor([[-2.0, 0.0, 2.0]]), "").light)[0].tolist()
    assert [tuple(c) for c in seen] == [ramp("light", "signed")[k] for k in (0, MIDDLE, STEPS - 1)]


def test_nothing_at_all_and_nan_are_drawn_as_zero(colours_of):
    for values in (torch.zeros(2, 2), torch.tensor([[float("nan"), 0.0]])):
        assert (colours_of(strength(values, "", top=1.0).light) == ramp("light", "strength")[0]).all()
    assert (colours_of(signed(torch.zeros(2, 2), "").dark) == ramp("dark", "signed")[MIDDLE]).all()


def test_values_above_the_given_top_have_full_colour(colours_of):
    seen = colours_of(strength(torch.tensor([[9.0, 1.0]]), "", top=1.0).light)
    assert (seen[0, 0] == seen[0, 1]).all()


def test_small_photographs_keep_every_pixel(colours_of):
    image = torch.arange(3 * 4 * 5, dtype=torch.uint8).reshape(3, 4, 5)
    assert (colours_of(photograph(image, "").light) == image.permute(1, 2, 0).numpy()).all()
    grey = torch.arange(100, 120, dtype=torch.uint8).reshape(1, 4, 5)
    assert (colours_of(photograph(grey, "").light)[..., 0] == grey[0].numpy()).all()


def test_scanned_ink_is_dark_on_light_pages_and_light_on_dark_ones(colours_of):
    digit = torch.zeros(1, 9, 9, dtype=torch.uint8)
    digit[0, 4, 4] = 255
    picture = photograph(digit, "")
    assert colours_of(picture.light)[4, 4].sum() < colours_of(picture.light)[0, 0].sum()
    assert colours_of(picture.dark)[4, 4].sum() > colours_of(picture.dark)[0, 0].sum()


def test_large_photographs_become_thumbnails_of_nearly_the_same_colours(colours_of):
    across = torch.linspace(0, 255, 400).byte().expand(300, 400)
    picture = photograph(torch.stack([across, across.flip(1), across]), "")
    assert (picture.width, picture.height, picture.smooth) == (112, 84, True)
    seen, ideal = colours_of(picture.light)[..., 0].mean(0), numpy.linspace(1, 254, 112)
    assert abs(seen - ideal).max() < 8


def test_pictures_of_other_channels_are_drawn_by_their_mean():
    assert photograph(torch.full((2, 3, 3), 255, dtype=torch.uint8), "").dark


def test_zero_of_a_colour_kernel_is_grey_and_its_extremes_are_pure(colours_of):
    kernel = torch.tensor([[[-1.0, 0.0, 1.0]], [[1.0, 0.0, -1.0]], [[0.0, 0.0, 0.0]]])
    assert colours_of(coloured(kernel, "", top=1.0).light)[0].tolist() == [
        [0, 255, 128],
        [128, 128, 128],
        [255, 0, 128],
    ]


def test_shrinking_takes_means_or_keeps_peaks():
    values = torch.zeros(128, 128)
    values[5, 5] = 1.0
    assert shrunk(values).max() == 0.25
    assert shrunk(values, keep_peaks=True).max() == 1
    assert shrunk(values, side=128) is values


def test_a_mosaic_has_every_plane_and_blank_lines_between():
    sheet = mosaic(torch.ones(6, 5, 5))
    assert sheet.sum() == 6 * 25
    assert sheet.shape == (11, 17)
    assert (sheet[5] == 0).all()
