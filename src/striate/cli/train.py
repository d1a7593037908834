"""Train a network on pictures and leave a run folder with the model and a report.

striate train digits --net lenet5
striate train mnist --net "[(conv-relu)*2-pool]*2-fc" --epochs 3
striate train photographs --net efficientnet_lite0 --pretrained
striate train --resume runs/lenet5-digits-1
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate.cli.output import percent, tell
from striate.settings import kinds
from striate.training.config import TrainConfig
from striate.verbs.train import TrainSettings, code_again, read_recipe, stored_settings, train, with_network

SETTINGS = TrainSettings


def values(given: dict[str, Any]) -> dict[str, Any]:
    """What was typed, over what the run to go on with or the recipe says."""
    if "resume" in given:
        folder = Path(given["resume"])
        stored = stored_settings(folder)
        code_again(folder, stored, given.get("data"), given.get("net"))
        return {**stored, **given}
    wanted = {**read_recipe(Path(given["recipe"])), **given} if "recipe" in given else given
    return with_network(wanted)


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
    stopped = 128 + trained.stopped_by if trained.stopped_by else 0
    if trained.rank:  # of several processes that torchrun started, the first speaks for all
        return stopped
    low, high = trained.model.facts["accuracy_interval"] or (0.0, 0.0)
    held_out = (
        f"accuracy  {percent(trained.accuracy)} on {trained.model.facts['examples']:,} held-out pictures "
        f"(95 % interval {percent(low)} to {percent(high)})\n"
        if trained.accuracy is not None
        else ""
    )
    steps = f"{trained.steps:,} steps" if trained.steps else "a classifier of features, fitted in one go"
    text = f"{held_out}training  {trained.seconds:.1f} s, {steps}\nreport    {trained.run.report}"
    tell(trained.as_json(), text, as_json)
    return stopped
