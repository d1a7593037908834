"""What a network answers for pictures, with the network left exactly as it was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from striate.errors import ConfigError

POSITIONS = 2**19  # a network such as VGG-16 keeps 2 kB for each position of its image: 1 GB
MOST = 512  # pictures at once, however small they are


@contextmanager
def as_found(net: nn.Module) -> Iterator[None]:
    """Inside, `net` answers as in use and its parameters ask for no gradient; afterwards it is as it was, bit for bit.

    Works inside `torch.no_grad` and `torch.inference_mode` too. Nothing else may run `net` meanwhile.
    """
    training = [(module, module.training) for module in net.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in net.parameters()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in net.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    with torch.inference_mode(False), torch.enable_grad():
        try:
            for module, _ in training:
                module.training = False  # not eval(): some modules merge their weights there
            for parameter, _ in wanted:
                parameter.requires_grad_(False)
            yield
        finally:
            for module, flag in training:
                module.training = flag
            for parameter, flag in wanted:
                parameter.requires_grad_(flag)
            with torch.no_grad():
                for module, name, buffer, before in buffers:
                    module._buffers[name] = buffer
                    if not _same(buffer, before):
                        buffer.copy_(before)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.is_meta or torch.equal(a, b)


def first_tensor(output: Any) -> Tensor | None:
    """The first tensor of nested tuples, lists and dictionaries; None where there is none."""
    if isinstance(output, Tensor):
        return output
    values = output.values() if isinstance(output, dict) else output if isinstance(output, tuple | list) else ()
    return next((found for value in values if (found := first_tensor(value)) is not None), None)


def answers(net: nn.Module, images: Tensor) -> Tensor:
    """(n, classes): what `net` gives for `images`, of several outputs the first; an answer a position is averaged.

    >>> answers(nn.Sequential(nn.Conv2d(1, 10, 5)), torch.zeros(2, 1, 9, 9)).shape
    torch.Size([2, 10])
    """
    output = first_tensor(net(images.clone()))  # a network may work in place on what it is given
    if output is None:
        raise ConfigError(f"{type(net).__name__} gives no tensor for a picture, so there is no answer to explain.")
    if not output.is_floating_point():
        raise ConfigError(
            f"{type(net).__name__} answers in {str(output.dtype).removeprefix('torch.')}, which has no slope and no "
            "strength to explain. Give the network that ends in the scores of its classes."
        )
    if output.ndim == 0 or len(output) != len(images):
        raise ConfigError(
            f"{type(net).__name__} gives {tuple(output.shape)} for {len(images)} pictures; it must give one row of "
            f"scores a picture."
        )
    return output[:, None] if output.ndim == 1 else output.flatten(2).mean(2) if output.ndim > 2 else output


def scores(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n,): the answer of `net` for the class `targets` (n,) of each picture, before any softmax that is not its own.

    `ConfigError` for a class that the network does not have.
    """
    found = answers(net, images)
    refuse_unknown(net, targets, found.shape[1])
    return found.gather(1, targets[:, None])[:, 0]


def refuse_unknown(net: nn.Module, targets: Tensor, classes: int) -> None:
    """Raise where one of `targets` is none of the `classes` of `net`."""
    wrong = targets[(targets < 0) | (targets >= classes)]
    if len(wrong):
        many = f"{classes} classes, 0 to {classes - 1}" if classes > 1 else "one class, 0"
        raise ConfigError(f"there is no class {int(wrong[0])}: {type(net).__name__} answers for {many}.")


def probabilities(answer: Tensor) -> Tensor:
    """(n, classes) in 0..1 of `answer`; one that already is a probability is given back as it is.

    >>> probabilities(torch.tensor([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    inside = bool((answer >= 0).all() and (answer <= 1).all())
    if answer.shape[1] == 1:
        return answer if inside else answer.sigmoid()
    if inside and torch.allclose(answer.sum(1), torch.ones_like(answer[:, 0]), atol=1e-3):
        return answer
    return answer.softmax(1)


def prepared(net: nn.Module, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Images and targets checked, and in the number type and on the device of the network's parameters."""
    if not isinstance(images, Tensor) or images.ndim < 3 or not images.is_floating_point() or 0 in images.shape:
        what = f"{tuple(images.shape)} {images.dtype}" if isinstance(images, Tensor) else type(images).__name__
        raise ConfigError(f"images are {what}; they must be normalised floats (n, channels, height, width).")
    if not isinstance(targets, Tensor) or targets.shape != images.shape[:1] or targets.is_floating_point():
        what = f"{tuple(targets.shape)} {targets.dtype}" if isinstance(targets, Tensor) else type(targets).__name__
        raise ConfigError(f"targets are {what} for {len(images)} pictures; they must be one class number a picture.")
    like = next((p for p in net.parameters() if p.is_floating_point()), images)
    with torch.inference_mode(False):  # what is made under inference_mode cannot be differentiated
        images, targets = (t.clone() if t.is_inference() else t for t in (images, targets))
        return images.detach().to(like.device, like.dtype), targets.to(like.device, torch.int64)


def pictures_at_once(images: Tensor) -> int:
    """How many pictures of this size pass the network together, so that memory stays near 1 GB.

    >>> pictures_at_once(torch.empty(1, 3, 224, 224)), pictures_at_once(torch.empty(1, 1, 28, 28))
    (10, 512)
    """
    return min(MOST, max(1, POSITIONS // prod(images.shape[2:])))


def pairs(images: Tensor, copies: int) -> Iterator[tuple[Tensor, Tensor]]:
    """All (picture, copy) numbers, in parts that pass the network together: two int64 tensors (at once,)."""
    for both in torch.arange(len(images) * copies, device=images.device).split(pictures_at_once(images)):
        yield both // copies, both % copies


@contextmanager
def hooked(*hooks: Any) -> Iterator[None]:
    """Inside, the hooks (what `register_..._hook` gave) stand; afterwards they are gone."""
    with ExitStack() as undo:
        for hook in hooks:
            undo.callback(hook.remove)
        yield
