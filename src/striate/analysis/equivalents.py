"""What else could do the work of a convolution, and at what cost: a dense matrix, or a depthwise separable convolution.

A convolution from C maps of N pixels each to M maps of N' pixels each, with kernels of K numbers and G groups:

    convolution     K·C/G·M weights            N'·M·(2·K·C/G − 1) operations      N'·K·C/G·M multiplications
    dense matrix    C·N·M·N' weights           2·C·N·M·N' operations
    separable       K·C + C·M weights                                             N'·K·C + N'·C·M multiplications

Biases are not counted. Operations are those of deck 004 of the lectures: each unit of a convolution takes its
multiplications and one addition less; the matrix takes a multiplication and an addition for each stored number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from torch import Tensor, nn

from striate.analysis.analyse import analyse
from striate.analysis.grid import Grid, as_times, grouped
from striate.analysis.result import Shape
from striate.arithmetic import conv_multiply_adds, conv_parameters
from striate.errors import ConfigError


@dataclass(frozen=True)
class DenseEquivalent:
    """A convolution beside the dense matrix that gives the same; numbers without biases, each with its formula."""

    weights: int
    operations: int
    dense_weights: int
    dense_operations: int
    formulas: tuple[str, str, str, str]  # of the four, in this order

    @property
    def weights_ratio(self) -> Fraction:
        """How many numbers the matrix stores for one of the convolution."""
        return Fraction(self.dense_weights, self.weights)

    @property
    def operations_ratio(self) -> Fraction:
        """How many operations the matrix takes for one of the convolution."""
        return Fraction(self.dense_operations, self.operations)


@dataclass(frozen=True)
class SeparableEquivalent:
    """A convolution beside the depthwise and the pointwise one that could stand for it: multiplications and weights."""

    multiplications: int
    depthwise: int
    pointwise: int
    weights: int
    separable_weights: int
    formulas: tuple[str, str, str]  # of the first three

    @property
    def separable(self) -> int:
        """Multiplications of the two together."""
        return self.depthwise + self.pointwise

    @property
    def ratio(self) -> Fraction:
        """How many multiplications the convolution takes for one of the two together; no claim about time."""
        return Fraction(self.multiplications, self.separable)


def dense_equivalent(image: Shape, output: Shape, kernel: Sequence[int], groups: int = 1) -> DenseEquivalent:
    """The dense matrix that does what a convolution does from maps `image` to maps `output` (channels, height, width).

    >>> dense = dense_equivalent((1, 320, 280), (1, 319, 280), (2, 1))
    >>> dense.weights, dense.operations, dense.dense_weights, dense.dense_operations
    (2, 267960, 8003072000, 16006144000)
    """
    _check(image, output, kernel, groups)
    terms = prod(kernel) * image[0] // groups
    weights, dense = (
        conv_parameters(kernel, image[0], output[0], groups=groups, bias=False),
        dense_weights(image, output),
    )
    operations = prod(output) * (2 * terms - 1)
    window = [*kernel, image[0] // groups]
    return DenseEquivalent(
        weights,
        operations,
        dense,
        2 * dense,
        (
            _formula([*window, output[0]], weights),
            f"{_product(output)}·(2·{_product(window)} − 1) = {operations:,}",
            _formula([*output, *image], dense),
            f"2·{_formula([*output, *image], 2 * dense)}",
        ),
    )


def dense_weights(image: Shape, output: Shape) -> int:
    """The numbers that a fully connected layer stores from every value of `image` to every one of `output`.

    >>> dense_weights((3, 3000, 4000), (100,))  # a picture of 12 million pixels, 100 hidden units
    3600000000
    """
    return prod(image) * prod(output)


def separable_equivalent(image: Shape, output: Shape, kernel: Sequence[int], groups: int = 1) -> SeparableEquivalent:
    """A convolution of each map by itself and then a 1x1 convolution, from maps `image` to maps `output`.

    >>> separable = separable_equivalent((3, 224, 224), (64, 222, 222), (3, 3))
    >>> separable.multiplications, separable.depthwise, separable.pointwise, separable.separable
    (85162752, 1330668, 9462528, 10793196)
    """
    _check(image, output, kernel, groups)
    maps, *size = output
    whole = conv_multiply_adds(output, kernel, image[0], groups=groups)
    depthwise = conv_multiply_adds((image[0], *size), kernel, 1)
    pointwise = conv_multiply_adds(output, (1,), image[0])
    return SeparableEquivalent(
        whole,
        depthwise,
        pointwise,
        conv_parameters(kernel, image[0], maps, groups=groups, bias=False),
        prod(kernel) * image[0] + image[0] * maps,
        (
            _formula([*size, *kernel, image[0] // groups, maps], whole),
            _formula([*size, *kernel, image[0]], depthwise),
            _formula([*size, image[0], maps], pointwise),
        ),
    )


def _check(image: Shape, output: Shape, kernel: Sequence[int], groups: int) -> None:
    if not len(image) == len(output) == len(kernel) + 1 or len(kernel) < 1:
        raise ConfigError(
            f"a convolution with a kernel {tuple(kernel)} cannot go from {image} to {output}: give both as "
            f"(channels, {'size' if len(kernel) == 1 else 'one size for each axis of the kernel'})."
        )
    if min(*image, *output, *kernel, groups) < 1:
        raise ConfigError(f"{tuple(kernel)}, {image}, {output} and {groups} groups: every size must be 1 or more.")
    if image[0] % groups or output[0] % groups:
        raise ConfigError(f"{groups} groups must divide the {image[0]} input and the {output[0]} output maps.")


def _product(numbers: Sequence[int]) -> str:
    return "·".join(map(str, numbers))


def _formula(numbers: Sequence[int], result: int) -> str:
    return f"{_product(numbers)} = {result:,}"


@dataclass(frozen=True)
class LayerEquivalents:
    """One convolution of a network and what could stand for it; `separable` only where it is another thing."""

    name: str
    image: Shape  # what it reads
    output: Shape
    kernel: Shape
    dense: DenseEquivalent
    separable: SeparableEquivalent | None

    @property
    def multiplications(self) -> int:
        """Those of the convolution itself."""
        return prod(self.output[1:]) * self.dense.weights

    def as_json(self) -> dict[str, Any]:
        dense, separable = self.dense, self.separable
        return {
            "name": self.name,
            "input": list(self.image),
            "output": list(self.output),
            "kernel": list(self.kernel),
            "weights": dense.weights,
            "operations": dense.operations,
            "dense": {"weights": dense.dense_weights, "operations": dense.dense_operations},
            "multiplications": self.multiplications,
            "separable": None
            if separable is None
            else {
                "depthwise": separable.depthwise,
                "pointwise": separable.pointwise,
                "multiplications": separable.separable,
                "weights": separable.separable_weights,
                "ratio": float(separable.ratio),
            },
        }


def convolution_equivalents(net: nn.Module, image: Shape) -> tuple[LayerEquivalents, ...]:
    """The equivalents of every `nn.Conv1d`, `Conv2d` and `Conv3d` that runs in `net`, in the order of the forward pass.

    Raises what `analyse` raises where `net` cannot take `image`.
    """
    found: list[LayerEquivalents] = []
    handles = []
    for name, module in net.named_modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):

            def seen(module: Any, args: tuple[Any, ...], output: Tensor, name: str = name) -> None:
                if not module.training:  # analyse runs a training step too
                    found.append(_of_call(name, module, args[0], output))

            handles.append(module.register_forward_hook(seen))
    try:
        analyse(net, image)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found)


def _of_call(name: str, conv: nn.Conv1d | nn.Conv2d | nn.Conv3d, given: Tensor, output: Tensor) -> LayerEquivalents:
    axes = len(conv.kernel_size)
    before, after, kernel = tuple(given.shape[-axes - 1 :]), tuple(output.shape[-axes - 1 :]), tuple(conv.kernel_size)
    another = conv.groups == 1 and prod(kernel) > 1
    return LayerEquivalents(
        name,
        before,
        after,
        kernel,
        dense_equivalent(before, after, kernel, conv.groups),
        separable_equivalent(before, after, kernel) if another else None,
    )


def equivalents_grid(layers: Sequence[LayerEquivalents]) -> Grid:
    """The table of them, for people."""
    head = ("convolution", "weights", "dense weights", "", "multiplications", "separable", "")
    rows = []
    for layer in layers:
        separable = layer.separable
        rows.append(
            (
                layer.name or "the network",
                grouped(layer.dense.weights),
                grouped(layer.dense.dense_weights),
                as_times(float(layer.dense.weights_ratio)),
                grouped(layer.multiplications),
                grouped(separable.separable) if separable else "–",
                as_times(float(separable.ratio) if separable else None),
            )
        )
    return Grid(head, tuple(rows))
