"""What decides a training, each with its meaning and unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from striate.settings import setting


@dataclass(frozen=True)
class TrainConfig:
    """All that decides a training. The defaults reach high accuracy in few epochs on small pictures."""

    data: str = setting(positional="DATA", meaning="a data set by name (digits, mnist, ...), or a folder or file")
    net: str = setting("lenet5", meaning="a network by name, the lectures' notation, or file.py:function")
    run: Path | None = setting(None, meaning="the folder of the run; runs/NET-DATA-1 if not given", written=False)
    epochs: int | None = setting(None, meaning="passes over the training pictures; chosen by their number", low=1)
    batch_size: int = setting(128, meaning="pictures a step", low=1)
    rate: float = setting(0.15, meaning="the highest learning rate of the one-cycle schedule", low=0.0, high=100.0)
    momentum: float = setting(0.9, meaning="Nesterov momentum of gradient descent", low=0.0, high=0.999)
    weight_decay: float = setting(5e-4, meaning="pull of the weights to 0; not on biases and norms", low=0.0, high=1.0)
    clip: float = setting(1.0, meaning="the longest a step's gradient may be; longer ones are shortened", low=1e-6)
    label_smoothing: float = setting(0.1, meaning="share of the target spread over all classes", low=0.0, high=0.5)
    shift: int | None = setting(None, meaning="random shifts up to so many pixels; chosen by the data", low=0, high=64)
    flip: bool = setting(False, meaning="mirror half of the pictures left to right")
    seed: int = setting(0, meaning="the number all randomness comes from", low=0, high=2**63 - 1)
    image: tuple[int, ...] | None = setting(None, meaning="what the network takes, as 1x28x28; the network's own size")
    precision: str = setting("auto", meaning="numbers to compute with", choices=("auto", "float32", "bfloat16"))
    device: str = setting("auto", meaning="where to compute", choices=("auto", "cpu", "cuda", "mps"))
    threads: int = setting(0, meaning="CPU threads; 0 leaves torch's choice", low=0, high=1024)
    data_dir: Path | None = setting(None, meaning="where the files of a named data set are already")
    N: int | None = setting(None, meaning="the letter N of the lectures' pattern", low=0)
    M: int | None = setting(None, meaning="the letter M of the lectures' pattern", low=0)
    K: int | None = setting(None, meaning="the letter K of the lectures' pattern", low=0)


def letters_of(settings: object) -> dict[str, int]:
    """The letters N, M, K of the lectures' pattern that were given."""
    given = {letter: getattr(settings, letter) for letter in "NMK"}
    return {letter: value for letter, value in given.items() if value is not None}
