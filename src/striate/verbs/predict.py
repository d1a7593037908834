"""What a trained model says to picture files, and to all that lie in folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError, DataError
from striate.settings import setting

if TYPE_CHECKING:
    from torch import Tensor

    from striate.model import Model, Prediction
    from striate.networks import Net
    from striate.rows import Shape

UNKNOWN = "unknown"  # the label of what is rejected


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """Which pictures to show to which model."""

    run: Path | None = setting(None, positional="RUN", meaning="the folder of a run; leave it out with --net NAME")
    files: list[Path] = setting(positional="FILE", meaning="picture files, or folders of them, of any depth and size")
    net: str | None = setting(None, meaning="a network with public weights, or the run's own Python code once more")
    weights: str | None = setting(None, meaning="weights for --net: a file, or a name that striate zoo lists; imagenet")
    image: tuple[int, ...] | None = setting(None, meaning="the picture that --net takes; that of its weights")
    classes: int | None = setting(None, meaning="classes of --net; those of its weights", low=1)
    output: Path | None = setting(None, short="o", meaning="write the answers: .csv, .json, .jsonl or .parquet")
    gallery: Path | None = setting(None, meaning="write a page with the pictures by answer into this .html file")
    unknown: bool = setting(False, meaning="label 'unknown' what is like none of the classes, by the run's threshold")
    threshold: float | None = setting(None, meaning="label 'unknown' what is less probable", low=0.0, high=1.0)
    precision: str = setting(
        "auto", choices=("auto", "float32", "bfloat16"), meaning="auto: bfloat16, and float32 for close calls"
    )


@dataclass(frozen=True)
class Unreadable:
    """A picture without an answer, and why."""

    file: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"file": self.file, "label": None, "probability": None, "top": [], "reason": self.reason}


def predict(run: str | Path, files: str | Path | Sequence[str | Path], *, net: Net | None = None) -> list[Prediction]:
    """The label, its probability and the five best for each picture; `DataError` names one that cannot be read.

    `run`: the folder of a run, or the name of a network with public weights, as `striate.load` takes it. `files`: one
    or more picture files, or folders of them.
    """
    from striate.model import load
    from striate.training.allocator import keep_memory

    keep_memory(threads_compute=True)
    found = []
    for answer in answers(load(run, net=net), [files] if isinstance(files, str | Path) else files):
        if isinstance(answer, Unreadable):
            raise DataError(answer.reason)
        found.append(answer)
    return found


def answers(
    model: Model,
    paths: Iterable[str | Path],
    *,
    precision: str = "auto",
    unknown: bool = False,
    threshold: float | None = None,
) -> Iterator[Prediction | Unreadable]:
    """The answer for each picture file, and for each below a folder, or why there is none, one after the other.

    They come in the order of `paths`, within a folder by name; folders that cannot be read come last. A few pictures
    are in memory at a time. `precision`: float32, bfloat16, or "auto": for 32 pictures and more bfloat16 where the
    processor knows it and it pays, but float32 for those whose label, or whose probability by 0.01, might then be
    another. `unknown`: what is like none of the classes, by the threshold that the run keeps, has the label "unknown";
    so has what is less probable than `threshold`. Raises `DataError` where there is no picture, and `ConfigError` where
    the model has no threshold.
    """
    import torch

    from striate.data.below import pictures_below
    from striate.features.asked import from_files
    from striate.features.close_calls import doubt_of
    from striate.features.stream import Stream
    from striate.training.allocator import keep_memory
    from striate.training.machine import fast_bfloat16

    keep_memory(threads_compute=True)
    given = [Path(path) for path in paths]
    below = _unknown_below(model) if unknown else None
    refused: list[Unreadable] = []
    found = (file for path in given for file in pictures_below(path, lambda *why: refused.append(Unreadable(*why))))
    seen, doubt = 0, None
    if precision == "auto":
        precision = "float32"
        doubt = doubt_of(model.task, threshold=threshold, below=below) if fast_bfloat16(torch.device("cpu")) else None
    for chunk in Stream(model, precision=precision, doubt=doubt).of(from_files(found)):
        seen += len(chunk.files)
        good = [file for place, file in enumerate(chunk.files) if place not in chunk.reasons]
        said = iter(_judged(model, good, chunk.rows, below, threshold) if good else ())
        for place, file in enumerate(chunk.files):
            yield Unreadable(file, chunk.reasons[place]) if place in chunk.reasons else next(said)
    yield from refused
    if not seen and not refused:
        names = ", ".join(map(str, given))
        raise DataError(f"{names}: holds no picture. Give JPEG, PNG, WEBP, GIF, BMP, TIFF or PNM files.")


def asked(settings: PredictSettings) -> tuple[Model, list[Path]]:
    """The model and the picture files that a command means.

    A network is given by name where its weights are, or where no run comes first; else `--net` is the code of a run.
    """
    from striate.model import load
    from striate.networks import refer
    from striate.training.allocator import keep_memory
    from striate.verbs.show import full_image
    from striate.zoo import networks

    keep_memory(threads_compute=True)  # before anything computes: a thread that has an arena leaves it to a later one
    net, run, files = settings.net, settings.run, settings.files
    if net is not None:
        refer(net)  # a mistyped name is offered the nearest
    if net is not None and (settings.weights is not None or (net in networks and not (run and _is_run(run)))):
        shape: Shape | None = full_image(settings.image, net) if settings.image else None
        model = load(net, settings.weights or "imagenet", classes=settings.classes, image=shape)
        return model, [*([run] if run else []), *files]
    for name in ("weights", "image", "classes"):
        if getattr(settings, name) is not None:
            raise ConfigError(
                f"predict: --{name} belongs to --net NAME; a run has its own. Leave it out, or give --net."
            )
    if run is None:
        kind = "one folder" if files[0].is_dir() else "one file"
        raise ConfigError(f"predict: {files[0]} is {kind}. Give the folder of a run before it, or --net NAME.")
    return load(run, net=net), files


def _is_run(path: Path) -> bool:
    """Whether a folder that comes first is meant as a run: it is one, or holds no picture that could be meant."""
    from striate.data.below import pictures_below
    from striate.run import FILES

    if not path.is_dir():
        return False
    return any((path / name).exists() for name in FILES[:3]) or next(pictures_below(path), None) is None


def _judged(
    model: Model, files: Sequence[str], outputs: Tensor, below: float | None, threshold: float | None
) -> list[Prediction]:
    from striate.metrics.rejection import energy

    given = model.answers(files, outputs)
    strange = [False] * len(given) if below is None else (energy(outputs) < below).tolist()
    return [
        replace(answer, label=UNKNOWN) if odd or (threshold is not None and answer.probability < threshold) else answer
        for answer, odd in zip(given, strange, strict=True)
    ]


def _unknown_below(model: Model) -> float:
    """The threshold that the run keeps. `ConfigError` where it has none."""
    found = model.facts.get("unknown_below")
    if not isinstance(found, int | float):
        raise ConfigError(
            f"predict: {model.reference.text} keeps no threshold for what is unknown, which a run has that held out 20 "
            "pictures or more. Use --threshold, or train a run."
        )
    return float(found)
