"""A simple convolutional neural network: the first Keras model of the lectures (deck 003 of the source material).

Two 3x3 convolutions of three maps and one fully connected layer; 30 + 84 + 17,290 = 17,404 parameters. The deck's
final softmax belongs to the loss here, as everywhere in torch.
"""

from __future__ import annotations

from torch import nn

from striate.rows import Shape, conv, linear, stack
from striate.zoo.facts import network


@network(paper="Lecture: a simple convolutional neural network", year=2018, parameters=17_404, multiply_adds=82_188)
def simple_cnn(image: Shape = (1, 28, 28), classes: int = 10) -> nn.Sequential:
    """conv-relu-conv-relu-fc, without padding: 28x28 -> 26x26x3 -> 24x24x3 -> 1728 -> 10."""
    return stack(
        image,
        conv1=conv(3, 3), relu1=nn.ReLU(),
        conv2=conv(3, 3), relu2=nn.ReLU(),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )  # fmt: skip
