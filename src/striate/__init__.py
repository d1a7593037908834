"""Convolutional neural networks on PyTorch: sketch, know, train, explain and ship them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from striate.errors import StriateError
    from striate.model import Model, load
    from striate.networks import build
    from striate.verbs.evaluate import evaluate
    from striate.verbs.predict import predict
    from striate.verbs.report import report
    from striate.verbs.show import show
    from striate.verbs.train import train

_PUBLIC = {
    "Model": "striate.model",
    "StriateError": "striate.errors",
    "build": "striate.networks",
    "evaluate": "striate.verbs.evaluate",
    "load": "striate.model",
    "predict": "striate.verbs.predict",
    "report": "striate.verbs.report",
    "show": "striate.verbs.show",
    "train": "striate.verbs.train",
}
__all__ = ["Model", "StriateError", "build", "evaluate", "load", "predict", "report", "show", "train"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import striate` costs nothing."""
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'striate' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
