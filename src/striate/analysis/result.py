"""What an analysis gives: plain values, one `Layer` a leaf module call in the order of the forward pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class View:
    """What the units of a layer see of the image, along each spatial axis of the image (height, width).

    `size`: pixels that can change one unit (an inner one, away from the border). `stride`: pixels from the place of a
    unit to that of the next (a fraction below 1 after a transposed convolution; 0 where units have no place). `start`:
    position of the centre of the first unit's view, in pixels, 0 the centre of the first pixel; it can be negative or
    half. `docs/counting.md` says more.
    """

    size: tuple[int, ...]
    stride: tuple[float, ...]
    start: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Lists of numbers, one an axis."""
        return {"size": list(self.size), "stride": list(self.stride), "start": list(self.start)}


@dataclass(frozen=True)
class Layer:
    """One call of a module without children (or of an operation outside any such module), for one picture.

    `name`: the key path of the module ("layer1.0.conv1"), or "layer1.0:add" for an operation in a module's own
    forward; what is called again is "layer1.0.relu:2", and has no parameters then. `output`: () where the forward pass
    could not be followed so far. `kind`: "Conv2d", "ReLU", "add", ... `inputs`: names of the layers whose outputs it
    reads; "" is the image. `fits`: None, or the sentence about a remainder that no window sees, with its formula.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    output: Shape
    parameters: int = 0
    weights: int = 0
    biases: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    multiplications: int = 0
    additions: int = 0
    activation_bytes: int = 0
    receptive_field: View | None = None
    fits: str | None = None
    detail: str = ""  # "5x5, stride 2, padding 1": what the layer's own arguments say, for tables

    @property
    def flops(self) -> int:
        """Floating point operations: twice the multiply-adds."""
        return 2 * self.multiply_adds


@dataclass(frozen=True)
class Analysis:
    """All of a network, for a batch of `batch` pictures of shape `image`.

    Counts are for one picture, bytes for the batch. `receptive_field` is that of the last layer whose output still is a
    map of several units.
    """

    image: Shape
    batch: int
    layers: tuple[Layer, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    multiplications: int
    additions: int
    weight_bytes: int
    activation_bytes: int
    inference_bytes: int
    training_bytes: int
    receptive_field: View | None
    notes: tuple[str, ...] = field(default=())  # what could not be traced, by name

    @property
    def flops(self) -> int:
        """Floating point operations: twice the multiply-adds."""
        return 2 * self.multiply_adds

    def as_json(self) -> dict[str, Any]:
        """All numbers, for `--json`."""
        from striate.analysis.table import as_json

        return as_json(self)

    def __str__(self) -> str:
        from striate.analysis.table import as_text

        return as_text(self)

    def __rich__(self) -> Any:
        from striate.analysis.table import as_rich

        return as_rich(self)

    def _repr_html_(self) -> str:
        from striate.analysis.table import as_html

        return as_html(self)
