"""One odd or broken picture, with what must come of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """`pixels`: (h, w, c) that must come out within `tolerance`, or None: refused, with `says` in the message.

    `notes`: words that the notes must hold; `row`: the row of docs/pixels.md it stands for; `suffix`: of its name.
    """

    name: str
    contents: bytes
    pixels: np.ndarray | None = None
    says: str = ""
    tolerance: int = 0
    notes: tuple[str, ...] = ()
    row: str = ""
    suffix: str = ""
