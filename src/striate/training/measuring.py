"""Which way of computing is the fastest for a network on this machine: a few steps of each are timed.

The result is kept in the cache folder, so that the same training started twice computes alike; a run writes it into its
configuration. A way other than the usual one must be a tenth faster, which is more than timings vary.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import platform
import statistics
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from striate import atomic
from striate.data.known import cache_folder
from striate.data.preprocess import Preprocess
from striate.tasks.classify import Classify
from striate.training.config import TrainConfig
from striate.training.depthwise import quick_depthwise
from striate.training.load import Others, crowded
from striate.training.machine import LAYOUTS, Machine, candidates
from striate.training.memory import out_of_memory

FASTER = 0.9  # of the usual way's time
STEP_SECONDS = 0.06  # about so long is a measured step; fewer pictures are taken for a large network
TURNS = 3  # each way is timed so often, in turn with the others: a machine that gets slower meanwhile hits all
TURN_SECONDS = 0.04  # about so long is a turn
STEPS = 12  # the most in a turn
SLOW = 2.0  # a way that takes so many times as long as the best is given up
FEWEST = 4  # pictures
BUSY = 0.25  # cores that others used meanwhile; it is measured again when the machine is quiet


@dataclass(frozen=True)
class Measured:
    """The chosen machine and the pictures a second of each that was tried; none where there was nothing to choose."""

    machine: Machine
    speeds: dict[str, float]


def choose(config: TrainConfig, net: nn.Module, preprocess: Preprocess, classes: int) -> Measured:
    """The machine for `net`; what `config` leaves open is decided by measuring, or by an earlier measurement.

    `net` is left as it is. `ConfigError` where the named device is not there.
    """
    ways = candidates(config)
    if len(ways) == 1:
        return Measured(ways[0], {})
    kept = cache_folder() / "machine" / f"{_key(config, net, preprocess)}.json"
    busy = crowded()
    if (known := _read(kept, busy)) is not None and known in [_name(way) for way in ways]:
        return Measured(next(way for way in ways if _name(way) == known), {})
    threads, state, others = torch.get_num_threads(), torch.get_rng_state(), Others()
    try:
        speeds = _speeds(ways, net, preprocess, classes, config.batch_size)
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
    best = max(ways, key=lambda way: speeds.get(_name(way), 0.0) * (1.0 if way is ways[0] else FASTER))
    _write(kept, _name(best), busy or others.cores() > BUSY)
    return Measured(best, speeds)


def _speeds(ways: list[Machine], net: nn.Module, preprocess: Preprocess, classes: int, batch: int) -> dict[str, float]:
    """Pictures a second of each way in its best turn; none of a way that this network cannot go."""
    timed = partial(_step_seconds, net=net, placed={}, preprocess=preprocess, classes=classes)
    first = timed(ways[0], pictures=min(batch, FEWEST), steps=1)
    if first is None:  # not even a few fit into the memory; the training will say so
        return {}
    pictures = min(batch, max(FEWEST, int(min(batch, FEWEST) * STEP_SECONDS / first)))
    best: dict[Machine, float] = {}
    left, steps = list(ways), 1
    for _ in range(TURNS):
        for way in tuple(left):
            seconds = timed(way, pictures=pictures, steps=steps)
            if seconds is None:
                left.remove(way)
                best.pop(way, None)
            else:
                best[way] = min(seconds, best.get(way, seconds))
        quickest = min(best.values(), default=TURN_SECONDS)
        left = [way for way in left if best[way] < SLOW * quickest]
        steps = max(1, min(STEPS, int(TURN_SECONDS / quickest)))
    return {_name(way): round(pictures / seconds, 1) for way, seconds in best.items()}


def _step_seconds(
    way: Machine,
    *,
    net: nn.Module,
    placed: dict[str, nn.Module],
    preprocess: Preprocess,
    classes: int,
    pictures: int,
    steps: int,
) -> float | None:
    """The median seconds of a step on noise, after a first one; None where the memory is too small or it fails.

    `placed`: copies of `net` by layout, in which steps are taken; they are made when they are needed.
    """
    torch.set_num_threads(way.threads)
    task = Classify()
    mine = net
    try:
        mine = placed.get(way.layout) or way.place(copy.deepcopy(net)).train()
        placed[way.layout] = mine
        pixels = torch.randint(0, 256, (pictures, *preprocess.image), dtype=torch.uint8)
        labels = (torch.arange(pictures) % classes).to(way.device)
        times = []
        with quick_depthwise(mine, way):
            for _ in range(1 + steps):
                begun = time.perf_counter()
                with way.autocast():
                    given = preprocess.normalise(pixels.to(way.device), memory_format=way.memory_format)
                    loss = task.loss(mine(given), labels)
                loss.backward()
                loss.item()
                mine.zero_grad()
                times.append(time.perf_counter() - begun)
    except Exception as error:
        mine.zero_grad()
        if out_of_memory(error) or isinstance(error, RuntimeError | ValueError):
            return None  # a way that this network cannot go
        raise
    return statistics.median(times[1:])


def _name(way: Machine) -> str:
    return f"{way.precision} {way.layout} {way.threads}"


def _key(config: TrainConfig, net: nn.Module, preprocess: Preprocess) -> str:
    """What the measurement depends on, as a name for a file."""
    wanted = {name: asdict(config)[name] for name in ("precision", "memory_format", "device", "threads", "batch_size")}
    shapes = [(name, tuple(p.shape)) for name, p in net.named_parameters()]
    here = (platform.node(), platform.processor(), os.cpu_count(), torch.get_num_threads(), torch.__version__)
    text = repr((wanted, type(net).__name__, shapes, preprocess.image, here))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(path: Path, busy: bool) -> str | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        said = None if kept["busy"] and not busy else kept["fastest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not measured yet, or not readable any more
    return said if isinstance(said, str) and said.split()[1:2] and said.split()[1] in LAYOUTS else None


def _write(path: Path, name: str, busy: bool) -> None:
    with suppress(OSError):  # a cache folder that cannot be written costs a measurement each time
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, json.dumps({"fastest": name, "busy": busy}))
