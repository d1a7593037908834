import pytest
import torch
from torch import nn

from striate.reports.learned import learned


def test_one_channel_kernels_are_drawn_square_by_square():
    found = learned(nn.Conv2d(1, 6, 5), None)
    assert found.shape.replace("\u00a0", " ") == "6 of 5 × 5"
    assert [(p.width, p.height) for p in found.after] == [(5, 5)] * 6
    assert found.before == ()


def test_kernels_of_colour_pictures_are_drawn_in_colour():
    found = learned(nn.Conv2d(3, 4, 7), None)
    assert "Drawn in the colours that excite it most" in found.words
    assert not any(p.dark for p in found.after)


def test_before_and_after_share_one_scale():
    net = nn.Conv2d(1, 2, 3)
    with torch.no_grad():
        net.weight.fill_(1.0)
    faint = learned(net, torch.full((2, 1, 3, 3), 0.25))
    alone = learned(net, torch.full((2, 1, 3, 3), 1.0))
    assert faint.after[0].light == alone.after[0].light
    assert learned(net, torch.full((2, 1, 3, 3), 4.0)).after[0].light != alone.after[0].light
    assert faint.before[0].light != alone.before[0].light == alone.after[0].light


def test_initial_kernels_of_another_network_are_not_shown():
    assert learned(nn.Conv2d(1, 2, 3), torch.zeros(2, 1, 5, 5)).before == ()


def test_many_kernels_and_many_channels_are_cut_and_said_so():
    found = learned(nn.Conv2d(32, 100, 3), None)
    assert len(found.after) == 64
    assert found.note == "64 of 100 are shown. Of each, the first 16 of 32 planes."


@pytest.mark.parametrize(
    ("layer", "size"),
    [(nn.Conv1d(2, 3, 9), (9, 2)), (nn.Conv3d(1, 2, (2, 3, 3)), (7, 3)), (nn.Conv2d(2, 3, 3), (7, 3))],
)
def test_kernels_of_other_shapes_are_laid_out_flat(layer, size):
    assert (learned(layer, None).after[0].width, learned(layer, None).after[0].height) == size


def test_a_network_without_convolutions_has_no_kernels_to_show():
    assert learned(nn.Linear(3, 2), None) is None
