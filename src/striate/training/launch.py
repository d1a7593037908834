"""How several processes come together: started here with `--processes`, or by torchrun on one or more machines.

On one machine they speak over the loopback interface only, and meet in a file of a folder that only this user can read:
nothing can be reached from outside. On several machines torchrun says where they meet (see docs/processes.md).
"""

from __future__ import annotations

import dataclasses
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from striate.errors import ConfigError, TrainingError
from striate.training.config import TrainConfig
from striate.training.events import Warned
from striate.training.ranks import Ranks, alone

if TYPE_CHECKING:
    from striate.training.together import Together

PATIENCE = timedelta(days=1)  # others wait while the first evaluates; one that ends is noticed at once, by its silence
MOST_A_CORE = 4  # processes; more would only wait for each other, and each takes some 400 MB
NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun sets
LOOPBACK = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


@dataclass(frozen=True)
class Place:
    """Where a process stands: number `rank` of `count`; number `local` of `here` on this machine."""

    rank: int
    count: int
    local: int
    here: int


def place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Where torchrun put this process; None where it was started otherwise.

    >>> place({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1",
    ...        "MASTER_PORT": "29500"})
    Place(rank=3, count=4, local=1, here=2)
    """
    if any(name not in environment for name in NEEDED) or environment["WORLD_SIZE"] == "1":
        return None
    rank, count = int(environment["RANK"]), int(environment["WORLD_SIZE"])
    return Place(rank, count, int(environment.get("LOCAL_RANK", rank)), int(environment.get("LOCAL_WORLD_SIZE", count)))


def cores() -> int:
    """The processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fitted(config: TrainConfig, *, stored: bool = False) -> tuple[TrainConfig, list[Warned]]:
    """`config` for the processes there will be: how many, their device and their threads; and what to warn of.

    `stored`: it is of an earlier run, which chose the threads for its own number of processes. `ConfigError` where the
    machine cannot run so many.
    """
    stands = place()
    if stands is not None and stands.count != config.processes:
        config = dataclasses.replace(config, processes=stands.count, threads=0 if stored else config.threads)
    if config.processes == 1:
        return config, [Warned("shard splits the weights over --processes; one process keeps them all")] * config.shard
    here = config.processes if stands is None else stands.here
    device = _device(config, here)
    config = dataclasses.replace(config, device=device, threads=config.threads or max(1, cores() // here))
    if stands is None:
        for what, held in (("data", config.data), ("net", config.net)):
            if held.startswith("python object"):
                raise ConfigError(
                    f"processes is {config.processes}: {what} must then be a name or a path, which every process can "
                    "read for itself. To train on Python objects start your script with torchrun."
                )
    if device == "cpu" and here > MOST_A_CORE * cores():
        raise ConfigError(f"processes is {here}; this machine has {_cores()}. Give at most that many.")
    if device == "cpu" and here * config.threads > cores():
        each = "" if config.threads == 1 else f" of {config.threads} threads each"
        return config, [Warned(f"{here} processes{each} share {_cores()}, and wait for each other")]
    return config, []


def steps_only() -> None:
    """`ConfigError` where torchrun started several processes, for a training that takes no steps."""
    if place() is not None:
        raise ConfigError(
            "this training takes no steps that processes could share: its classifier is fitted in one go. "
            "Start it without torchrun, or give another --regime."
        )


def _cores() -> str:
    return "1 core" if cores() == 1 else f"{cores()} cores"


def _device(config: TrainConfig, here: int) -> str:
    """The device of several processes, `here` of them on this machine: each has a GPU of its own, or none has."""
    if sys.platform == "win32":
        raise ConfigError("processes need Linux or macOS. Leave --processes out.")
    if config.device == "mps":
        raise ConfigError("device is mps, which only one process can use. Give --device cpu, or leave --processes out.")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if config.device == "cpu" or (config.device == "auto" and not there):
        return "cpu"
    if there and here > there:
        raise ConfigError(f"processes is {here}; this machine has {there} GPUs, one for each. Give fewer.")
    return "cuda"


@contextmanager
def together(config: TrainConfig, run: Path) -> Iterator[Ranks]:
    """The ranks of a training of `config` into `run`, in the process that is the first; the others are started."""
    stands = place()
    if stands is not None:
        with joined(stands, config) as ranks:
            yield ranks
    elif config.processes == 1:
        yield alone()
    else:
        from striate.training.others import Others

        with Others(config, run) as others, joined(others.place, config, others.meet()) as ranks:
            ranks.at_end = others.part
            yield ranks


@contextmanager
def joined(stands: Place, config: TrainConfig | None, meeting: Path | None = None) -> Iterator[Together]:
    """The ranks of this process in torch's group of all of them, which ends with it.

    `config`: None where the first process will say it. `meeting`: a file where all of one machine meet; None:
    torchrun's place. `TrainingError` where another process ends before time.
    """
    import torch.distributed as dist

    from striate.training.together import Together, is_lost

    if torch.cuda.is_available():
        torch.cuda.set_device(stands.local % torch.cuda.device_count())
    mine = not dist.is_initialized()  # a script under torchrun may have done it already
    ranks = None
    try:
        with _loopback(stands.here == stands.count):
            if mine:
                store = None if meeting is None else dist.FileStore(str(meeting), stands.count)  # type: ignore[attr-defined]
                backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
                dist.init_process_group(
                    backend, store=store, rank=stands.rank, world_size=stands.count, timeout=PATIENCE
                )
            ranks = Together(stands.rank, stands.count, stands.here, cut=config is not None and config.shard)
            yield ranks
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise Lost(
            "another process of this training has ended, and so does this one. The last checkpoint is whole."
        ) from (error)
    finally:
        if ranks is not None:
            ranks.close()
        if mine and dist.is_initialized():
            dist.destroy_process_group()


class Lost(TrainingError):
    """Another process of the training is gone."""


@contextmanager
def _loopback(one_machine: bool) -> Iterator[None]:
    """Meanwhile gloo and NCCL take the loopback interface, where there is one machine and nobody chose another."""
    names = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    chosen = [v for v in LOOPBACK if v not in os.environ] if one_machine and names else []
    os.environ.update(dict.fromkeys(chosen, names[0] if names else ""))
    try:
        yield
    finally:
        for variable in chosen:
            os.environ.pop(variable, None)
