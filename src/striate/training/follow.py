"""What the first process of a training tells the others, and what they do with it: the same training, without a word.

All that was decided is handed over: the configuration, pictures that cannot be read, the state to go on from. So the
others neither measure nor check anything again, and need neither the run folder nor the weights that are started from.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from striate.errors import ConfigError
from striate.networks import Net
from striate.run import Run
from striate.settings import checked
from striate.training.config import TrainConfig
from striate.training.launch import Place, joined
from striate.training.prepare import Prepared, prepare
from striate.training.ranks import Ranks
from striate.training.resume import mark_of
from striate.training.session import Session
from striate.training.state import flatten, unflatten
from striate.training.stopping import Stops


def lead(ranks: Ranks, prepared: Prepared, run: Run, held: Mapping[str, Any] | None) -> None:
    """Tell the others what to train; `held`: the state to go on from."""
    if ranks.count == 1:
        return
    brief = {
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(prepared.config).items()},
        "left_out": prepared.left_out,
        "start": None if prepared.start is None else prepared.start.as_json(),
        "mark": mark_of(prepared.train),
        "run": str(run.folder),
        "held": held is not None,
    }
    ranks.told(json.dumps(brief))
    if held is not None:
        tensors, values = flatten(held)
        ranks.told(json.dumps(values))
        ranks.handed(tensors)


def follow(stands: Place, data: Any, net: Net | None, *, meeting: Path | None = None) -> Session:
    """Train as the first process says, to the end.

    `data`, `net`: None where the configuration names them. `ConfigError` where the pictures found here are other ones.
    """
    with joined(stands, None, meeting) as ranks:
        brief = json.loads(ranks.told(""))
        config = checked(TrainConfig, brief["config"], where="train")
        held = None
        if brief["held"]:
            values = json.loads(ranks.told(""))
            held = unflatten(ranks.handed({}), values)
        ranks.cut = config.shard
        data, net = config.data if data is None else data, config.net if net is None else net
        prepared = prepare(data, net, config, brief["start"], brief["left_out"])
        prepared.config = config
        if mark_of(prepared.train) != brief["mark"]:
            raise ConfigError(
                f"{config.data}: rank {ranks.rank} finds other training pictures than rank 0. "
                "Give every machine the same data at the same place."
            )
        return _train(prepared, Run(Path(brief["run"])), ranks, held)


def _train(prepared: Prepared, run: Run, ranks: Ranks, held: Mapping[str, Any] | None) -> Session:
    """The part of `train.py` that all processes have in common."""
    with Stops() as stops:
        session = Session(prepared, run, stops, lambda _: None, ranks)
        with session.reading:
            if held is None:
                session.save()
            else:
                session.restore(held)
            session.run()
        session.settle()
    return session
