"""Labels that are probably wrong: the pictures that look most like one are nearly all of another class.

A picture's look is its lowest cosines (see `striate.data.fingerprints`), so this sees shape in simple pictures and
little but colour and layout in photographs. How often the neighbours are right is told beside what they say.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.check.found import Suspect
from striate.data.check.look import Looks
from striate.data.fingerprints import Fingerprints
from striate.data.records import Part
from striate.metrics.suspicious import suspicious_labels

NEIGHBOURS = 10
SURE = 0.8  # the least share of the neighbours that are of another class, the same for all
MOST = 50  # told
MOST_LOOKED_AT = 100_000  # pictures, since the time grows with the square of them
AT_ONCE = 1024  # pictures


def suspects(
    pictures: Part, labels: NDArray[np.int64], classes: tuple[str, ...], looks: Looks
) -> tuple[list[Suspect], str]:
    """The labels that are probably wrong, the surest first; and a note on how far to trust what is said."""
    there = looks.readable
    if len(there) > MOST_LOOKED_AT or len(there) <= NEIGHBOURS or "grey" not in (looks.prints.dtype.names or ()):
        return [], f"labels are looked at in sets of {NEIGHBOURS + 1} to {MOST_LOOKED_AT:,} readable pictures"
    given = torch.from_numpy(labels[there])
    probabilities = by_neighbours(features(looks.prints[there]), given, len(classes))
    right = float((probabilities.argmax(1) == given).double().mean())
    found: list[Suspect] = []
    for one in suspicious_labels(probabilities, given, most=len(given)):
        if one.probability >= SURE and len(found) < MOST:
            place = int(there[one.picture])
            label, other = classes[one.label], classes[one.suggestion]
            found.append(Suspect(place, pictures.name(place), label, other, round(one.probability, 3)))
    return found, (
        f"suspicious labels: the class of most of the {NEIGHBOURS} pictures that look most like one is right for "
        f"{right:.0%}; what is told here is as good as that"
    )


def features(prints: Fingerprints) -> Tensor:
    """(n, 288) float32 of length 1: the cosines of brightness without the mean, and of colour."""
    grey = prints["grey"].astype(np.float32)
    grey[:, 0, 0] = 0
    flat = np.concatenate([grey.reshape(len(grey), -1), prints["colour"].astype(np.float32).reshape(len(grey), -1)], 1)
    return torch.nn.functional.normalize(torch.from_numpy(flat), dim=1)


def by_neighbours(looks: Tensor, labels: Tensor, classes: int) -> Tensor:
    """(n, classes) the share of each class among the `NEIGHBOURS` of each picture; the picture itself does not count.

    `looks`: (n, f) of length 1.

    >>> by_neighbours(torch.eye(3).repeat_interleave(12, 0), torch.arange(3).repeat_interleave(12), 3)[12].tolist()
    [0.0, 1.0, 0.0]
    """
    found = []
    for start in range(0, len(looks), AT_ONCE):
        some = looks[start : start + AT_ONCE]
        likeness = some @ looks.T
        likeness[torch.arange(len(some)), torch.arange(start, start + len(some))] = -2
        near = labels[likeness.topk(min(NEIGHBOURS, len(looks) - 1), dim=1).indices]
        found.append(torch.zeros(len(some), classes).scatter_add_(1, near, torch.ones(near.shape)) / near.shape[1])
    return torch.cat(found)
