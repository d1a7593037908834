"""Which pictures look the same: saved again with loss, at another size, or mirrored.

Each pair is compared by the correlation of its cosines (see `fingerprints`), each weighted by its frequency: in
photographs the power of a wave falls with the square of it (Field, "Relations between the statistics of natural
images and the response properties of cortical cells", 1987), so that without the weights the few lowest would decide.
Even waves across stay as they are in a mirrored picture, and odd ones change their sign. So two matrix products, one of
each, give both correlations: their sum that of the pictures, their difference that with one of them mirrored. What
passes a first look at 8 x 8 cosines is compared by up to 16 x 16, and by brightness, contrast and colour.

Measured on a processor, single thread, with copies of all 984 photographs of ten classes of Caltech-101: re-encoded at
quality 50, half as large, mirrored, and all three at once are found in 100 %, at quality 10 too; of the photographs
themselves 4 pairs of 483,636 are told, all the same photograph on sight. Cut by 1 % a side 86 % are found, by 2 % 5 %.
Brought to 32x32 pixels first, 98 to 100 % are found. Of the 60,000 digits of MNIST 98 pairs of 1.8 billion are told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.data.fingerprints import COSINES, Fingerprints

COARSE = 8  # cosines a side of the first look
FIRST_LOOK = 0.92  # the least correlation of these
ALIKE = 0.97  # and of all 16, which only larger pictures have
ALIKE_A_COSINE = 0.001  # of fewer cosines more is asked: 1 - 0.001 a cosine
NOISE = 40.0  # levels squared a pixel; JPEG of quality 50 leaves about 30, which weigh in a small or faint picture
MOST_NOISE = 0.1  # of 1, that noise may take off the correlation
PIXELS_A_COSINE, PIXELS_A_COSINE_RESIZED = 2.0, 8 / 3  # of the shortest side; resizing changes the highest it leaves
FLAT = 1.0  # levels of 0..255; a picture whose cosines vary by less is as good as empty, and looks like any other such
PLAIN = 3.0  # cosines; a picture that so few make up, such as a ramp from grey to grey, looks like any other such
BRIGHTER, COLOURED = 6.0, 16.0  # the most levels of 0..255 between the means, and between the colours
STRONGER = 1.25  # the most times the contrast of the other
ROWS, COLUMNS = 512, 4096  # pictures compared at once: their correlations stay in the processor's cache
CHECKED = 2**13  # pairs
KNOWN = 16  # a picture that looks like so many before it is left to these: later ones are not compared with it

Index = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Alike:
    """Pairs of pictures that look the same: `first` < `second`, positions (m,), and `mirrored` (m,) bool."""

    first: Index
    second: Index
    mirrored: NDArray[np.bool_]


def alike(prints: Fingerprints) -> Alike:
    """The pairs of `prints` (n,) that look the same, in order of the second picture.

    Nearly uniform pictures and plain ramps look like none. The time grows with n squared, the memory with n.
    """
    grey = prints["grey"].astype(np.float32)
    grey[:, 0, 0] = 0
    power = np.square(grey * _weights(COSINES)).reshape(len(prints), -1)
    making = np.square(power.sum(1)) / np.maximum(np.square(power).sum(1), np.float32(1e-12))
    busy = np.flatnonzero((np.linalg.norm(grey, axis=(1, 2)) >= FLAT) & (making >= PLAIN))
    first, second, mirrored = _search(prints[busy])
    return Alike(busy[first], busy[second], mirrored)


def _weights(cosines: int) -> Floats:
    """(cosines, cosines): the frequency of each, which is 0 for the mean."""
    down, across = np.indices((cosines, cosines))
    return np.hypot(down, across).astype(np.float32)


def _search(prints: Fingerprints) -> tuple[Index, Index, NDArray[np.bool_]]:
    count = len(prints)
    coarse = prints["grey"][:, :COARSE, :COARSE] * _weights(COARSE)
    coarse /= np.linalg.norm(coarse, axis=(1, 2), keepdims=True)
    even, odd = (np.ascontiguousarray(coarse[:, :, part::2].reshape(count, COARSE**2 // 2)) for part in (0, 1))
    seen = np.zeros(count, np.int64)  # how many before it a picture looks like
    found = [_check(prints, *np.zeros((2, 0), np.int64))]
    for start in range(0, count, ROWS):
        stop = min(start + ROWS, count)
        columns = np.flatnonzero(seen[:stop] < KNOWN)
        for left in range(0, len(columns), COLUMNS):
            some = columns[left : left + COLUMNS]
            likeness = odd[start:stop] @ odd[some].T
            np.abs(likeness, out=likeness)
            likeness += even[start:stop] @ even[some].T
            row, column = np.nonzero(likeness >= FIRST_LOOK)
            first, second = some[column], row + start
            first, second = first[first < second], second[first < second]
            for at in range(0, len(first), CHECKED):
                found.append(_check(prints, first[at : at + CHECKED], second[at : at + CHECKED]))
                seen += np.bincount(found[-1][1], minlength=count)
    first, second, mirrored = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return first, second, mirrored


def _check(prints: Fingerprints, first: Index, second: Index) -> tuple[Index, Index, NDArray[np.bool_]]:
    """Those of the pairs that look the same on a closer look, and which of them are mirrored."""
    one, other = prints["size"][first], prints["size"][second]
    resized = (one != other).any(1)
    area = np.minimum(one.prod(1), other.prod(1))
    side = np.minimum(one, other).min(1)
    cosines = side / np.where(resized, PIXELS_A_COSINE_RESIZED, PIXELS_A_COSINE)
    cosines = np.clip(cosines, COARSE // 2, COSINES).astype(np.int64)
    same, mirrored = np.zeros(len(first), np.bool_), np.zeros(len(first), np.bool_)
    for count in np.unique(cosines):
        some = np.flatnonzero(cosines == count)
        a, b = (prints["grey"][ends[some], :count, :count].astype(np.float32) for ends in (first, second))
        same[some], mirrored[some] = _look(a, b, area[some])
    turned = prints["colour"][second].astype(np.float32)
    turned[mirrored, ..., 1::2] *= -1
    same &= np.square(turned - prints["colour"][first]).sum((1, 2, 3)) <= COLOURED**2
    return first[same], second[same], mirrored[same]


def _look(a: Floats, b: Floats, area: Index) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the cosines (m, k, k) are of the same picture, and mirrored. `area`: (m,) pixels of the smaller one."""
    brighter = np.abs(a[:, 0, 0] - b[:, 0, 0])
    cosines = a.shape[1]
    weights = _weights(cosines)
    a, b = a * weights, b * weights
    product = (a * b).sum(1)  # (m, k) waves across
    even, odd = product[:, ::2].sum(1), product[:, 1::2].sum(1)
    length, other = (np.maximum(np.linalg.norm(x, axis=(1, 2)), np.float32(1e-6)) for x in (a, b))
    least = 1 - ALIKE if cosines == COSINES else ALIKE_A_COSINE * cosines
    noise = np.minimum(NOISE * np.square(weights).sum() / area / (length * other), MOST_NOISE)
    same = even + np.abs(odd) >= (1 - np.maximum(least, noise)) * length * other
    same &= (np.maximum(length, other) <= STRONGER * np.minimum(length, other)) & (brighter <= BRIGHTER)
    return same, odd < 0
