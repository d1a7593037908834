"""All numbers of a network for one image shape, from one pass in eval mode and one training step, both on meta."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from striate.analysis import receptive_field
from striate.analysis.failure import FAILURES, needs_data, shape_error, stopped
from striate.analysis.memory import Optimizer, optimizer_named, training_step
from striate.analysis.meta import check_known, on_meta
from striate.analysis.parameters import of_module, size
from striate.analysis.remainder import fits, sizes_that_fit
from striate.analysis.result import Analysis, Layer, Shape, View
from striate.analysis.trace import Row, Trace
from striate.errors import ConfigError, ShapeError, StriateError


def analyse(net: nn.Module, image: Shape, *, batch: int = 1, optimizer: str = "sgd", strict: bool = False) -> Analysis:
    """What `net` is for images of shape `image` (without the batch), found without data and without memory.

    `batch` and `optimizer` ("sgd", "momentum", "adam", ...) are those of the memory for a training step. `strict`: a
    stride that leaves a remainder is a `ShapeError`. So is a layer that cannot take what it is given; what could not be
    followed because it depends on data is named in `notes`. `net` is afterwards as it was.

    >>> analyse(nn.Conv2d(3, 64, 3), (3, 224, 224)).multiplications
    85162752
    """
    image = tuple(image)
    if batch < 1 or any(side < 1 for side in image) or not image:
        raise ConfigError(f"an image of {image} in a batch of {batch} cannot be: every size must be 1 or more.")
    net = getattr(net, "_orig_mod", net)  # what torch.compile wraps
    check_known(net)
    with on_meta(net) as twins, torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch warns of is said when the network really runs
        trace, notes = forward_pass(net, image, twins)
        if strict:
            _refuse_remainder(trace.rows)
        training, more = _training(net, image, batch, twins, optimizer_named(optimizer), trace)
    return _result(net, image, batch, trace, training, (*notes, *more))


def layers_of(net: nn.Module, image: Shape) -> tuple[Layer, ...]:
    """What `analyse` says of each layer, without the rest, which takes longer."""
    check_known(net)
    with on_meta(net) as twins, torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(_layer(row) for row in forward_pass(net, image, twins)[0].rows)


def _picture(net: nn.Module, image: Shape, batch: int) -> Tensor:
    floats = (p.dtype for p in net.parameters() if p.is_floating_point())
    return torch.empty(batch, *image, dtype=next(floats, torch.float32), device="meta")


def forward_pass(net: nn.Module, image: Shape, twins: dict[int, Tensor]) -> tuple[Trace, list[str]]:
    """One picture through `net` in eval mode, and what could not be followed."""
    picture = _picture(net, image, 1)
    trace = Trace(net, twins, picture)
    net.eval()
    notes = []
    try:
        with torch.no_grad(), trace.watching(), trace:
            net(picture)
    except StriateError:
        raise
    except FAILURES as error:
        if not needs_data(error, trace):
            raise shape_error(error, trace) from error
        notes.append(f"{stopped(error, trace)}; of the layers behind it only the parameters are known.")
        trace.stop()
    notes += [f"{name} depends on the data; {taken}." for name, taken in trace.supposed.items()]
    for name, places in trace.unknown.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        notes.append(
            f"'{name}'{places[0]}{more}: behind it every unit is taken to see all that any unit before it sees."
        )
    if trace.unused:
        notes.append(f"{trace.unused:,} parameters are in no layer of this table: no picture meets them in eval mode.")
    return trace, notes


def _refuse_remainder(rows: list[Row]) -> None:
    for row in rows:
        said = fits(row.windows)
        if said:
            raise ShapeError(
                f"{row.kind} ({row.detail}) does not fit: {said}. An input of {sizes_that_fit(row.windows)} fits.",
                tuple(row.name.split(".")),
                formula=said.split(":")[0],
            )


def _training(
    net: nn.Module, image: Shape, batch: int, twins: dict[int, Tensor], optimizer: Optimizer, trace: Trace
) -> tuple[int, list[str]]:
    """Bytes of a training step; where it cannot be followed, of parameters, gradients, optimizer and activations."""
    try:
        if not trace.stopped:
            return training_step(net, _picture(net, image, batch), twins, optimizer), []
        why = "the forward pass could not be followed"
    except FAILURES as error:
        why = str(error).strip().splitlines()[0]
        if batch == 1 and "more than 1 value per channel" in why:  # batch norm of a map of one pixel
            total, notes = _training(net, image, 2, twins, optimizer, trace)
            return total, ["no training step can be taken on one picture; training_bytes is that of two.", *notes]
    trained = sum(p.numel() * p.element_size() for p in net.parameters() if p.requires_grad)
    activations = sum(row.activation_bytes for row in trace.rows) * batch
    total = size([*net.parameters(), *net.buffers()]) + (1 + optimizer.kept) * trained + activations
    said = f"{why[0].lower()}{why[1:].rstrip('.')}"
    return total, [f"training_bytes is an estimate (parameters, gradients, all activations), as {said}."]


def _result(net: nn.Module, image: Shape, batch: int, trace: Trace, training: int, notes: tuple[str, ...]) -> Analysis:
    rows = trace.rows
    layers = tuple(_layer(row) for row in rows)
    own = of_module(net)
    return Analysis(
        image=image,
        batch=batch,
        layers=layers,
        parameters=own.weights + own.biases,
        trainable=own.trainable,
        multiply_adds=sum(row.count.multiply_adds for row in rows),
        multiplications=sum(row.count.multiplications for row in rows),
        additions=sum(row.count.additions for row in rows),
        weight_bytes=size(net.parameters()),
        activation_bytes=batch * sum(row.activation_bytes for row in rows),
        inference_bytes=trace.standing_bytes + batch * (trace.ledger.peak - trace.standing_bytes),
        training_bytes=training,
        receptive_field=_last_map(rows, layers),
        notes=notes,
    )


def _layer(row: Row) -> Layer:
    return Layer(
        name=row.name,
        kind=row.kind,
        inputs=tuple(row.inputs),
        output=row.output,
        parameters=row.own.weights + row.own.biases,
        weights=row.own.weights,
        biases=row.own.biases,
        trainable=row.own.trainable,
        multiply_adds=row.count.multiply_adds,
        multiplications=row.count.multiplications,
        additions=row.count.additions,
        activation_bytes=row.activation_bytes,
        receptive_field=receptive_field.view(row.sight) if row.sight else None,
        fits=fits(row.windows),
        detail=row.detail,
    )


def _last_map(rows: list[Row], layers: tuple[Layer, ...]) -> View | None:
    """What the units of the last map see: of the last row whose units stand in rows and columns, more than one of them.

    Where there is none, of the last row that is a map at all.
    """
    maps = [(row, layer) for row, layer in zip(rows, layers, strict=True) if row.sight and row.is_map]
    several = [
        layer for row, layer in maps if any(span.dim is not None and span.length > 1 for span in row.sight or ())
    ]
    return next((layer.receptive_field for layer in reversed(several or [layer for _, layer in maps])), None)
