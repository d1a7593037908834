"""What a network has inside: kernels, what its layers make of a picture, where a unit looks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from striate.analysis.unit_view import unit_view
from striate.errors import ConfigError
from striate.explain.activation_sheet import activation_sheet
from striate.explain.activations import activations
from striate.explain.features import layer_output
from striate.explain.field_sheet import field_sheet
from striate.explain.kernel_sheet import kernel_sheet
from striate.explain.kernels import convolutions, kernels
from striate.explain.target_layer import channel_axis, target_layer
from striate.verbs.explain import Explained, ExplainSettings
from striate.verbs.explain_answer import looked, prepared, veiled
from striate.verbs.explain_model import refuse_unknown, without_convolutions

if TYPE_CHECKING:
    from PIL.Image import Image

    from striate.model import Model

Unit = tuple[int, ...]  # channel, row, column


def kernel(model: Model, asked: ExplainSettings, said: str) -> Explained:
    """The sheet of the kernels of a layer, the first convolution where none is named."""
    known = convolutions(model.net)
    if not known:
        raise without_convolutions(model, "kernels")
    layer = known[0] if asked.layer is None else asked.layer
    if layer:
        refuse_unknown(model.net, layer, model.reference.text, known)
    weights = kernels(model.net, layer)
    told = {"method": "kernels", "layer": layer, "kernels": len(weights), "shape": list(weights.shape[1:])}
    size = "x".join(map(str, weights.shape[1:]))
    return explained(kernel_sheet(weights, layer), told, f"{len(weights)} kernels of {size} of layer {layer}", said)


def activation(model: Model, file: Path, asked: ExplainSettings, said: str) -> Explained:
    """The sheet of what every layer makes of one picture."""
    seen = looked(model, file)
    found = activations(model.net, prepared(model, seen.given))
    told = {"method": "activations", "layers": [one.name for one in found], "picture": str(file)}
    words = f"{file}: {len(found)} layers of {model.reference.text}"
    return explained(activation_sheet(found, veiled(seen)), told, words, said)


def field(model: Model, file: Path, asked: ExplainSettings, said: str) -> Explained:
    """The sheet of what one unit sees of a picture: the unit asked for, or the most active one of the layer."""
    seen = looked(model, file, side=None)
    ready = prepared(model, seen.given)
    layer = layer_of(model, asked.layer, ready, "receptive_field")
    output = by_channel(layer_output(model.net, ready, layer.partition(":")[0]), ready)[0]
    unit = most_active(output) if asked.unit is None else named_unit(asked.unit, layer, output)
    view = unit_view(model.net, model.preprocess.image, layer.partition(":")[0], [unit[1:]])[0]
    rows, columns = view.seen
    box, cut = (0, 0, 0, 0), list[int]()
    if rows is not None and columns is not None:
        box = seen.place.box((rows[0], columns[0], rows[1] + 1, columns[1] + 1))
        if (rows[1] - rows[0] + 1, columns[1] - columns[0] + 1) != view.size:
            cut = [round(size * scale) for size, scale in zip(view.size, seen.place.scale, strict=True)]
    told = {
        "method": "receptive_field", "layer": layer, "unit": list(unit), "value": float(output[unit]),
        "size": list(view.size), "box": dict(zip(("top", "left", "bottom", "right"), box, strict=True)),
        "picture": str(file),
    }  # fmt: skip
    words = f"{file}: unit {','.join(map(str, unit))} of layer {layer} sees rows {box[0]} to {box[2] - 1} and columns "
    words += f"{box[1]} to {box[3] - 1}"
    return explained(field_sheet(veiled(seen), box, layer, unit, size=cut), told, words, said)


def explained(image: Image, told: Mapping[str, Any], words: str, said: str) -> Explained:
    """A sheet of one object."""
    return Explained(image, ({**told, **({"note": said} if said else {})},), (words, *([said] if said else [])))


def layer_of(model: Model, layer: str | None, ready: Tensor, method: str) -> str:
    """The layer that is asked for, or the last one with maps; `UnknownName`, `ConfigError`."""
    if layer is not None:
        refuse_unknown(model.net, layer, model.reference.text)
        return layer
    if not convolutions(model.net):
        raise without_convolutions(model, f"{method} without --layer")
    return target_layer(model.net, ready)


def by_channel(output: Tensor, images: Tensor) -> Tensor:
    """(n, c, ...): the output of a layer with its channels first; a vector has no places."""
    return output.movedim(channel_axis(images, output), 1) if output.ndim == images.ndim else output.flatten(1)


def most_active(output: Tensor) -> Unit:
    """The unit of `output` (c, ...) with the largest value."""
    at, unit = int(output.argmax()), []
    for size in reversed(output.shape):
        at, place = divmod(at, size)
        unit.append(place)
    return tuple(reversed(unit))


def named_unit(text: str, layer: str, output: Tensor) -> Unit:
    """The unit that `text` names, as 12,3,4; `ConfigError` where the layer has no such."""
    names = ("channel", "row", "column")[: output.ndim]
    shape = "x".join(map(str, output.shape))
    try:
        unit = tuple(int(part) for part in text.split(","))
    except ValueError:
        unit = ()
    if len(unit) != output.ndim:
        raise ConfigError(
            f"explain: unit is '{text}'; of layer '{layer}', which gives {shape}, it must be {','.join(names)}."
        )
    for name, place, size in zip(names, unit, output.shape, strict=False):
        if not 0 <= place < size:
            raise ConfigError(
                f"explain: unit is '{text}', and layer '{layer}' gives {shape}: its {name}s are 0 to {size - 1}."
            )
    return unit
