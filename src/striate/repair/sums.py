"""Changes for shapes that cannot be added, joined or reshaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod

from torch import nn

from striate.layers.branches import Branches, branches
from striate.layers.skip import Skip, skip
from striate.layers.unpool import unpooled
from striate.repair.changes import (
    FLATTEN,
    Around,
    Below,
    Change,
    Edit,
    Instead,
    Piece,
    Set,
    Shape,
    change,
    pointwise,
    resized,
    window,
)
from striate.repair.channels import more_features, name_of, pooled_to, widened
from striate.repair.layers import by, value
from striate.repair.mistake import Mistake, Step
from striate.repair.operations import ADDS, JOINS, PRODUCTS, RESHAPES
from striate.repair.windows import is_pool, same_size, window_of
from striate.rows import linear

SHORTCUTS = ("downsample", "shortcut", "skip", "projection", "proj", "residual", "identity", "match")


def added(mistake: Mistake) -> Iterator[Change]:
    """A skip whose two shapes differ."""
    structure = isinstance(mistake.layer, (skip, Skip, unpooled))
    if len(mistake.parts) != 2 or not (structure or mistake.operation in ADDS):
        return
    body, around = mistake.parts
    axes = max(len(body), len(around)) - 1
    if isinstance(mistake.layer, (skip, Skip)):
        yield from ways_around(mistake, body)
    elif not structure:
        yield from shortcuts(mistake, body, around)
    maps = [step for step in mistake.inside if step.path[len(mistake.path) :][:1] != ("shortcut",)]
    wider = widened(tuple(maps), around[0]) if body[0] != around[0] else ()
    if wider and body[1:] == around[1:]:
        yield change("out", f"Let the body give {around[0]} maps", *wider)
    kept = [Set(step.path, sizes) for step in maps if (sizes := same_size(step, axes))]
    if kept:
        yield change("same", "Keep the size of the maps in the body", *kept, *wider)
        strides = [Set(step.path, {"stride": 1}) for step in maps if strided(step, axes)]
        if strides:
            yield change("same", "Take no strides in the body", *strides, *wider)
    for one, wants in ((body, around), (around, body)):
        gate = len(one) == len(wants) and set(wants[1:]) == {1}  # maps of one pixel are spread over the others
        other = (wants[0], *one[1:]) if gate else wants
        last = next((step for step in reversed(mistake.inside or mistake.trail) if step.gives == one), None)
        if last is not None and (pieces := projection(one, other)):
            said = f"Put {words_for(pieces, one, other)} below {name_of(last.path)}"
            yield change("below", said, Below(last.path, pieces, one))
    if isinstance(mistake.layer, (skip, Skip)):
        yield change("around", "Leave the way around out", Around(mistake.path, (), body))


def strided(step: Step, axes: int) -> bool:
    sizes = window_of(step.layer, axes)
    return sizes is not None and max(sizes[1]) > 1


def ways_around(mistake: Mistake, body: Shape) -> Iterator[Change]:
    """Projections of what comes in to what the body gives."""
    given = mistake.given
    if given is not None and (pieces := projection(given, body)):
        said = f"Put {words_for(pieces, given, body)} on the way around"
        yield change("shortcut", said, Around(mistake.path, pieces, given))


def shortcuts(mistake: Mistake, body: Shape, around: Shape) -> Iterator[Change]:
    """The same for a module of the user's: where it has a shortcut that does nothing, that becomes a projection."""
    for step in reversed(mistake.inside):
        if type(step.layer) is nn.Identity and step.given in (body, around):
            wants = around if step.given == body else body
            if pieces := projection(step.given, wants):
                said = f"Make {name_of(step.path)} {words_for(pieces, step.given, wants)}"
                yield change("shortcut", said, Instead(step.path, pieces, step.given))
    if not isinstance(mistake.layer, nn.Module) or mistake.given is None:
        return
    for name in SHORTCUTS:
        if hasattr(mistake.layer, name) and getattr(mistake.layer, name) is None:
            for wants in (body, around):
                if wants != mistake.given and (pieces := projection(mistake.given, wants)):
                    path = (*mistake.path, name)
                    said = f"Make {name_of(path)} {words_for(pieces, mistake.given, wants)}"
                    yield change("shortcut", said, Instead(path, pieces, mistake.given))


