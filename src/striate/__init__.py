"""Convolutional neural networks on PyTorch: sketch, know, train, explain and ship them."""

__version__ = "0.1.0"
