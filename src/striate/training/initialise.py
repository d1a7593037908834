"""The weights a training starts from."""

from __future__ import annotations

import torch
from torch import nn

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@torch.no_grad()
def he(net: nn.Module) -> None:
    """Draw the kernels and matrices of `net` so that signals keep their size through layers with ReLU; biases are 0.

    Normal, standard deviation sqrt(2 / inputs of a unit). Delving Deep into Rectifiers, He, Zhang, Ren, Sun, ICCV 2015,
    equation 10. torch's own draws are sqrt(6) times as small, and plain networks of ten layers do not start to learn.
    """
    for layer in net.modules():
        if isinstance(layer, LAYERS):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                layer.bias.zero_()
