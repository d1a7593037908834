"""When the memory is too small for a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from striate.errors import TrainingError
from striate.misfit import times

SAID = ("can't allocate memory", "std::bad_alloc", "Cannot allocate memory")  # by torch and by what it stands on


class OutOfMemory(TrainingError):
    """A step needs more memory than there is."""

    @classmethod
    def on(cls, pictures: int, parts: int, image: tuple[int, ...], device: torch.device) -> OutOfMemory:
        """The error of a step of `pictures` of `image`, computed in `parts`, on `device`."""
        once = -(-pictures // parts)
        return cls(
            f"the memory of {device} is too small for {once} pictures of {times(image)} at once. Take a smaller "
            f"--batch-size, or --fit-memory, which computes the same step of {pictures} in smaller parts."
        )


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, on whatever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in SAID)


@contextmanager
def too_small_for(what: str) -> Iterator[None]:
    """Within it, memory that runs out is an `OutOfMemory` that says for what."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OutOfMemory) or not out_of_memory(error):
            raise
        raise OutOfMemory(f"the memory is too small for {what}.") from None
