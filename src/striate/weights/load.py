"""Weights from a file into a network: all of them, or a reason why not, and the network is left as it was."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from striate.errors import WeightsError
from striate.weights.checkpoint import Checkpoint, read_checkpoint
from striate.weights.keys import BOOKKEEPING
from striate.weights.match import Match, Report, match
from striate.weights.mismatch import other_stride, why_not


def load_weights(
    net: nn.Module,
    path: str | Path | Checkpoint,
    *,
    network_name: str | None = None,
    classes: int | None = None,
) -> Report:
    """Put the weights in the file at `path` into `net`, which may lie on the meta device; gives how they were matched.

    `network_name`: what messages call the network; a name of the zoo is checked for networks of the same shapes.
    `classes`: the network's own number; given, a file for another number fills all but the last layer, which then
    starts anew. Raises `WeightsError`, and leaves `net` alone, where the file is damaged, refused or does not fit.
    """
    checkpoint = path if isinstance(path, Checkpoint) else read_checkpoint(path)
    name = network_name or type(net).__name__
    found = match(net.state_dict(), checkpoint)
    if found.classes and classes == found.classes[1]:
        there, here = found.classes
        last = ", ".join(dict.fromkeys(key.rpartition(".")[0] for key in found.misshaped))
        found.notes.append(f"it is for {there} classes; {last} for {here} classes starts anew, all else is kept")
    elif not found.fits:
        raise WeightsError(why_not(found, checkpoint, name))
    if network_name and (warning := other_stride(checkpoint, network_name)):
        found.notes.append(warning)
    fresh = tuple(found.misshaped)
    state = _state(net, checkpoint, found)
    for key in fresh:
        state[key] = _fresh(net, key)
    net.load_state_dict(state, assign=any(tensor.is_meta for tensor in net.state_dict().values()))
    pairs = tuple((found.mapping[key], key) for key in net.state_dict() if key in found.mapping)
    return Report(checkpoint.path, pairs, fresh, tuple(found.unused), found.by_order, tuple(found.notes))


def _state(net: nn.Module, checkpoint: Checkpoint, found: Match) -> dict[str, Tensor]:
    """The tensors for `net` by its names, changed where they must be; notes those that are not numbers."""
    state, wrong = {}, []
    for key, ours in net.state_dict().items():
        if key in found.mapping:
            tensor = checkpoint.tensors[found.mapping[key]]
            tensor = found.changes[key](tensor) if key in found.changes else tensor
            state[key] = tensor.to(ours.dtype, copy=ours.is_meta)  # a mapped file could change below us
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                wrong.append(key)
        elif key.endswith(BOOKKEEPING):
            state[key] = torch.zeros((), dtype=ours.dtype)
    if wrong:
        found.notes.append(f"{', '.join(wrong[:3])} hold values that are not numbers (NaN or infinite)")
    return state


def _fresh(net: nn.Module, key: str) -> Tensor:
    """What `net` has under `key`; drawn as torch draws it where it lies on the meta device."""
    tensor: Tensor = net.state_dict()[key]
    if not tensor.is_meta:
        return tensor.detach().clone()
    layer, _, last = key.rpartition(".")
    module = copy.deepcopy(net.get_submodule(layer)).to_empty(device="cpu")
    if not callable(reset := getattr(module, "reset_parameters", None)):
        raise WeightsError(f"{key}: this layer cannot start anew by itself. Build the network in memory first.")
    reset()
    drawn: Tensor = module.state_dict()[last]
    return drawn