def projection(given: Shape, wants: Shape) -> tuple[Piece, ...] | None:
    """What makes one shape of another: a 1x1 convolution with a stride, a larger one, or averages; None if nothing."""
    if len(given) == len(wants) == 1:
        return (Piece(linear(wants[0]), f"fc {wants[0]}"),)
    if len(wants) == 1:
        return FLATTEN, Piece(linear(wants[0]), f"fc {wants[0]}")
    if len(given) != len(wants):
        return None
    steps = tuple(-(-n // m) for n, m in zip(given[1:], wants[1:], strict=True))
    if all((n - 1) // s + 1 == m for n, s, m in zip(given[1:], steps, wants[1:], strict=True)):
        return (pointwise(wants[0], steps[0] if len(set(steps)) == 1 else steps),)
    if all(n >= m for n, m in zip(given[1:], wants[1:], strict=True)):
        kernel = tuple(n - m + 1 for n, m in zip(given[1:], wants[1:], strict=True))
        if max(kernel) <= 11:
            return (window(wants[0], kernel),)
    return pointwise(wants[0]), resized(wants[1:])


def words_for(pieces: tuple[Piece, ...], given: Shape, wants: Shape) -> str:
    """The pieces of a projection, for people."""
    axes = len(given) - 1
    if len(wants) == 1:
        return f"a fully connected layer to {wants[0]} features"
    if len(pieces) > 1:
        return f"a {by((1,) * axes)} convolution to {wants[0]} maps, averaged to {by(wants[1:])},"
    kernel, stride = value(pieces[0].row, "kernel"), value(pieces[0].row, "stride")
    size = by(kernel if isinstance(kernel, tuple) else (kernel,) * axes)
    every = "" if stride == 1 else f" with stride {stride if isinstance(stride, int) else by(stride)}"
    return f"a {size} convolution to {wants[0]} maps{every}"


def joined(mistake: Mistake) -> Iterator[Change]:
    """Branches that give different sizes."""
    parts = mistake.parts
    if len(parts) < 2 or not (isinstance(mistake.layer, (branches, Branches)) or mistake.operation in JOINS):
        return
    if len({len(part) for part in parts}) > 1:
        mixed = [(i, part) for i, part in enumerate(parts) if len(part) > 1]
        edits = [edit for i, part in mixed if (edit := below(mistake, i, part, (FLATTEN,)))]
        yield change("flatten", "Flatten the other branches too", *edits)
        return
    axes = len(parts[0]) - 1
    sizes = Counter(part[1:] for part in parts)
    for target, _ in sizes.most_common():
        off = [i for i, part in enumerate(parts) if part[1:] != target]
        named = " and ".join(branch_name(mistake, i) for i in off)
        same = [Set(s.path, new) for i in off for s in branch(mistake, i) if (new := same_size(s, axes))]
        if same:
            yield change("same", f"Keep the size of the maps in {named}", *same)
        last = [next((s for s in reversed(branch(mistake, i)) if window_of(s.layer, axes)), None) for i in off]
        strides = [stride_to(mistake, step, parts[i], target, axes) for i, step in zip(off, last, strict=True)]
        if strides and all(strides):
            yield change("stride", f"Stride in {named} as the others do", *(edit for edit in strides if edit))
        resize = [edit for i in off if (edit := below(mistake, i, parts[i], (resized(target),)))]
        if len(resize) == len(off):
            yield change("resize", f"Average {named} to {by(target)}", *resize)


def stride_to(mistake: Mistake, step: Step | None, gives: Shape, target: Shape, axes: int) -> Edit | None:
    """The stride with which the last window of a branch gives the target's size, if there may be one."""
    if step is None or (is_pool(step.layer) and value(step.layer, "stride") is None):
        return None
    steps = tuple(round(n / m) for n, m in zip(gives[1:], target, strict=True))
    own = (window_of(step.layer, axes) or ((), ()))[1]
    new = tuple(max(1, s * step) for s, step in zip(steps, own, strict=True))
    return Set(step.path, {"stride": new[0] if len(set(new)) == 1 else new}) if min(steps) >= 1 and new != own else None


def branch(mistake: Mistake, i: int) -> list[Step]:
    """The layers of one branch, where branches are known apart."""
    names = branch_names(mistake)
    if names is None:
        shape = mistake.parts[i]
        ends = [at for at, step in enumerate(mistake.inside) if step.gives == shape]
        return list(mistake.inside[: ends[-1] + 1]) if ends else []
    depth = len(mistake.path)
    return [step for step in mistake.inside if step.path[depth : depth + 1] and step.path[depth] in names[i]]


def branch_names(mistake: Mistake) -> list[list[str]] | None:
    """For each branch, the names of the rows that it is made of."""
    if isinstance(mistake.layer, Branches):
        return mistake.layer.order
    if isinstance(mistake.layer, branches):
        return [*([*chain] for chain in mistake.layer.chains), *([name] for name in mistake.layer.rows)]
    return None


def branch_name(mistake: Mistake, i: int) -> str:
    names = branch_names(mistake)
    return names[i][-1] if names else f"part {i + 1}"


def below(mistake: Mistake, i: int, part: Shape, pieces: tuple[Piece, ...]) -> Edit | None:
    """`pieces` below the end of a branch."""
    names = branch_names(mistake)
    if names is not None:
        return Below((*mistake.path, names[i][-1]), pieces, part)
    last = next((step for step in reversed(mistake.inside or mistake.trail) if step.gives == part), None)
    return Below(last.path, pieces, part) if last is not None else None


def reshaped(mistake: Mistake) -> Iterator[Change]:
    """A reshape or a product in a module's own forward that needs other features than there are."""
    if mistake.operation not in (*RESHAPES, *PRODUCTS) or not mistake.wants:
        return
    wants = mistake.wants
    last = next((step for step in reversed(mistake.trail) if step.gives), None)
    yield from pooled_to(mistake, wants, shrunk(last, mistake.parts[0]) if last is not None and mistake.parts else None)
    if mistake.parts:
        yield from more_features(mistake, wants, prod(mistake.parts[0]))


def shrunk(last: Step, arrives: Shape) -> tuple[int, ...] | None:
    """By how much the module's own forward makes the maps of its last layer smaller; None where it cannot be told."""
    gives = last.gives or ()
    if (
        len(gives) != len(arrives)
        or gives[:1] != arrives[:1]
        or any(m < 1 or n % m for n, m in zip(gives, arrives, strict=True))
    ):
        return None
    return tuple(n // m for n, m in zip(gives[1:], arrives[1:], strict=True))
