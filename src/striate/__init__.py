"""Convolutional neural networks on PyTorch: sketch, know, train, explain and ship them."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# libgomp's threads wait for each other by spinning, for so long that one other busy process makes a step of a small
# network 20 times as slow. Spinning less costs nothing on a quiet machine. Read when torch is imported, so set here.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

if TYPE_CHECKING:
    from striate.data.read import read
    from striate.errors import StriateError
    from striate.estimator import ConvNetClassifier
    from striate.explain.convolution import convolve
    from striate.features.transformer import ConvNetFeatures
    from striate.model import Model, load
    from striate.networks import build
    from striate.repair import diagnose
    from striate.solving import solve
    from striate.verbs.check import check
    from striate.verbs.classify_features import classify_features
    from striate.verbs.compare import compare
    from striate.verbs.dream import dream
    from striate.verbs.evaluate import evaluate
    from striate.verbs.index import index
    from striate.verbs.predict import predict
    from striate.verbs.report import report
    from striate.verbs.reproduce import reproduce
    from striate.verbs.search import search
    from striate.verbs.show import show
    from striate.verbs.style import style
    from striate.verbs.train import train

_PUBLIC = {
    "ConvNetClassifier": "striate.estimator",
    "ConvNetFeatures": "striate.features.transformer",
    "Model": "striate.model",
    "StriateError": "striate.errors",
    "build": "striate.networks",
    "check": "striate.verbs.check",
    "classify_features": "striate.verbs.classify_features",
    "compare": "striate.verbs.compare",
    "convolve": "striate.explain.convolution",
    "diagnose": "striate.repair",
    "dream": "striate.verbs.dream",
    "evaluate": "striate.verbs.evaluate",
    "index": "striate.verbs.index",
    "load": "striate.model",
    "predict": "striate.verbs.predict",
    "read": "striate.data.read",
    "report": "striate.verbs.report",
    "reproduce": "striate.verbs.reproduce",
    "search": "striate.verbs.search",
    "show": "striate.verbs.show",
    "solve": "striate.solving",
    "style": "striate.verbs.style",
    "train": "striate.verbs.train",
}
__all__ = [
    "ConvNetClassifier",
    "ConvNetFeatures",
    "Model",
    "StriateError",
    "build",
    "check",
    "classify_features",
    "compare",
    "convolve",
    "diagnose",
    "dream",
    "evaluate",
    "index",
    "load",
    "predict",
    "read",
    "report",
    "reproduce",
    "search",
    "show",
    "solve",
    "style",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import striate` costs nothing."""
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'striate' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
