"""Changes for layers whose maps or features are not as many as they are given, or not maps at all."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod
from typing import Any

from torch import nn

from striate.layers.maxout import Maxout
from striate.repair.changes import (
    FLATTEN,
    Above,
    Below,
    Change,
    Edit,
    Image,
    Piece,
    Set,
    Shape,
    change,
    pointwise,
    resized,
)
from striate.repair.layers import by, value
from striate.repair.mistake import Mistake, Step
from striate.rows import linear

SOURCES, NUMBERS = 4, 10  # layers, and numbers of maps, that are tried where nobody says which
MULTIPLES = (2, 3, 4, 5, 6, 7, 8, 16, 32)


def name_of(path: tuple[str, ...]) -> str:
    """A layer for people; one that has a number for a name is called so."""
    return f"layer {'.'.join(path)}" if path and path[-1].isdigit() else ".".join(path) or "the layer"


def is_linear(layer: Any) -> bool:
    return isinstance(layer, (nn.Linear, linear))


def is_flattening(layer: Any) -> bool:
    return isinstance(layer, nn.Flatten)


def producer(trail: tuple[Step, ...]) -> Step | None:
    """The last layer that says how many maps it gives."""
    return next((step for step in reversed(trail) if value(step.layer, "out") is not None), None)


def widened(trail: tuple[Step, ...], maps: int) -> tuple[Edit, ...]:
    """The edits that let the last producer give so many maps, and the normalisations behind it take them."""
    source = producer(trail)
    if source is None:
        return ()
    before = value(source.layer, "out")
    behind = trail[trail.index(source) + 1 :]
    edits: list[Edit] = [Set(source.path, {"out": maps} | divided(source.layer, maps))]
    for step in behind:
        if isinstance(step.layer, nn.Module) and value(step.layer, "takes") == before:
            groups = {"groups": gcd(maps, value(step.layer, "groups"))} if value(step.layer, "groups") else {}
            edits.append(Set(step.path, {"takes": maps} | groups))
    return tuple(edits)


def divided(layer: Any, maps: int) -> dict[str, int]:
    """Fewer groups where those of `layer` do not divide so many maps."""
    groups = value(layer, "groups")
    return {"groups": gcd(groups, maps)} if isinstance(groups, int) and groups > 1 and maps % groups else {}


def more_or_fewer(mistake: Mistake, image: Shape) -> Iterator[Change]:
    """A module takes other maps than it is given."""
    layer, given, path = mistake.layer, mistake.given, mistake.path
    wants = value(layer, "takes")
    if not isinstance(layer, nn.Module) or is_linear(layer) or not given or not isinstance(wants, int):
        return
    if wants == given[0]:
        return
    maps = given[0]
    sizes = {"takes": maps} | divided(layer, maps)
    if value(layer, "groups") == wants == value(layer, "out"):  # depthwise
        sizes = {"takes": maps, "groups": maps, "out": maps}
    yield change("takes", f"Let {name_of(path)} take {maps} channel{'s' * (maps > 1)}", Set(path, sizes))
    if edits := widened(mistake.trail, wants):
        source = name_of(edits[0].path) if isinstance(edits[0], Set) else ""
        yield change("out", f"Let {source} give {wants} maps", *edits)
    if given[0] == image[0] and len(image) > 1:
        yield change("image", f"Take pictures of {wants} channel{'s' * (wants > 1)}", Image((wants, *image[1:])))
    if len(given) > 1:
        said = f"Put a {by((1,) * (len(given) - 1))} convolution to {wants} maps above"
        yield change("above", said, Above(path, (pointwise(wants),), given))


def grouped(mistake: Mistake) -> Iterator[Change]:
    """Groups that do not divide the maps."""
    layer, given, path = mistake.layer, mistake.given, mistake.path
    groups, out = value(layer, "groups"), value(layer, "out")
    if not given or not isinstance(groups, int) or groups < 2 or isinstance(layer, nn.Module):
        return
    maps = given[0]
    gives = out if isinstance(out, int) else maps
    if maps % groups == 0 and gives % groups == 0:
        return
    common = gcd(maps, gives)
    best = max(g for g in range(1, groups + 1) if common % g == 0)
    yield change("groups", "Do not group" if best == 1 else f"Use {best} groups", Set(path, {"groups": best}))
    if maps % groups == 0 and isinstance(out, int):
        yield change("out", f"Give {rounded(out, groups)} maps", Set(path, {"out": rounded(out, groups)}))
        return
    own: tuple[Edit, ...] = (
        (Set(path, {"out": rounded(gives, groups)}),) if isinstance(out, int) and out % groups else ()
    )
    if edits := widened(mistake.trail, rounded(maps, groups)):
        yield change("out", f"Let the layer above give {rounded(maps, groups)} maps", *edits, *own)
    said = f"Put a {by((1,) * max(1, len(given) - 1))} convolution to {rounded(maps, groups)} maps above"
    yield change("above", said, Above(path, (pointwise(rounded(maps, groups)),), given), *own)


def rounded(maps: int, groups: int) -> int:
    """The multiple of `groups` next to `maps`, the larger of two."""
    below = maps // groups * groups
    return below if below > 0 and maps - below < groups / 2 else below + groups


def multiples(mistake: Mistake) -> Iterator[Change]:
    """A layer that makes one map of several, and is not given a multiple of them; or says no more than that."""
    layer, given, path = mistake.layer, mistake.given, mistake.path
    if not given:
        return
    if isinstance(layer, Maxout):
        wanted = [rounded(given[0], layer.pieces), -(-given[0] // layer.pieces) * layer.pieces]
    elif isinstance(layer, nn.PixelShuffle):
        wanted = [-(-given[0] // layer.upscale_factor**2) * layer.upscale_factor**2]
    elif "divisible" in mistake.problem or "divide" in mistake.problem:
        wanted = [-(-given[0] // multiple) * multiple for multiple in MULTIPLES if given[0] % multiple]
    else:
        return
    for maps in dict.fromkeys(wanted):
        if edits := widened(mistake.trail, maps):
            yield change("out", f"Let the layer above give {maps} maps", *edits)
        if len(given) > 1:
            yield change(
                "above", f"Put a 1 × 1 convolution to {maps} maps above", Above(path, (pointwise(maps),), given)
            )


def features(mistake: Mistake) -> Iterator[Change]:
    """A fully connected layer that takes other features than it is given, or is given maps."""
    layer, given, path = mistake.layer, mistake.given, mistake.path
    if given is None or not is_linear(layer):
        return
    wants = value(layer, "takes")
    if not given:
        flat = mistake.wants or wants or 1
        whole = Piece(nn.Unflatten(0, (-1, flat)), None)
        own = (Set(path, {"takes": flat}),) if wants not in (None, flat) else ()
        yield change("above", f"Give each picture its {flat} features back", Above(path, (whole,), given), *own)
        return
    if len(given) == 1:
        if isinstance(wants, int) and wants != given[0]:
            yield change("takes", f"Let {name_of(path)} take {given[0]} features", Set(path, {"takes": given[0]}))
            yield from pooled_to(mistake, wants)
            yield from more_features(mistake, wants, given[0])
        return
    flat = prod(given)
    if wants is None or wants == flat:
        yield change("flatten", "Flatten first", Above(path, (FLATTEN,), given))
    else:
        more = Set(path, {"takes": flat})
        said = f"Flatten first, and let {name_of(path)} take {flat} features"
        yield change("flatten", said, more, Above(path, (FLATTEN,), given))
    averages = (resized((1,) * (len(given) - 1)), FLATTEN)
    if wants is None or wants == given[0]:
        yield change("gap", "Average each map first", Above(path, averages, given))
    else:
        said = f"Average each map first, and let {name_of(path)} take {given[0]} features"
        yield change("gap", said, Set(path, {"takes": given[0]}), Above(path, averages, given))


def last_axis(mistake: Mistake) -> Iterator[Change]:
    """A fully connected layer that is applied along the last axis, as torch lets it be."""
    layer, given = mistake.layer, mistake.given
    if isinstance(layer, nn.Linear) and given and len(given) > 1:
        said = f"Let {name_of(mistake.path)} take {given[-1]} features of the last axis"
        yield change("last axis", said, Set(mistake.path, {"takes": given[-1]}))


def shaped(mistake: Mistake) -> Iterator[Change]:
    """A layer made for one shape: of the last axes, or of so many features that maps are to be made of."""
    layer, given, path = mistake.layer, mistake.given, mistake.path
    if isinstance(layer, nn.LayerNorm) and given and len(given) >= len(layer.normalized_shape):
        last = given[-len(layer.normalized_shape) :]
        yield change("takes", f"Let {name_of(path)} take {by(last)}", Set(path, {"takes": last}))
    elif isinstance(layer, nn.Unflatten) and given and len(given) == 1:
        wants = prod(int(n) for n in layer.unflattened_size)
        yield from more_features(mistake, wants, given[0])
        features = Piece(linear(wants), f"fc {wants}")
        yield change("above", f"Put a fully connected layer to {wants} features above", Above(path, (features,), given))


def more_features(mistake: Mistake, wants: int, flat: int) -> Iterator[Change]:
    """Let the layers above give as many maps, or features, as are wanted."""
    source = producer(mistake.trail)
    before = value(source.layer, "out") if source else None
    if source and isinstance(before, int) and wants * before % flat == 0 and wants * before // flat >= 1:
        maps = wants * before // flat
        said = f"Let {name_of(source.path)} give {maps} {'features' if is_linear(source.layer) else 'maps'}"
        yield change("out", said, *widened(mistake.trail, maps))


def pooled_to(mistake: Mistake, wants: int, by_itself: tuple[int, ...] | None = None) -> Iterator[Change]:
    """Average the last maps down, or up, to the size that makes as many features as are wanted.

    `by_itself`: how many times smaller they become afterwards in any case.
    """
    last = next((step for step in reversed(mistake.trail) if step.gives and len(step.gives) > 1), None)
    if last is None or last.gives is None:
        return
    smaller = by_itself or (1,) * (len(last.gives) - 1)
    if wants % last.gives[0]:
        one = f"a {by((1,) * len(smaller))} convolution to {wants} maps"
        said = f"Put {one} below {name_of(last.path)}, averaged to {by(smaller)}"
        yield change("resize", said, Below(last.path, (pointwise(wants), resized(smaller)), last.gives))
    elif found := sides(wants // last.gives[0], len(last.gives) - 1, last.gives[1:]):
        size = tuple(n * m for n, m in zip(found, smaller, strict=True))
        said = f"Average the maps of {name_of(last.path)} to {by(size)}"
        yield change("resize", said, Below(last.path, (resized(size),), last.gives))


def sides(area: int, axes: int, near: Shape) -> tuple[int, ...] | None:
    """Sides of that product, all the same where that can be, else as near as can be to the shape of `near`."""
    side = round(area ** (1 / axes))
    if side >= 1 and side**axes == area:
        return (side,) * axes
    if axes != 2:
        return None
    pairs = [(height, area // height) for height in range(1, area + 1) if area % height == 0] if area < 10**6 else []
    return min(pairs, key=lambda pair: abs(pair[0] * near[1] - pair[1] * near[0]), default=None)


def other_outputs(mistake: Mistake) -> Iterator[Change]:
    """Where an operation says no more than its numbers: the layers before it give one of those."""
    trail = mistake.trail
    sources = [i for i, step in enumerate(trail) if value(step.layer, "out") is not None][-SOURCES:]
    for number in dict.fromkeys(mistake.numbers[:NUMBERS]):
        for i in reversed(sources):
            if value(trail[i].layer, "out") != number:
                behind = next((j for j in sources if j > i), len(trail))
                edits = widened(trail[:behind], number)
                yield change("out", f"Let {name_of(trail[i].path)} give {number} maps", *edits)
