"""Train a network on pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError
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
    resume: Path | None = setting(None, meaning="go on with this run instead of starting one", written=False)
    overwrite: bool = setting(False, meaning="replace the run that is in the folder already", written=False)


def train(
    data: Any = None,
    net: Net | None = None,
    *,
    run: str | Path | None = None,
    recipe: str | Path | None = None,
    resume: str | Path | None = None,
    overwrite: bool = False,
    tell: Callable[[Event], None] = lambda _: None,
    **settings: Any,
) -> Trained:
    """Train `net` on `data`; the run folder, the model and its accuracy on held-out pictures.

    `data`: a name ("digits", "mnist", "fashion_mnist"), a path, a `DataSet`, or arrays. `net`: a name, the lectures'
    notation, `file.py:function`, a module or a function that gives one. `settings` are the fields of `TrainConfig`;
    one that does not exist is a `ConfigError` with the nearest name. `resume`: the folder of a run to go on with, as if
    it had never stopped; `data` and `net` are then needed only where they are Python objects. `tell` is called with
    every event.
    """
    from striate.training.train import fit
    from striate.verbs.report import write

    if resume is not None:
        return _resume(Path(resume), data, net, tell, settings)
    if data is None:
        raise ConfigError("train: data is missing: a data set by name (digits, mnist, ...), or a folder or file.")
    values: dict[str, Any] = read_recipe(Path(recipe)) if recipe is not None else {}
    values |= settings
    if net is None:
        values = with_network(values)
    named = net if net is not None else values.get("net", "lenet5")
    values |= {"data": data if isinstance(data, str) else str(data) if isinstance(data, Path) else "python objects"}
    values["net"] = named if isinstance(named, str) else "python object"
    if run is not None:
        values["run"] = Path(run)
    config = checked(TrainConfig, values, where="train")
    trained = fit(data, named, config, overwrite=overwrite, tell=tell)
    if trained.rank == 0:
        write(trained.run, trained.model)
    return trained


def with_network(values: dict[str, Any]) -> dict[str, Any]:
    """`values`, with the network of the earlier run that `weights` names where they name none."""
    if "net" in values or not values.get("weights"):
        return values
    from striate.training.start import run_network

    return {**run_network(str(values["weights"])), **values}


def stored_settings(folder: Path) -> dict[str, Any]:
    """The settings that the run in `folder` was started with; `RunError` where there is none."""
    from striate.run import Run

    return read_recipe(Run.open(folder).config)


def _resume(
    folder: Path, data: Any, net: Net | None, tell: Callable[[Event], None], settings: dict[str, Any]
) -> Trained:
    from striate.run import Run
    from striate.training.resume import resumed_config
    from striate.training.train import resume
    from striate.verbs.report import write

    run = Run.open(folder)
    changes = {**settings, **({"data": str(data)} if isinstance(data, str | Path) else {})}
    if isinstance(net, str):
        changes["net"] = net
    code_again(folder, run.settings(), data, net)
    config = resumed_config(run, changes)
    trained = resume(run, config.data if data is None else data, config.net if net is None else net, config, tell=tell)
    if trained.rank == 0:
        write(trained.run, trained.model)
    return trained


def code_again(folder: Path, stored: Mapping[str, Any], data: Any, net: Any) -> None:
    """`ConfigError` where what a run was started with cannot be read from its folder, and is not given again.

    Code is never started because a file names it: whoever wrote the run folder may not be who goes on with it.
    """
    for what, given in (("data", data), ("net", net)):
        if str(stored.get(what)).startswith("python object") and (given is None or isinstance(given, str)):
            raise ConfigError(f"{folder}: its {what} was a Python object. Give it again from Python, as {what}=.")
    if net is None and str(text := stored.get("net")).partition(":")[0].strip().endswith(".py"):
        raise ConfigError(
            f"{folder}: its network is Python code ({text}), which no file may start. Give it again: --net {text}"
        )


def read_recipe(path: Path) -> dict[str, Any]:
    """The settings of a recipe, each checked; `ConfigError` names the file and the key."""
    values = read_toml(path)
    checked(TrainConfig, {"data": "", **values}, where=str(path))
    return {key: tuple(v) if kinds(TrainConfig)[key].type == "shape" else v for key, v in values.items()}
