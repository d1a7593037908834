"""What decides a training, each with its meaning and unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from striate.settings import setting

HARMLESS = (  # what may change when a run is resumed: the weights that follow stay those of the same recipe
    "data",
    "data_dir",
    "run",
    "epochs",
    "minutes",
    "workers",
    "cache",
    "save_every",
    "threads",
    "processes",
    "shard",
    "max_bad",
    "log_to",
    "fit_memory",
)


@dataclass(frozen=True)
class TrainConfig:
    """All that decides a training. The defaults reach high accuracy in few epochs on small pictures."""

    data: str = setting(positional="DATA", meaning="a data set by name (digits, mnist, ...), or a folder or file")
    net: str = setting("lenet5", meaning="a network by name, the lectures' notation, or file.py:function")
    pretrained: bool = setting(False, meaning="start from public weights of the network")
    weights: str | None = setting(None, meaning="weights to start from: a file, a public name, or an earlier run")
    preparation: str | None = setting(
        None,
        meaning="how pictures are prepared for a file of weights that does not say it",
        choices=("torchvision", "half", "measured"),
    )
    regime: str = setting(
        "auto",
        meaning="what of a network with weights learns; chosen by the pictures a class",
        choices=("auto", "head", "last", "all", "scratch", "best"),
    )
    variants: int = setting(
        0, meaning="changed copies of each picture that regime head learns from too", low=0, high=64
    )
    run: Path | None = setting(None, meaning="the folder of the run; runs/NET-DATA-1 if not given", written=False)
    epochs: int | None = setting(
        None, meaning="passes over the training pictures; chosen by their number", low=1, high=10**6
    )
    minutes: float | None = setting(
        None, meaning="stop after so many minutes of training; tests between epochs take a tenth of it", low=0.0
    )
    batch_size: int = setting(128, meaning="pictures a step", low=1, high=10**7)
    descent: str = setting(
        "mini-batch",
        meaning="pictures a step: batch_size, all of them, or one",
        choices=("mini-batch", "batch", "single"),
    )
    accumulate: int = setting(
        1, meaning="parts a step is computed in, one after the other, to save memory", low=1, high=10**4
    )
    fit_memory: bool = setting(False, meaning="compute a step in as many parts as the memory asks for")
    optimizer: str = setting(
        "sgd", meaning="how weights follow the gradient", choices=("sgd", "adam", "adamw", "rmsprop")
    )
    rate: float | None = setting(
        None, meaning="the highest learning rate; chosen by the optimizer", low=0.0, high=100.0
    )
    schedule: str = setting(
        "one-cycle",
        meaning="how the rate changes over the training",
        choices=("one-cycle", "cosine", "step", "constant"),
    )
    warm_up: float | None = setting(None, meaning="share of the steps in which the rate rises", low=0.0, high=0.9)
    momentum: float = setting(0.9, meaning="momentum of sgd and rmsprop", low=0.0, high=0.999)
    nesterov: bool = setting(True, meaning="look ahead along the momentum of sgd")
    weight_decay: float = setting(5e-4, meaning="pull of the weights to 0; not on biases and norms", low=0.0, high=1.0)
    decay_all: bool = setting(False, meaning="weight decay on biases and norms too")
    clip: float = setting(1.0, meaning="the longest a step's gradient may be; longer ones are shortened; 0: any", low=0)
    loss: str = setting(
        "cross-entropy", meaning="what is made small", choices=("cross-entropy", "binary", "mean-squared")
    )
    label_smoothing: float = setting(0.1, meaning="share of the target spread over all classes", low=0.0, high=0.5)
    balance: str = setting(
        "none",
        meaning="make up for rare classes by weights of the loss, or by showing them more often",
        choices=("none", "weights", "sampling"),
    )
    ema: float = setting(
        0.0, meaning="keep a moving average of the weights; 0.999 is usual, 0 keeps none", low=0.0, high=1
    )
    validation: float | None = setting(None, meaning="share of the training pictures to choose by", low=0.0, high=0.5)
    patience: int | None = setting(None, meaning="stop after so many epochs without a better validation loss", low=1)
    keep: str = setting("last", meaning="the weights to keep, by validation loss", choices=("last", "best"))
    shift: int | None = setting(None, meaning="random shifts up to so many pixels; chosen by the data", low=0, high=64)
    flip: bool = setting(False, meaning="mirror half of the pictures left to right")
    crop: float = setting(0.0, meaning="random crops of at least this share of the picture; 0: none", low=0.0, high=1.0)
    rotate: float = setting(0.0, meaning="random turns up to so many degrees", low=0.0, high=180.0)
    jitter: float = setting(0.0, meaning="random brightness, contrast and saturation, 0.4 is strong", low=0.0, high=1.0)
    erase: float = setting(0.0, meaning="share of the pictures with a random rectangle erased", low=0.0, high=1.0)
    mixup: float = setting(
        0.0, meaning="mix pictures in pairs: alpha of the Beta distribution; 0: none", low=0.0, high=1.0
    )
    cutmix: float = setting(0.0, meaning="paste parts of other pictures: alpha as of mixup; 0: none", low=0.0, high=1.0)
    seed: int = setting(0, meaning="the number all randomness comes from", low=0, high=2**63 - 1)
    image: tuple[int, ...] | None = setting(None, meaning="what the network takes, as 1x28x28; the network's own size")
    precision: str = setting("auto", meaning="numbers to compute with", choices=("auto", "float32", "bfloat16"))
    memory_format: str = setting(
        "auto", meaning="order of the numbers in memory", choices=("auto", "channels_last", "channels_first")
    )
    compile: bool = setting(False, meaning="let torch.compile rewrite the network; pays on large GPUs only")
    device: str = setting("auto", meaning="where to compute", choices=("auto", "cpu", "cuda", "mps"))
    threads: int = setting(0, meaning="CPU threads; 0 measures how many pay", low=0, high=1024)
    processes: int = setting(1, meaning="processes that share each step", low=1, high=256)
    shard: bool = setting(False, meaning="split the weights over the processes, for networks that do not fit")
    workers: int = setting(0, meaning="processes that read pictures; 0 reads in threads", low=0, high=256)
    cache: Path | None = setting(None, meaning="a folder that keeps decoded pictures for the next time")
    save_every: float = setting(1.0, meaning="minutes between checkpoints; each epoch's end may add one", low=0.0)
    max_bad: float = setting(0.01, meaning="share of pictures that may be unreadable", low=0.0, high=1.0)
    log_to: str = setting(
        "file", meaning="where the log goes besides log.jsonl", choices=("file", "tensorboard", "mlflow")
    )
    format: str | None = setting(None, meaning="the layout of the data, where it can be read in several ways")
    group: str | None = setting(None, meaning="a pattern in the path, as 'patient(\\d+)', that no split tears apart")
    data_dir: Path | None = setting(None, meaning="where the files of a named data set are already")
    N: int | None = setting(None, meaning="the letter N of the lectures' pattern", low=0)
    M: int | None = setting(None, meaning="the letter M of the lectures' pattern", low=0)
    K: int | None = setting(None, meaning="the letter K of the lectures' pattern", low=0)


def letters_of(settings: object) -> dict[str, int]:
    """The letters N, M, K of the lectures' pattern that were given."""
    given = {letter: getattr(settings, letter) for letter in "NMK"}
    return {letter: value for letter, value in given.items() if value is not None}
