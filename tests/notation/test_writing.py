"""A network back to its notation."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from striate.errors import ShapeError
from striate.notation import build, write
from striate.rows import conv, norm, stack

IMAGE = (3, 16, 16)
PLAIN = """
conv; conv 8; conv 6 5; conv 4 3 s2; conv 6 3 p0; conv 9 3 d2 nobias; conv 6 4; conv 8 2 same^; conv 4 3x1;
conv 5 3 s2 same; conv 7 3 p1+0x0+1; dw 3; dw 5 s2 nobias; pw 6; sep 8; sep 6 5 s2 nobias; local 4 3; deconv 6;
deconv 5 3 s1; deconv 4 4 s2 p2 o1; pool 2 s1 same; pool 3 s2 p1; avgpool 3 s1 p1; pool 3 s1 ceil; gap 4; gmp 3; up 2;
up 2 linear; pad 1; pad 0+1; norm; lrn; dropout 0.25; se 2; conv 8 1-maxout 2; relu; relu6; lrelu 0.2; elu 0.5; prelu;
gelu; silu; softplus; hswish; mish; selu; tanh; sigmoid; softmax; id
""".replace("\n", " ").split(";")
rows = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: st.one_of(
        st.tuples(inner, st.integers(1, 3)).map(lambda pair: f"({pair[0]})*{pair[1]}"),
        st.lists(inner, min_size=1, max_size=3).map("-".join),
        st.sampled_from(["res(conv-relu-conv)", "res(norm)", "conv 6-res(conv 8-relu; pw)", "conv 8-pool-conv-unpool"]),
        st.sampled_from(["concat(conv 4 1, conv 2 3-relu)", "concat(id, res(conv), pool 3 s1 p1)"]),
    ),
    max_leaves=5,
)
ends = st.sampled_from(
    ["", "-fc", "-gap-fc", "-fc 12 nobias-relu-fc", "-gmp", "-flatten-dropout-fc", "-fc 48-unflatten 3x4x4-deconv"]
)


def fitting(text):
    """The network of a text; None where 16x16 pictures are too small for it."""
    try:
        return build(text, IMAGE, 10)
    except ShapeError:
        return None


def shapes(net):
    return [(tuple(p.shape)) for p in net.parameters()]


@settings(max_examples=120, deadline=None)
@given(rows, ends)
def test_a_network_that_was_built_is_written_and_built_again_the_same(text, end):
    picture = torch.empty(2, *IMAGE, device="meta")
    with torch.device("meta"):
        net = fitting(text + end)
        assume(net is not None)
        written = write(net)
        assert written is not None
        again = build(written, IMAGE, 10)
    assert shapes(again) == shapes(net)
    assert again(picture).shape == net(picture).shape
    assert write(again) == written


@pytest.mark.parametrize(
    "text",
    ["conv 4 2-relu-pool-conv 3 3 s2 same-norm-fc", "conv 4-pool-conv-unpool-concat(conv 2, id)-res(conv)-gap-fc"],
)
def test_what_is_written_computes_the_same(text):
    net = build(text, IMAGE, 10).eval()
    again = build(write(net), IMAGE, 10).eval()
    for own, other in zip(again.parameters(), net.parameters(), strict=True):
        own.data = other.data
    picture = torch.randn(2, *IMAGE, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(picture), net(picture))


def test_repeats_are_written_once():
    with torch.device("meta"):
        assert write(build("[(conv 8-relu)*2-pool]*3-fc", IMAGE, 10)) == "((conv 8 3-relu)*2-pool 2)*3-fc 10"


def test_a_network_of_rows_or_of_plain_torch_is_written_too():
    assert write(
        stack(IMAGE, conv(8, 3, padding=1, bias=False), norm(), nn.ReLU(), nn.Flatten(), nn.Linear(2048, 10))
    ) == ("conv 8 3 nobias-norm-relu-fc 10")
    inner = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2, groups=1), nn.ReLU(inplace=True))
    assert write(nn.Sequential(inner, nn.AdaptiveAvgPool2d(1), nn.Flatten())) == "conv 8 5 s2-relu-gap"


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 8, 3, padding_mode="reflect"), nn.BatchNorm2d(3, eps=1e-3), nn.Softmax(dim=-1), nn.ELU(2.0),
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 8)), nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        nn.MaxPool2d(2, return_indices=True), nn.Flatten(2), nn.Upsample(size=7), nn.LSTM(3, 3), nn.GELU("tanh"),
    ],
)  # fmt: skip
def test_what_the_notation_has_no_words_for_is_not_written_wrongly(layer):
    assert write(layer) is None
