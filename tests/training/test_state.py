"""Any state of a training becomes tensors and JSON, and comes back exactly as it was."""

import json
import math
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from striate.errors import RunError
from striate.training.state import DEEPEST, flatten, unflatten

DTYPES = (torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64)


@st.composite
def tensors(draw):
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    bits = draw(st.binary(min_size=math.prod(shape) * 8, max_size=math.prod(shape) * 8))
    whole = torch.frombuffer(bytearray(bits or b"\0"), dtype=torch.uint8)[: math.prod(shape) * dtype.itemsize]
    tensor = (whole > 127) if dtype == torch.bool else whole.view(dtype) if len(whole) else torch.empty(0, dtype=dtype)
    tensor = tensor.reshape(shape)
    return tensor.contiguous(memory_format=torch.channels_last) if len(shape) == 4 and draw(st.booleans()) else tensor


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
marks = st.sampled_from(["$tensor", "$tuple", "$dict", "$float", "__metadata__", "a.b", "", "a"])
keys = marks | scalars | st.tuples(scalars, scalars)
states = st.recursive(
    scalars | tensors(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(marks | st.text(max_size=3), inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=20,
)


def identical(a, b):
    """Equal in kind, order, memory and every bit; what `==` overlooks in 1, 1.0, True, NaN and -0.0 included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return (
            (a.dtype, a.shape) == (b.dtype, b.shape)
            and (a.stride() == b.stride() or a.numel() < 2 or 1 in a.shape)
            and a.contiguous().view(-1).view(torch.uint8).tolist() == b.contiguous().view(-1).view(torch.uint8).tolist()
        )
    if isinstance(a, dict):
        return len(a) == len(b) and all(identical(p, q) and identical(a[p], b[q]) for p, q in zip(a, b, strict=True))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return a == b


@given(states)
@settings(max_examples=300, deadline=None)
def test_any_nested_state_comes_back_exactly_through_json(state):
    found, values = flatten(state)
    assert identical(unflatten(found, json.loads(json.dumps(values, allow_nan=False))), state)


@given(states)
@settings(max_examples=50, deadline=None)
def test_names_of_tensors_are_names_that_any_file_can_hold(state):
    found, _ = flatten(state)
    assert "__metadata__" not in found
    for name in found:
        name.encode()


def test_kinds_that_python_takes_for_equal_stay_apart():
    state = {1: [1, 1.0, True], "1": -0.0, (1, 2.5, None): float("-inf"), False: 10**300, 2: 5e-324, 3: 1e308}
    found, values = flatten(state)
    assert identical(unflatten(found, json.loads(json.dumps(values))), state)


def test_the_bits_of_a_nan_are_kept():
    (odd,) = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_1234))
    _, values = flatten([odd])
    assert values == [{"$float": "fff8000000001234"}]
    assert struct.pack("<d", unflatten({}, values)[0]) == struct.pack("<Q", 0xFFF8_0000_0000_1234)


def test_an_optimizer_goes_on_exactly_where_it_was():
    """The oracle is the optimizer that was never interrupted."""

    def steps(net, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            net(torch.linspace(0, 1, 3 * 8 * 8).reshape(1, 3, 8, 8)).square().sum().backward()
            optimizer.step()

    def fresh():
        torch.manual_seed(3)
        net = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        return net, torch.optim.AdamW(net.parameters(), lr=0.01, amsgrad=True, betas=(0.8, 0.99))

    net, optimizer = fresh()
    steps(net, optimizer, 5)
    found, values = flatten({"net": net.state_dict(), "optimizer": optimizer.state_dict()})
    stored = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in found.items()}
    text = json.dumps(values)
    steps(net, optimizer, 5)
    other, resumed = fresh()
    state = unflatten(stored, json.loads(text))
    other.load_state_dict(state["net"])
    resumed.load_state_dict(state["optimizer"])
    momentum = resumed.state[other.weight]["exp_avg"]
    assert momentum.is_contiguous(memory_format=torch.channels_last)
    steps(other, resumed, 5)
    assert torch.equal(other.weight, net.weight)
    assert torch.equal(other.bias, net.bias)


def test_the_state_of_a_random_generator_goes_on_with_the_same_numbers():
    generator = torch.Generator().manual_seed(5)
    torch.rand(3, generator=generator)
    found, values = flatten({"generator": generator.get_state()})
    other = torch.Generator()
    other.set_state(unflatten(found, values)["generator"])
    assert torch.equal(torch.rand(5, generator=other), torch.rand(5, generator=generator))


def test_a_tensor_that_two_places_share_is_held_once_and_shared_again():
    shared, turned = torch.ones(3), torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)
    state = {"a": shared, "b": [shared.detach()], "c": turned, "d": turned}
    found, values = flatten(state)
    assert list(found) == ["a", "c"]
    again = unflatten(found, values)
    assert again["a"] is again["b"][0]
    assert again["c"] is again["d"]


def test_paths_that_look_alike_get_names_of_their_own():
    found, _ = flatten({"a": {"b": torch.ones(1)}, "a.b": torch.ones(2), "__metadata__": torch.ones(3)})
    assert {name: len(tensor) for name, tensor in found.items()} == {"a.b": 1, "a.b~2": 2, "__metadata__~2": 3}


@pytest.mark.parametrize("wrong", [object(), {1, 2}, b"x", torch.nn.ReLU(), 1j, torch.ones(2).to_sparse()])
def test_what_a_checkpoint_does_not_hold_is_named_by_its_place(wrong):
    with pytest.raises(TypeError, match=r"best\.1: is a"):
        flatten({"best": [0, wrong]})


def test_a_state_that_holds_itself_is_refused():
    state = []
    state.append(state)
    with pytest.raises(ValueError, match=f"deeper than {DEEPEST} levels"):
        flatten(state)


def deep(levels):
    return [deep(levels - 1)] if levels else 0


@pytest.mark.parametrize(
    "values",
    [
        {"$tensor": "none"},
        {"$tensor": 3},
        {"$tensor": "a", "order": [0, 0]},
        {"$tensor": "a", "order": [0, 10**30]},
        {"$tensor": "a", "order": ["x", "y"]},
        {"$tensor": "a", "more": 1},
        {"$tuple": 3},
        {"$tuple": [], "more": 1},
        {"$dict": [[[], 1]]},
        {"$dict": [[1]]},
        {"$dict": [1]},
        {"$float": "zz"},
        {"$float": "00"},
        {"$_target_": "os.system"},
        deep(DEEPEST + 1),
    ],
    ids=str,
)
def test_values_that_are_not_of_our_making_are_refused_in_one_line(values):
    with pytest.raises(
        RunError, match="the stored state of a training cannot be read .*not written by Striate"
    ) as caught:
        unflatten({"a": torch.ones(2, 2)}, values)
    assert "\n" not in str(caught.value)
