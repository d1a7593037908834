"""What a layer does, in one plain sentence, told from the layer itself."""

from __future__ import annotations

from math import prod

from torch import nn

from striate.explain.activations import Activation
from striate.misfit import CONVOLUTIONS, NORMS, POOLS, TRANSPOSED, axes_of, per_axis
from striate.reports.words import by, count

TITLES = {
    "Linear": "Fully connected",
    "LazyLinear": "Fully connected",
    "LayerNorm": "Layer norm",
    "GroupNorm": "Group norm",
    "LocalResponseNorm": "Response norm",
    "Upsample": "Upsampling",
}

STEPS = {  # what an activation does to each value
    "ReLU": "Only matches are kept; everything below zero becomes zero.",
    "ReLU6": "Only matches are kept: below zero becomes zero, above six becomes six.",
    "LeakyReLU": "Matches are kept; everything below zero is made small.",
    "PReLU": "Matches are kept; everything below zero is made small by a learned share.",
    "ELU": "Matches are kept; values below zero level off.",
    "SELU": "Matches are kept; values below zero level off.",
    "GELU": "Matches pass; values around and below zero are damped.",
    "SiLU": "Matches pass; values around and below zero are damped.",
    "Mish": "Matches pass; values around and below zero are damped.",
    "Hardswish": "Matches pass; values around and below zero are damped.",
    "Tanh": "Every value is squeezed between −1 and 1.",
    "Sigmoid": "Every value is squeezed between 0 and 1.",
    "Hardsigmoid": "Every value is squeezed between 0 and 1.",
    "Softplus": "Values below zero fade towards zero.",
    "Softmax": "Scores become shares that add up to one.",
    "LogSoftmax": "Scores become logarithms of shares.",
    "LayerNorm": "Values are brought to a common range, then stretched by learned numbers.",
    "GroupNorm": "Maps are brought to a common range group by group, then stretched by learned numbers.",
    "LocalResponseNorm": "Strong values damp the same place in neighbouring maps.",
    "Upsample": "Every map is enlarged.",
}


def title(layer: nn.Module) -> str:
    """The name that people use for the kind of layer."""
    kind = type(layer).__name__
    if isinstance(layer, CONVOLUTIONS):
        return "Convolution" if layer.groups == 1 else "Grouped convolution"
    if isinstance(layer, TRANSPOSED):
        return "Transposed convolution"
    if isinstance(layer, NORMS):
        return "Batch norm"
    for word, start in (("Max pooling", "MaxPool"), ("Average pooling", "AvgPool")):
        if kind.removeprefix("Adaptive").startswith(start):
            return word
    return TITLES.get(kind, kind)


def sentence(seen: Activation, *, first: bool, last: bool) -> str:
    """One or two sentences. `first`: the network's first convolution, which explains the colours; `last`: its end."""
    layer = seen.layer
    if isinstance(layer, CONVOLUTIONS):
        return _convolution(layer, first)
    if isinstance(layer, TRANSPOSED):
        return f"Every value stamps a pattern of {by(_kernel(layer))} into a larger map; overlaps add up."
    if isinstance(layer, nn.Linear):
        if last:
            return "One score for each class. Softmax turns scores into shares."
        return (
            f"{count(layer.out_features)} units, each looking at all {count(layer.in_features)} values above at once."
        )
    if isinstance(layer, NORMS):
        return "Each map is brought to a common range, then stretched and moved by two learned numbers."
    kind = type(layer).__name__
    if isinstance(layer, POOLS):
        return _pool(layer, seen)
    if kind.startswith("Adaptive"):
        what = "mean" if "Avg" in kind else "largest value"
        if prod(seen.output.shape[2:]) == 1:
            return f"Of each map only its {what} stays: what was seen counts, no longer where."
        return f"Each map is brought to {by(tuple(seen.output.shape[2:]))} by the {what} of each part."
    return STEPS.get(kind) or _own_words(layer)


def _kernel(layer: nn.Module) -> tuple[int, ...]:
    return per_axis(layer.kernel_size, axes_of(layer))  # type: ignore[arg-type]


def _convolution(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, first: bool) -> str:
    size, maps, depth = by(_kernel(layer)), count(layer.out_channels), count(layer.in_channels)
    patterns = "One pattern" if layer.out_channels == 1 else f"{maps} patterns"
    if first:
        slide = "slides" if layer.out_channels == 1 else "slide"
        colours = "Blue where a pattern matches, orange where its opposite does."
        return f"{patterns} of {size} {slide} over the picture. {colours}"
    if prod(_kernel(layer)) == 1 and layer.groups == 1:
        return f"{maps} mixtures of the {depth} maps that come in, each place by itself."
    if layer.groups == layer.in_channels and layer.groups > 1:
        return f"Every map is searched by itself, with a pattern of its own of {size}."
    if layer.groups > 1:
        share = count(layer.in_channels // layer.groups)
        return f"{patterns} of {size}, each looking at {share} of the {depth} maps that come in."
    if layer.in_channels == 1:
        return f"{patterns} of {size}."
    return f"{patterns} of {size}, each looking at all {depth} maps that come in."


def _pool(layer: nn.Module, seen: Activation) -> str:
    kernel = _kernel(layer)
    stays = "the largest stays" if "Max" in type(layer).__name__ else "the mean stays"
    text = f"Of every {by(kernel)} values {stays}."
    before, after = seen.given[2:], tuple(seen.output.shape[2:])
    if before and all(abs(a / b - 0.5) < 0.1 for a, b in zip(after, before, strict=True)):
        text += " Height and width halve; small shifts stop mattering."
    return text


def _own_words(layer: nn.Module) -> str:
    """The first line of what the author of a layer that is not torch's wrote about it."""
    if type(layer).__module__.startswith("torch.") or not type(layer).__doc__:
        return ""
    line = (type(layer).__doc__ or "").strip().splitlines()[0]
    return line if len(line) <= 160 else ""
