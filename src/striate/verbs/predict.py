"""What a trained model says to picture files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from striate.errors import ConfigError
from striate.settings import setting

if TYPE_CHECKING:
    from striate.model import Model, Prediction
    from striate.networks import Net
    from striate.rows import Shape


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """Which pictures to show to which model."""

    run: Path | None = setting(None, positional="RUN", meaning="the folder of a run; leave it out with --net NAME")
    files: list[Path] = setting(positional="FILE", meaning="picture files")
    net: str | None = setting(None, meaning="a network with public weights, or the run's own Python code once more")
    weights: str | None = setting(None, meaning="weights for --net: a file, or a name that striate zoo lists; imagenet")
    image: tuple[int, ...] | None = setting(None, meaning="the picture that --net takes; that of its weights")
    classes: int | None = setting(None, meaning="classes of --net; those of its weights", low=1)


def predict(run: str | Path, files: Sequence[str | Path], *, net: Net | None = None) -> list[Prediction]:
    """The label, its probability and the five best for each file; `DataError` names one that cannot be read.

    `run`: the folder of a run, or the name of a network with public weights, as `striate.load` takes it.
    """
    from striate.model import load

    return load(run, net=net).predict(files)


def asked(settings: PredictSettings) -> tuple[Model, list[Path]]:
    """The model and the picture files that a command means.

    A network is given by name where its weights are, or where no run comes first; else `--net` is the code of a run.
    """
    from striate.model import load
    from striate.networks import refer
    from striate.verbs.show import full_image
    from striate.zoo import networks

    net, run, files = settings.net, settings.run, settings.files
    if net is not None:
        refer(net)  # a mistyped name is offered the nearest
    if net is not None and (settings.weights is not None or (net in networks and not (run and run.is_dir()))):
        shape: Shape | None = full_image(settings.image, net) if settings.image else None
        model = load(net, settings.weights or "imagenet", classes=settings.classes, image=shape)
        return model, [*([run] if run else []), *files]
    for name in ("weights", "image", "classes"):
        if getattr(settings, name) is not None:
            raise ConfigError(
                f"predict: --{name} belongs to --net NAME; a run has its own. Leave it out, or give --net."
            )
    if run is None:
        raise ConfigError(f"predict: {files[0]} is one file. Give the folder of a run before it, or --net NAME.")
    return load(run, net=net), files
