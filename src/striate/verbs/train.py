"""Train a network on pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.settings import checked, kinds, read_toml, setting
from striate.training.config import TrainConfig

if TYPE_CHECKING:
    from striate.networks import Net
    from striate.training.events import Event
    from striate.training.train import Trained


@dataclass(frozen=True)
class TrainSettings(TrainConfig):
    """A training's configuration, and how the command takes it."""

    recipe: Path | None = setting(None, meaning="a TOML file of settings; options given here win", written=False)
    overwrite: bool = setting(False, meaning="replace the run that is in the folder already", written=False)


def train(
    data: Any,
    net: Net | None = None,
    *,
    run: str | Path | None = None,
    recipe: str | Path | None = None,
    overwrite: bool = False,
    tell: Callable[[Event], None] = lambda _: None,
    **settings: Any,
) -> Trained:
    """Train `net` on `data`; the run folder, the model and its accuracy on held-out pictures.

    `data`: a name ("digits", "mnist", "fashion_mnist"), a path, a `DataSet`, or arrays. `net`: a name, the lectures'
    notation, `file.py:function`, a module or a function that gives one. `settings` are the fields of `TrainConfig`;
    one that does not exist is a `ConfigError` with the nearest name. `tell` is called with every event.
    """
    from striate.training.train import fit
    from striate.verbs.report import write

    values: dict[str, Any] = read_recipe(Path(recipe)) if recipe is not None else {}
    named = net if net is not None else values.get("net", "lenet5")
    values |= settings
    values |= {"data": data if isinstance(data, str) else str(data) if isinstance(data, Path) else "python objects"}
    values["net"] = named if isinstance(named, str) else "python object"
    if run is not None:
        values["run"] = Path(run)
    config = checked(TrainConfig, values, where="train")
    trained = fit(data, named, config, overwrite=overwrite, tell=tell)
    write(trained.run, trained.model)
    return trained


def read_recipe(path: Path) -> dict[str, Any]:
    """The settings of a recipe, each checked; `ConfigError` names the file and the key."""
    values = read_toml(path)
    checked(TrainConfig, {"data": "", **values}, where=str(path))
    return {key: tuple(v) if kinds(TrainConfig)[key].type == "shape" else v for key, v in values.items()}
