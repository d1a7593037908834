"""Train a network on pictures and leave a run folder with the model and a report.

striate train digits --net lenet5
striate train mnist --net "[(conv-relu)*2-pool]*2-fc" --epochs 3
striate train --resume runs/lenet5-digits-1
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate.cli.output import percent, tell
from striate.settings import kinds
from striate.training.config import TrainConfig
from striate.verbs.train import TrainSettings, read_recipe, stored_settings, train

SETTINGS = TrainSettings


def values(given: dict[str, Any]) -> dict[str, Any]:
    """What was typed, over what the run to go on with or the recipe says."""
    if "resume" in given:
        return {**stored_settings(Path(given["resume"])), **given}
    return {**read_recipe(Path(given["recipe"])), **given} if "recipe" in given else given


def main(settings: TrainSettings, as_json: bool) -> int:
    from striate.cli.progress import Progress

    chosen = {name: getattr(settings, name) for name in kinds(TrainConfig) if name not in ("data", "net", "run")}
    with Progress() as progress:
        trained = train(
            settings.data,
            settings.net,
            run=None if settings.resume else settings.run,
            resume=settings.resume,
            overwrite=settings.overwrite,
            tell=progress.tell,
            **chosen,
        )
    low, high = trained.model.facts["accuracy_interval"] or (0.0, 0.0)
    held_out = (
        f"accuracy  {percent(trained.accuracy)} on {trained.model.facts['examples']:,} held-out pictures "
        f"(95 % interval {percent(low)} to {percent(high)})\n"
        if trained.accuracy is not None
        else ""
    )
    text = f"{held_out}training  {trained.seconds:.1f} s, {trained.steps:,} steps\nreport    {trained.run.report}"
    tell(trained.as_json(), text, as_json)
    return 128 + trained.stopped_by if trained.stopped_by else 0
