"""Write a run's report again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from striate.settings import setting

if TYPE_CHECKING:
    from striate.model import Model
    from striate.networks import Net
    from striate.run import Run


@dataclass(frozen=True)
class ReportSettings:
    """Which run to write the report of."""

    run: Path = setting(positional="RUN", meaning="the folder of a run")
    net: str | None = setting(None, meaning="the network again, where it is your own Python code")


def report(run: str | Path, *, net: Net | None = None) -> Path:
    """Write report.html into the folder of `run` and give its path."""
    from striate.model import load
    from striate.run import Run

    found = Run.open(run)
    return write(found, load(found.folder, net=net))


def write(run: Run, model: Model) -> Path:
    """Write the report of `run`, whose trained model is `model`."""
    from striate.analysis.analyse import analyse
    from striate.reports.page import ReportInput, write_report

    made = model.facts.get("command") or f"striate train --recipe {run.config}"
    commands = (str(made), f"striate report {run.folder}")
    source = ReportInput(
        net=model.net,
        prepare=lambda images: model.preprocess.normalise(model.preprocess.pixels(images)),
        analysis=analyse(model.net, model.preprocess.image),
        title=f"{model.reference.text} on {model.facts['data']}",
        commands=commands,
        preprocess=model.preprocess,
    )
    return write_report(run, source)
