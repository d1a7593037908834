"""What to compute with: device, precision, memory format and threads, found by measuring a few steps of the network."""

from __future__ import annotations

import dataclasses
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from striate.errors import ConfigError
from striate.training.config import TrainConfig

LAYOUTS = {"channels_last": torch.channels_last, "channels_first": torch.contiguous_format}


@dataclass(frozen=True)
class Machine:
    """A choice of how to compute. `precision`: float32 or bfloat16 (weights stay float32). `layout`: of `LAYOUTS`."""

    device: torch.device
    precision: str
    layout: str = "channels_last"
    threads: int = 1

    @property
    def memory_format(self) -> torch.memory_format:
        """The order of the numbers of weights and pictures in memory."""
        return LAYOUTS[self.layout]

    def autocast(self) -> AbstractContextManager[object]:
        """A context in which layers that gain from it compute in the chosen precision."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def place(self, net: nn.Module) -> nn.Module:
        """`net` on the device, in the memory format; the same module."""
        return net.to(self.device).to(memory_format=self.memory_format)  # type: ignore[call-overload,no-any-return]


def usual(config: TrainConfig) -> Machine:
    """What is best for most networks here, with what `config` sets; `ConfigError` where its device is not there."""
    there = torch.device(_device(config.device))
    precision = config.precision
    if precision == "auto":
        precision = "bfloat16" if fast_bfloat16(there) else "float32"
    layout = "channels_last" if config.memory_format == "auto" else config.memory_format
    return Machine(there, precision, layout, config.threads or torch.get_num_threads())


def candidates(config: TrainConfig) -> list[Machine]:
    """The usual machine first, then every other that `config` leaves open, one difference at a time.

    On an accelerator nothing is open but the precision: its threads and layout do not depend on the network.
    """
    first = usual(config)
    others = []
    if config.precision == "auto" and first.precision == "bfloat16":
        others.append(dataclasses.replace(first, precision="float32"))
    if first.device.type == "cpu":
        if config.threads == 0 and first.threads > 1:
            others.append(dataclasses.replace(first, threads=1))
        if config.memory_format == "auto":
            others.append(dataclasses.replace(first, layout="channels_first"))
    return [first, *others]


def _device(wanted: str) -> str:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there[wanted]:
        found = " and ".join(name for name, is_there in there.items() if is_there)
        raise ConfigError(f"device is {wanted}, which torch does not find here. There is {found}.")
    return wanted


def fast_bfloat16(device: torch.device) -> bool:
    """Whether `device` has instructions for bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    named = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in named)


def processor_of(device: torch.device) -> str:
    """What computes, as far as the last bits depend on it: "x86_64 AVX512", or the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
