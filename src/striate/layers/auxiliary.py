"""Classifiers that read a network on its way, to train its lower layers (GoogLeNet, Inception v3)."""

from __future__ import annotations

from torch import Tensor, nn

from striate.rows import Row, Shape, output_shape, stack


class Auxiliary(nn.Module):
    """The rows of `net`, and heads: each is (name of the row whose output it reads, its own row).

    `forward` gives the logits of the network alone, in training too: a caller that trains the heads asks for
    `with_auxiliary`. All keys of the state dict stand side by side, as in the published checkpoints.
    """

    def __init__(self, image: Shape, net: nn.Sequential, **heads: tuple[str, Row]):
        super().__init__()
        shape, gives = image, {}
        for name, layer in net.named_children():
            self.add_module(name, layer)
            gives[name] = shape = output_shape(layer, shape)
        self.trunk = list(gives)
        self.heads = {after: name for name, (after, _) in heads.items()}
        for name, (after, row) in heads.items():
            self.add_module(name, stack(gives[after], **{name: row}).get_submodule(name))

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, classes)
        for name in self.trunk:
            x = getattr(self, name)(x)
        return x

    def with_auxiliary(self, x: Tensor) -> tuple[Tensor, ...]:
        """(logits, then those of each head in the order of the network); each is (n, classes)."""
        read = []
        for name in self.trunk:
            x = getattr(self, name)(x)
            if name in self.heads:
                read.append(getattr(self, self.heads[name])(x))
        return (x, *read)
