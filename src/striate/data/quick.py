"""A quick look at picture files before a training: how each begins and ends, and how large it says it is.

A file that looks wrong is then decoded, and is told only if the decoder refuses it. So nothing is told falsely, and the
reason is the decoder's own. A file that looks right may be damaged all the same: `striate check` decodes every one.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from striate.data import headers, jpeg
from striate.data.decode import MOST_BYTES, MOST_PIXELS
from striate.data.examples import Member
from striate.data.files import READ
from striate.data.picture_files import PictureFiles
from striate.data.records import Part
from striate.errors import DataError

HEAD, TAIL = 64, 64  # bytes that are read of each file, more where the header is longer
EOI = bytes((0xFF, jpeg.EOI))
SAMPLE = 64  # files that say how long one takes
SLOW = 1e-4  # seconds a file; what takes longer waits for a disk or a network, and many can wait at a time
THREADS = 16
AT_ONCE = 256  # files that a thread takes at a time
PNM = re.compile(rb"P([456])\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s")
SMALL = (1, 1)  # any size will do for a picture that is only to be proved

Read = Callable[[int, int], bytes]  # (where, how many bytes)


def quick_check(part: Part) -> dict[int, str]:
    """The reason by position of each picture that cannot be read, as far as a quick look tells; in order."""
    if not isinstance(part, PictureFiles):
        return {}
    count = len(part)
    started = perf_counter()
    odd = _odd(part, range(min(SAMPLE, count)))
    rest = [range(at, min(at + AT_ONCE, count)) for at in range(SAMPLE, count, AT_ONCE)]
    if perf_counter() - started > SLOW * SAMPLE:
        with ThreadPoolExecutor(THREADS) as pool:
            for found in pool.map(lambda some: _odd(part, some), rest):
                odd += found
    else:
        for some in rest:
            odd += _odd(part, some)
    return {index: reason for index in odd if (reason := refusal(part, index)) is not None}


def refusal(files: PictureFiles, index: int) -> str | None:
    """Why the decoder refuses a picture; None where it does not."""
    try:
        files.decoded(index, SMALL)
    except DataError as error:
        return str(error)
    return None


def _odd(files: PictureFiles, some: Iterable[int]) -> list[int]:
    return [index for index in some if not _looks_right(files, index)]


def _looks_right(files: PictureFiles, index: int) -> bool:
    """Whether nothing is odd about the beginning and the end of a picture's file."""
    picture = files.pictures[index]
    try:
        if isinstance(picture, Member):
            handle = os.open(picture.shard, READ)
        else:
            handle = os.open(f"{files.root}/{picture}", READ)
    except (OSError, ValueError):
        return False
    try:
        status = os.fstat(handle)
        start, size = (picture.offset, picture.size) if isinstance(picture, Member) else (0, status.st_size)
        if not stat.S_ISREG(status.st_mode) or not 0 < size <= MOST_BYTES or start + size > status.st_size:
            return False
        return _whole(lambda at, most: os.pread(handle, most, start + at), size)
    except (OSError, struct.error, IndexError):
        return False
    finally:
        os.close(handle)


def _whole(read: Read, size: int) -> bool:
    """Whether a file of `size` bytes begins and ends as its format has it, with a size of picture that is allowed."""
    head = read(0, HEAD)
    form = headers.format_of(head)
    if form == "JPEG":
        width, height = _jpeg_size(read, head)
        ends = EOI in read(max(0, size - TAIL), TAIL) or _ends_before(read(0, size))
    elif form == "PNG":
        width, height = struct.unpack_from(">II", head, 16)
        ends = b"IEND" in read(max(0, size - TAIL), TAIL)
    elif form == "GIF":
        width, height = struct.unpack_from("<HH", head, 6)
        ends = b";" in read(size - 2, 2)
    elif form == "WEBP":
        width, height = 1, 1  # at most 16,384 a side; what exceeds the limit is left to the decoder
        ends = int.from_bytes(head[4:8], "little") + 8 <= size + 1
    elif form == "BMP":
        width, height = struct.unpack_from("<ii", head, 18) if head[14] >= 40 else struct.unpack_from("<HH", head, 18)
        ends = int.from_bytes(head[2:6], "little") <= size
    elif form == "PNM" and (found := PNM.match(head)):
        width, height = int(found[2]), int(found[3])
        ends = height * ((width + 7) // 8 if found[1] == b"4" else width * (3 if found[1] == b"6" else 1)) <= size
    elif form == "TIFF":
        width, height = 1, 1  # stands in the directory, which the decoder reads
        ends = _first_page(head) < size
    else:
        return False
    return ends and 0 < abs(width * height) <= MOST_PIXELS


def _jpeg_size(read: Read, head: bytes) -> tuple[int, int]:
    """(width, height) of the first frame, wherever its header is. `struct.error` where there is none."""
    at = 2
    while True:
        part = head[at : at + 9] if at + 9 <= len(head) else read(at, 9)
        beginning, marker, length = struct.unpack_from(">BBH", part)
        if beginning != 0xFF or marker == jpeg.SOS:
            return 0, 0
        if marker in jpeg.FRAMES:
            height, width = struct.unpack_from(">HH", part, 5)
            return width, height
        at += 2 + length


def _ends_before(contents: bytes) -> bool:
    """Whether the end of a JPEG stands before something else, as cameras append notes and films."""
    found = jpeg.header(contents)
    return found is not None and EOI in contents[found.scan :]


def _first_page(head: bytes) -> int:
    """Where the directory of a TIFF's first page stands."""
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    found: int = struct.unpack_from(f"{order}{'Q' if big else 'I'}", head, 8 if big else 4)[0]
    return found
