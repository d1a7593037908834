"""What a trained model says to picture files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from striate.settings import setting

if TYPE_CHECKING:
    from striate.model import Prediction
    from striate.networks import Net


@dataclass(frozen=True)
class PredictSettings:
    """Which pictures to show to which model."""

    run: Path = setting(positional="RUN", meaning="the folder of a run")
    files: list[Path] = setting(positional="FILE", meaning="picture files")
    net: str | None = setting(None, meaning="the network again, where it is your own Python code")


def predict(run: str | Path, files: Sequence[str | Path], *, net: Net | None = None) -> list[Prediction]:
    """The label, its probability and the five best for each file; `DataError` names one that cannot be read."""
    from striate.model import load

    return load(run, net=net).predict(files)
