"""Optional packages: imported where they are used, and named with their install command where they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from striate.errors import ConfigError


def optional(module: str, extra: str) -> ModuleType:
    """The module called `module`, which `pip install 'striate[extra]'` brings; `ConfigError` where it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ConfigError(
            f"this needs {package}, which is not installed. Run pip install 'striate[{extra}]'."
        ) from None
