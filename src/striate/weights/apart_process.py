"""The process that reads one checkpoint of torch, apart from everything else. `apart.py` starts it; nobody imports it.

It gets one line of JSON: the file, where to put its tensors, and where packages are. It allows itself little memory
beyond the file's size, no network, no other program and no other file to write, then lets torch read the file with
`weights_only=True`, puts the tensors into one safetensors file and answers with one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]  # the names that lead to a dict within dicts

ROOM = 256 * 2**20  # bytes beside the tensors themselves
COPIES = 4  # of the tensors: as read, and as they are written
DEPTH = 4  # dicts within dicts
WRAPPERS = (  # names under which checkpoints keep their state dict, the likeliest first
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params", "weights",
    "state_dict_ema", "model_ema", "ema_state_dict", "params_ema", "ema",
)  # fmt: skip
TRAINING = ("optim", "sched", "scaler")  # what belongs to a training, not to a network
FORBIDDEN = (  # events of Python that reading tensors never causes
    "socket.", "subprocess.", "ctypes.", "pickle.find_class", "os.system", "os.exec", "os.fork", "os.posix_spawn",
    "os.spawn", "os.startfile", "os.kill", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink",
    "os.chmod", "os.chown", "os.putenv", "shutil.", "urllib.", "http.", "ftplib.", "smtplib.", "pty.", "webbrowser.",
)  # fmt: skip


class Unfit(Exception):
    """The file holds something else than plain tensors by name."""


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: an error, which ends the reading, for anything that reading tensors does not do."""
    writes = event == "open" and isinstance(arguments[1], str) and set("wax+") & set(arguments[1])
    if event.startswith(FORBIDDEN) or writes:
        raise PermissionError(f"it tried {event}")


def limit(size: int) -> None:
    """Allow this process `size` bytes of memory more than it has now, where the system can."""
    try:
        import resource

        with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib is one import more
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + size, now + size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return


def state_dicts(found: Any, seen: set[int], path: tuple[str, ...] = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every dict in `found` that holds tensors by name, once, with the names that lead to it, the outermost first."""
    import torch

    if not isinstance(found, dict) or id(found) in seen or len(path) > DEPTH:
        return
    seen.add(id(found))
    if any(part in name for name in path for part in TRAINING):
        return
    tensors = {k: v for k, v in found.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}
    if tensors:
        yield path, tensors
    for key, value in found.items():
        if isinstance(key, str):
            yield from state_dicts(value, seen, (*path, key))


def chosen(found: Any) -> tuple[Path, dict[str, Any], list[str]]:
    """The state dict in what a checkpoint holds: the names that lead to it, its tensors, and the names of others.

    `Unfit` where there is none.
    """
    import torch

    if isinstance(found, torch.Tensor):
        raise Unfit("it holds one bare tensor without a name")
    dicts = list(state_dicts(found, set()))
    if not dicts:
        raise Unfit(f"it holds no tensors by name, but one {type(found).__name__}")
    number = likeliest(dicts)
    path, tensors = dicts[number]
    return path, tensors, [".".join(other) for k, (other, _) in enumerate(dicts) if k != number and other]


def likeliest(found: list[tuple[Path, dict[str, Any]]]) -> int:
    """Which of them are the network's weights: those with numbers enough, by the place of their name in `WRAPPERS`."""
    sizes = [sum(t.numel() for t in tensors.values()) for _, tensors in found]

    def rank(number: int) -> tuple[int, int]:
        path = found[number][0]
        known = WRAPPERS.index(path[0]) if path and path[0] in WRAPPERS else len(WRAPPERS) if path else -1
        return known if 2 * sizes[number] >= max(sizes) else 2 * len(WRAPPERS), -sizes[number]

    return min(range(len(found)), key=rank)


def plain(name: str, tensor: Any, taken: set[int]) -> Any:
    """`tensor` as numbers in a row of their own; `Unfit` for what is none or claims numbers that are not there.

    `taken`: where the rows of other tensors lie; what shares one with them is copied.
    """
    import torch

    tensor = tensor.detach()
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.device.type != "cpu":
        raise Unfit(f"'{name}' is not a plain tensor (sparse, quantised or complex)")
    storage, needed = tensor.untyped_storage(), tensor.numel() * tensor.element_size()
    if needed > storage.nbytes():
        raise Unfit(f"'{name}' claims {tensor.numel():,} numbers, more than the file holds")
    if tensor.is_contiguous() and needed == storage.nbytes() and storage.data_ptr() not in taken:
        taken.add(storage.data_ptr())
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)


def main() -> dict[str, Any]:
    asked = json.loads(sys.stdin.readline())
    sys.path[:] = asked["packages"]
    import warnings

    warnings.simplefilter("ignore")
    import torch
    from safetensors.torch import save_file

    limit(COPIES * asked["bytes"] + ROOM)
    sys.addaudithook(refuse)
    found = torch.load(asked["file"], map_location="cpu", weights_only=True)
    path, tensors, others = chosen(found)
    taken: set[int] = set()
    save_file({name: plain(name, tensor, taken) for name, tensor in tensors.items()}, asked["out"])
    return {"names": list(tensors), "under": ".".join(path), "others": others}


if __name__ == "__main__":
    try:
        answer = main()
    except Unfit as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "it needs far more memory than its size explains"}
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        answer = {"error": f"torch cannot read it as tensors alone ({lines[0].strip()[:200]})"}
    sys.stdout.write(json.dumps(answer))
