"""Layers written as loops over numpy arrays, straight from their definitions: the oracles of this folder."""

from itertools import product

import numpy as np
import torch
from torch import Tensor, nn


def places(size, kernel, stride=1):
    """Each place of a window: its index in the output, and the slices of the input that it sees."""
    counts = [(n - k) // stride + 1 for n, k in zip(size, kernel, strict=True)]
    for place in product(*map(range, counts)):
        yield place, tuple(slice(i * stride, i * stride + k) for i, k in zip(place, kernel, strict=True))


def windows(x, kernel, stride=1):
    """(channels, *places, *kernel) of x (channels, *size)."""
    counts = [(n - k) // stride + 1 for n, k in zip(x.shape[1:], kernel, strict=True)]
    seen = np.zeros((x.shape[0], *counts, *kernel))
    for place, look in places(x.shape[1:], kernel, stride):
        seen[(slice(None), *place)] = x[(slice(None), *look)]
    return seen


def correlated(x, weight, bias, stride=1, groups=1):
    """A convolution as networks mean it: not turned. x (channels, *size), weight (out, channels/groups, *kernel)."""
    kernel = weight.shape[2:]
    counts = [(n - k) // stride + 1 for n, k in zip(x.shape[1:], kernel, strict=True)]
    result = np.zeros((len(weight), *counts))
    share, part = x.shape[0] // groups, len(weight) // groups
    for out in range(len(weight)):
        channels = slice(out // part * share, out // part * share + share)
        for place, look in places(x.shape[1:], kernel, stride):
            result[(out, *place)] = (x[(channels, *look)] * weight[out]).sum() + bias[out]
    return result


def zero_padded(x, *border):
    """x (channels, *size) with (before, after) zeros along each axis."""
    return np.pad(x, [(0, 0), *border])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def applied(layer: nn.Module, x) -> np.ndarray:
    """What `layer`, in float64, gives for one picture x, a numpy array without the batch."""
    with torch.no_grad():
        return layer.double().eval()(torch.tensor(x)[None])[0].numpy()


def arrays(layer: nn.Module) -> dict[str, np.ndarray]:
    """The layer's parameters as they are in `applied`."""
    return {name: parameter.detach().double().numpy() for name, parameter in layer.named_parameters()}


def gradients_agree(layer: nn.Module, *shape: int) -> bool:
    """Whether the gradients for a batch of two and for all parameters are those of small differences."""
    layer = layer.double()
    state = dict(layer.named_parameters())
    x = torch.tensor(numbers(2, *shape, seed=1), requires_grad=True)

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(state, values, strict=True)), x)

    return torch.autograd.gradcheck(run, (x, *state.values()))
