"""How verbs speak: results on standard output, progress and remarks on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any


def tell(result: Any, text: str, as_json: bool) -> None:
    """Print the result: as one line of JSON, or as `text` for people."""
    print(json.dumps(result, allow_nan=False) if as_json else text)


def remark(text: str) -> None:
    """Print a line that is not the result."""
    print(text, file=sys.stderr)


def percent(share: float) -> str:
    """0.9934 as 99.34 %."""
    return f"{100 * share:.2f} %"
