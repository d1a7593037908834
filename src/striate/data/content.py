"""What a picture is, as one number: the same file has the same number wherever it lies and whatever it is called."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

from striate.data.examples import Member
from striate.data.files import regular_handle
from striate.errors import DataError

if TYPE_CHECKING:
    from striate.data.picture_files import PictureFiles

WHOLE = 2**16  # bytes; of a larger file its length, its first and its last half so many count


def content_hash(files: PictureFiles, index: int, seed: int) -> int:
    """64 bits of the bytes of picture `index`: of all of them up to `WHOLE`, else of length, beginning and end.

    Keyed by `seed`. A file that cannot be read has the hash of its name.
    """
    picture = files.pictures[index]
    path = picture.shard if isinstance(picture, Member) else f"{files.root}/{picture}"  # to make a Path takes as long
    try:
        handle = regular_handle(path)
        try:
            start, size = (
                (picture.offset, picture.size) if isinstance(picture, Member) else (0, os.fstat(handle).st_size)
            )
            if size <= WHOLE:
                counted = os.pread(handle, size, start)
            else:
                half = WHOLE // 2
                counted = os.pread(handle, half, start) + os.pread(handle, half, start + size - half)
        finally:
            os.close(handle)
    except (DataError, OSError):
        size, counted = -1, files.name(index).encode()
    return int.from_bytes(blake2b(counted, digest_size=8, key=f"{seed}/{size}".encode()).digest(), "big")
