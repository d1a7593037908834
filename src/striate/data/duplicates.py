"""Pictures that are there more than once: the same file, the same pixels, or the same to the eye.

A picture of a thousand copies has half a million pairs, and nobody wants to read them. So each picture is paired with
the first of its copies in every part of the data, and hardly another: what leaks from a part to another is always told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.data.fingerprints import Fingerprints
from striate.data.resemblance import Index, alike

KINDS = ("exact", "same pixels", "re-encoded", "resized", "mirrored")  # closest first
EXACT, SAME_PIXELS, RE_ENCODED, RESIZED, MIRRORED = range(len(KINDS))


@dataclass(frozen=True, order=True)
class Pair:
    """Pictures `a` and `b`, positions with a < b, that are the same, and how: one of `KINDS`.

    "exact" are files of the same bytes, "same pixels" those that differ only as files. "mirrored" ones may be
    re-encoded and resized as well, "resized" ones re-encoded.
    """

    a: int
    b: int
    kind: str


def pairs(prints: Fingerprints, parts: Sequence[int] | NDArray[np.int64] | None = None) -> list[Pair]:
    """The duplicates among `prints` (n,), in order of `a`, then `b`.

    `parts`: (n,) which part each picture is in, such as 0 for train and 1 for test; None: all are in one. Pictures
    that look the same may be further pairs where these are needed to connect all that are alike by steps.

    >>> from striate.data.fingerprints import FINGERPRINT
    >>> pairs(np.zeros(3, FINGERPRINT))
    [Pair(a=0, b=1, kind='exact'), Pair(a=0, b=2, kind='exact')]
    """
    if not len(prints):
        return []
    files, pixels, where = _files_pixels_parts(prints, parts)
    exact, same = _copies(files, pixels, where)
    near, kind = _near(prints, pixels, where)
    return _named((exact, np.full(len(exact), EXACT)), (same, np.full(len(same), SAME_PIXELS)), (near, kind))


def copies(prints: Fingerprints, parts: Sequence[int] | NDArray[np.int64] | None = None) -> list[Pair]:
    """Those of `pairs` that are "exact" or "same pixels": in no more than n log n steps, and from the digests alone."""
    if not len(prints):
        return []
    exact, same = _copies(*_files_pixels_parts(prints, parts))
    return _named((exact, np.full(len(exact), EXACT)), (same, np.full(len(same), SAME_PIXELS)))


def groups(found: Sequence[Pair], count: int) -> Index:
    """(count,) for each picture the first of its group: those that are connected by pairs are in one.

    >>> groups([Pair(0, 3, "exact"), Pair(1, 3, "mirrored")], 5).tolist()
    [0, 0, 2, 0, 4]
    """
    return _connected(np.array([(pair.a, pair.b) for pair in found], np.int64).reshape(-1, 2), count)


def _files_pixels_parts(
    prints: Fingerprints, parts: Sequence[int] | NDArray[np.int64] | None
) -> tuple[Index, Index, Index]:
    where = np.zeros(len(prints), np.int64) if parts is None else np.unique(np.asarray(parts), return_inverse=True)[1]
    return _numbered(prints["file"]), _numbered(prints["pixels"]), where


def _copies(files: Index, pixels: Index, where: Index) -> tuple[Index, Index]:
    """(m, 2) pictures whose files are the same, and (k, 2) those whose pixels alone are."""
    same = _with_first(pixels, where)
    return _with_first(files, where), same[files[same[:, 0]] != files[same[:, 1]]]


def _named(*found: tuple[Index, Index]) -> list[Pair]:
    """The pairs of several kinds, each edges (m, 2) with (m,) positions in `KINDS`, in order."""
    edges, kinds = (np.concatenate(column) for column in zip(*found, strict=True))
    return sorted(Pair(a, b, KINDS[kind]) for (a, b), kind in zip(edges.tolist(), kinds.tolist(), strict=True))


def _numbered(digests: NDArray[np.uint64]) -> Index:
    """(n,) equal numbers for equal digests (n, 2)."""
    return np.unique(digests, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _with_first(same: Index, where: Index) -> Index:
    """(m, 2) each picture with the first one of the same number in each part."""
    every = np.arange(len(same))
    edges = []
    for part in range(where.max() + 1):
        first = np.full(same.max() + 1, -1)
        first[same[where == part][::-1]] = every[where == part][::-1]
        has = (first[same] >= 0) & (first[same] != every)
        edges.append(np.stack([first[same[has]], every[has]], 1))
    return np.unique(np.sort(np.concatenate(edges), 1), axis=0)


def _near(prints: Fingerprints, pixels: Index, where: Index) -> tuple[Index, Index]:
    """(m, 2) pictures that look the same without being it, and (m,) how."""
    _, shown, place = np.unique(np.stack([pixels, where], 1), axis=0, return_index=True, return_inverse=True)
    copied = shown[place.reshape(-1)]  # (n,) the first of the same pixels in the same part
    shown = np.sort(shown)
    found = alike(prints[shown])
    edges = np.stack([shown[found.first], shown[found.second]], 1)
    resized = (prints["size"][edges[:, 0]] != prints["size"][edges[:, 1]]).any(1)
    kind = np.where(found.mirrored, MIRRORED, np.where(resized, RESIZED, RE_ENCODED))
    kept = pixels[edges[:, 0]] != pixels[edges[:, 1]]
    edges, kind = edges[kept], kind[kept]
    kept = _first_a_part(edges, where)
    group = _connected(edges[kept], len(prints))
    kept |= group[edges[:, 0]] != group[edges[:, 1]]
    return _of_copies(edges[kept], kind[kept], copied, where)


def _of_copies(edges: Index, kind: Index, copied: Index, where: Index) -> tuple[Index, Index]:
    """The edges, and those into other parts of the pictures that are but copies of an end."""
    across = where[edges[:, 0]] != where[edges[:, 1]]
    end, other = np.concatenate([edges[across], edges[across][:, ::-1]]).T
    copies = np.flatnonzero(copied != np.arange(len(copied)))
    copies = copies[np.argsort(copied[copies], kind="stable")]
    start, stop = (np.searchsorted(copied[copies], end, side) for side in ("left", "right"))
    times = stop - start
    which = np.arange(times.sum()) + np.repeat(start - np.cumsum(times) + times, times)
    more = np.sort(np.stack([copies[which], np.repeat(other, times)], 1), 1)
    return np.concatenate([edges, more]), np.concatenate([kind, np.repeat(np.tile(kind[across], 2), times)])


def _first_a_part(edges: Index, where: Index) -> NDArray[np.bool_]:
    """(m,) whether one end is the first, in its part, of those that the other is alike."""
    end, other = np.concatenate([edges, edges[:, ::-1]]).T
    order = np.lexsort((other, where[other], end))
    chosen = np.unique(np.stack([end, where[other]])[:, order], axis=1, return_index=True)[1]
    kept = np.zeros(len(edges), np.bool_)
    kept[order[chosen] % max(1, len(edges))] = True
    return kept


def _connected(edges: Index, count: int) -> Index:
    """(count,) for each picture the first of those that the edges (m, 2) connect it with."""
    first = np.arange(count)
    while (apart := first[edges[:, 0]] != first[edges[:, 1]]).any():
        ends = first[edges[apart]]
        np.minimum.at(first, ends.max(1), ends.min(1))
        while (first[first] != first).any():
            first = first[first]
    return first
