"""Preserving Color in Neural Artistic Style Transfer. Gatys, Bethge, Hertzmann, Shechtman, 2016. arXiv:1606.05897

The two ways of the paper, section 5 of Controlling Perceptual Factors in Neural Style Transfer (2017) too: the style's
colours are brought to those of the content before the transfer (section 3, "colour histogram matching", by mean and
covariance), or the style is transferred to the lightness alone and the content's colours are kept (section 4).
Pictures are (1, 3, h, w) in 0..1; those of one channel have no colour and come back as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

# ITU-R BT.470: lightness Y, orange to blue I, purple to green Q
YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
LEAST = 1e-5  # variance of a colour


def recoloured(picture: Tensor, like: Tensor) -> Tensor:
    """`picture` with the mean and the covariance of the colours of `like`, by the symmetric map of section 3."""
    of, to = (pixels[0].flatten(1).double() for pixels in (picture, like))
    change = _root(_covariance(to)) @ torch.linalg.inv(_root(_covariance(of)))
    moved = change @ (of - of.mean(1, keepdim=True)) + to.mean(1, keepdim=True)
    same: Tensor = moved.view_as(picture[0])[None].to(picture.dtype).clamp(0, 1)
    return same


def _covariance(colours: Tensor) -> Tensor:
    """(c, c) of (c, n), each variance at least `LEAST`."""
    centred = colours - colours.mean(1, keepdim=True)
    return centred @ centred.T / colours.shape[1] + LEAST * torch.eye(len(colours), dtype=colours.dtype)


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return root


def lightness(picture: Tensor) -> Tensor:
    """The grey picture, in as many channels."""
    if picture.shape[1] == 1:
        return picture
    return _yiq(picture)[:, :1].expand(-1, 3, -1, -1).contiguous()


def grey_manner(manner: Tensor, content: Tensor) -> Tensor:
    """The lightness of `manner`, with mean and variance of that of `content`, so that it suits it (section 4)."""
    grey, wanted = lightness(manner), lightness(content)
    moved = (grey - grey.mean()) * (wanted.std() / (grey.std() + 1e-6)) + wanted.mean()
    return moved.clamp(0, 1)


def with_colours_of(picture: Tensor, content: Tensor) -> Tensor:
    """The lightness of `picture` with the colours (I and Q) of `content`, which has the same size.

    Where that leaves 0..1 the colours become weaker, not other ones.
    """
    if picture.shape[1] == 1:
        return picture
    light, colour = _yiq(picture)[:, :1].clamp(0, 1), _yiq(content)[:, 1:]
    offset = _rgb(torch.cat([torch.zeros_like(light), colour], 1))
    room = torch.where(offset > 0, (1 - light) / offset.clamp(min=1e-6), light / (-offset).clamp(min=1e-6))
    return (light + offset * room.amin(1, keepdim=True).clamp(max=1)).clamp(0, 1)


def _yiq(picture: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", torch.tensor(YIQ, dtype=picture.dtype), picture)


def _rgb(picture: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(torch.tensor(YIQ, dtype=picture.dtype)), picture)
