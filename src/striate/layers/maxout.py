"""Maxout: each output is the largest of a few linear pieces.

Goodfellow, Warde-Farley, Mirza, Courville, Bengio, Maxout Networks, ICML 2013. arXiv:1302.4389
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.errors import ShapeError


class Maxout(nn.Module):
    """The largest of each run of `pieces` neighbouring maps or features (equation 3 of the paper).

    The row above it computes the pieces: for 2048 maxout units of 2 pieces write `linear(4096), Maxout(2)`.
    `forward`: (n, pieces·c, ...) -> (n, c, ...).

    >>> import torch
    >>> Maxout(2)(torch.tensor([[1.0, 4.0, -2.0, -3.0]]))
    tensor([[ 4., -2.]])
    """

    def __init__(self, pieces: int = 2):
        super().__init__()
        self.pieces = pieces

    def extra_repr(self) -> str:
        return str(self.pieces)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] % self.pieces:
            more = -(-x.shape[1] // self.pieces) * self.pieces
            raise ShapeError(
                f"{self} takes the largest of each {self.pieces}, but its input has {x.shape[1]} maps. "
                f"Let the row above it give {more}.",
                formula=f"{x.shape[1]} mod {self.pieces} = {x.shape[1] % self.pieces}",
            )
        return x.reshape(x.shape[0], -1, self.pieces, *x.shape[2:]).amax(2)
