"""Which layers to dream of and to take style and content from, where none is named: by depth, on any network.

The paper of neural style transfer (see `style`) takes, on VGG, the first convolution at each size of maps for style,
conv1_1 to conv5_1, and conv4_2 for content, each behind its ReLU. Said so that it holds for every network: of each size
of maps down to a sixteenth of the picture the first convolution of the widest; for content the second of the widest at
an eighth. On VGG these are the paper's layers. Its names convS_K work too, on any network: the K-th convolution of the
S-th size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from striate.errors import ConfigError
from striate.explain.viewer import Call, Viewer
from striate.misfit import CONVOLUTIONS

SMALLEST = 16  # the side of a picture over that of the smallest maps that say something of style
CONTENT = 8  # the same for content
FEW = 3  # sizes of maps; a network with fewer gives its layers evenly
MOST = 5  # layers of style


@dataclass(frozen=True)
class Convolved:
    """A convolution, named by `end`: the last call before the next, so behind its norm and its activation.

    `stage`: counts the sizes of maps from 1; `place`: counts the convolutions of that size; `smaller`: times that its
    maps are smaller than the picture.
    """

    end: str
    channels: int
    stage: int
    place: int
    smaller: float


def convolved(viewer: Viewer) -> list[Convolved]:
    """The convolutions of the network in the order of their calls, of maps with more than one position."""
    calls = [call for call in viewer.calls if not any(call.layer.children())]
    found: list[Convolved] = []
    sizes: list[int] = []
    for number, call in enumerate(calls):
        if not isinstance(call.layer, CONVOLUTIONS) or len(call.shape) != 4 or min(call.shape[2:]) < 2:
            continue
        side = call.shape[2]
        if not sizes or side < 0.75 * sizes[-1]:
            sizes.append(side)
        stage = len(sizes)
        place = sum(one.stage == stage for one in found) + 1
        end = _end(calls, number)
        found.append(Convolved(end, call.shape[1], stage, place, viewer.image[1] / side))
    if not found:
        raise ConfigError(
            "this network has no convolution that gives maps, so it knows nothing of style. Take another."
        )
    return found


def _end(calls: list[Call], number: int) -> str:
    """The name of the last call that only norms or activates what the convolution `calls[number]` gave."""
    end = calls[number]
    for call in calls[number + 1 :]:
        weight = getattr(call.layer, "weight", None)
        mixes = isinstance(weight, torch.Tensor) and weight.ndim > 1
        if call.shape != end.shape or mixes or "pool" in type(call.layer).__name__.lower():
            break
        end = call
    return end.name


def style_layers(viewer: Viewer) -> list[str]:
    """The layers that say the style of a picture, from fine to coarse."""
    found = [one for one in convolved(viewer) if one.smaller <= SMALLEST * 1.2] or convolved(viewer)
    stages = sorted({one.stage for one in found})
    if len(stages) < FEW:
        count = min(MOST, len(found))
        return [found[round(k * (len(found) - 1) / max(1, count - 1))].end for k in range(count)]
    return [_widest([one for one in found if one.stage == stage])[0].end for stage in stages[-MOST:]]


def content_layer(viewer: Viewer) -> str:
    """The layer that says what is where in a picture."""
    found = [one for one in convolved(viewer) if one.smaller <= CONTENT * 1.2] or convolved(viewer)
    widest = _widest([one for one in found if one.stage == found[-1].stage])
    return widest[min(1, len(widest) - 1)].end


def dream_layer(viewer: Viewer) -> str:
    """A layer whose dreams are of parts of things: the last of maps of a sixteenth of the picture."""
    found = [one for one in convolved(viewer) if one.smaller <= SMALLEST * 1.2] or convolved(viewer)
    return found[-1].end


def named(viewer: Viewer, layer: str) -> str:
    """The call that `layer` means: its own name, or convS_K of the paper. Raises as `Viewer.check`."""
    if layer not in {call.name for call in viewer.calls} and any(
        isinstance(module, CONVOLUTIONS) for module in viewer.net.modules()
    ):
        for one in convolved(viewer):
            if layer.lower() in (f"conv{one.stage}_{one.place}", f"relu{one.stage}_{one.place}"):
                return one.end
    return viewer.check(layer).name


def _widest(found: list[Convolved]) -> list[Convolved]:
    most = max(one.channels for one in found)
    return [one for one in found if one.channels == most]
