"""Classifiers of features as torch modules: (n, f) features in, (n, classes) calibrated logits out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from striate.layers.neighbours import Neighbours


def linear_head(tensors: Mapping[str, Tensor], strength: float, temperature: float) -> nn.Module:
    """One fully connected layer of `weight` (classes, f) and `bias` (classes,), with the temperature in both."""
    weight, bias = tensors["weight"], tensors["bias"]
    classes, features = weight.shape
    with torch.device("meta"):
        head = nn.Linear(features, classes)
    head.load_state_dict({"weight": weight / temperature, "bias": bias / temperature}, assign=True)
    return head.requires_grad_(False)


def neighbours_head(tensors: Mapping[str, Tensor], strength: float, temperature: float) -> nn.Module:
    """`Neighbours` with `mean` (f,), `bank` (m, f) of length 1, and `votes` (m, classes); `strength` is k."""
    pictures, features = tensors["bank"].shape
    with torch.device("meta"):
        head = Neighbours(pictures, features, tensors["votes"].shape[1], int(strength))
    head.load_state_dict({**tensors, "temperature": torch.tensor(temperature)}, assign=True)
    return head
