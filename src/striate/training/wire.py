"""Small numbers between the processes of one machine, over sockets of their own.

A batch norm over the whole batch asks every other process twice a layer and step. gloo hands each message from thread
to thread, which takes 1 ms here where nothing else runs and 2 ms while both cores compute; a socket between two threads
that wait for each other takes 0.02 and 0.1 ms. Large tensors stay with gloo, where several threads help.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed import DistNetworkError

LARGEST = 64 * 1024  # bytes of a message
BUFFER = 4 * LARGEST  # bytes that the system holds for a socket, so that nobody waits to send
PATIENCE = 30.0  # seconds for all to call each other
NUMBER = 4  # bytes of a rank, which is the first thing that is said


class Wire:
    """Sockets to every other process, by rank; `DistNetworkError` where one has ended."""

    def __init__(self, sockets: dict[int, socket.socket]):
        self.sockets = sockets

    def takes(self, values: Tensor) -> bool:
        """Whether `values` can go this way; the same answer in every process, as they all have the same kind."""
        return values.device.type == "cpu" and values.nbytes <= LARGEST

    def gather(self, values: Tensor) -> list[Tensor]:
        """The `values` of all processes by rank; each has the same shape and dtype, and `takes` them."""
        own = values.detach().contiguous()
        held = {rank: torch.empty_like(own) for rank in self.sockets}
        try:
            for other in self.sockets.values():
                other.sendall(_bytes(own))
            for rank, other in self.sockets.items():
                _receive(other, _bytes(held[rank]))
        except OSError as error:
            raise DistNetworkError(f"another process has ended ({error.strerror})") from None
        return [held.get(rank, own) for rank in range(len(self.sockets) + 1)]

    def close(self) -> None:
        """Let go of the sockets."""
        for other in self.sockets.values():
            other.close()


def wire(rank: int, count: int, gathered: Callable[[str], list[str]]) -> Wire | None:
    """A wire between `count` processes of this machine, each of which calls this; None where one of them cannot.

    `gathered`: the text of each process, in every one. The sockets have no name any more when this returns.
    """
    folder, listening, place, joined = None, None, "", False
    found = Wire({})
    try:
        with suppress(OSError, AttributeError):  # no folder to write in, or no such sockets, as on Windows
            folder = tempfile.mkdtemp(prefix="striate-")
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(str(Path(folder) / "wire"))
            listening.listen(count)
            listening.settimeout(PATIENCE)
            place = folder
        places = gathered(place)
        if all(places):
            assert listening is not None
            with suppress(OSError):
                _join(found.sockets, rank, count, places, listening)
                joined = True
        if all(gathered("joined" if joined else "")):
            return found
        found.close()
        return None
    finally:
        if listening is not None:
            listening.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _join(
    sockets: dict[int, socket.socket], rank: int, count: int, places: list[str], listening: socket.socket
) -> None:
    """Fill in the sockets to all others, by rank: this process calls the lower ones, and the higher ones call it."""
    for lower in range(rank):
        sockets[lower] = _roomy(socket.socket(socket.AF_UNIX))
        sockets[lower].connect(str(Path(places[lower]) / "wire"))
        sockets[lower].sendall(rank.to_bytes(NUMBER, "big"))
    for _ in range(rank + 1, count):
        other = _roomy(listening.accept()[0])
        other.settimeout(PATIENCE)
        said = bytearray(NUMBER)
        _receive(other, memoryview(said))
        other.settimeout(None)
        sockets[int.from_bytes(said, "big")] = other


def _roomy(other: socket.socket) -> socket.socket:
    for direction in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        other.setsockopt(socket.SOL_SOCKET, direction, BUFFER)
    return other


def _bytes(values: Tensor) -> memoryview:
    return values.reshape(-1).view(torch.uint8).numpy().data


def _receive(other: socket.socket, into: memoryview) -> None:
    while into:
        got = other.recv_into(into)
        if not got:
            raise ConnectionResetError(None, "its socket is closed")
        into = into[got:]
