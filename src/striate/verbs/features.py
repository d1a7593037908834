"""What a network sees in pictures, as numbers in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike, fspath, sep
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import DataError
from striate.settings import setting

if TYPE_CHECKING:
    from striate.features.asked import Asked
    from striate.features.table import Table
    from striate.model import Model
    from striate.networks import Net


@dataclass(frozen=True, kw_only=True)
class FeaturesSettings:
    """Which pictures to show to which network, and where to write what it sees."""

    data: str = setting(positional="DATA", meaning="a data set by name, or a folder or file; labels are not needed")
    net: str = setting(meaning="a network with public weights, or the folder of a run")
    weights: str | None = setting(None, meaning="other weights for --net: a file, or a name that striate zoo lists")
    layer: str | None = setting(None, meaning="the layer to take, as striate show names it; before the classifier")
    output: Path = setting(short="o", meaning="the file to write: .parquet or .npz")
    data_dir: Path | None = setting(None, meaning="where the files of a named data set are already")
    format: str | None = setting(None, meaning="the layout of the data, where it can be read in several ways")
    precision: str = setting("float32", choices=("float32", "bfloat16"), meaning="what to compute in")


@dataclass(frozen=True, eq=False)
class Seen:
    """`table`: what `model` sees in the pictures that can be read; `unreadable`: the reason by file of the others.

    `notes`: oddities of the data, one line each.
    """

    model: Model
    table: Table
    unreadable: dict[str, str]
    notes: tuple[str, ...] = ()


def features(
    data: Any,
    net: Net | Path,
    output: str | PathLike[str],
    *,
    weights: str | Path | None = None,
    layer: str | None = None,
    **reading: Any,
) -> Seen:
    """Write what `net` sees in the pictures of `data` to `output`, a .parquet or .npz file.

    `data`: as `striate.read` takes it, or a folder of pictures without labels. `net`, `weights`: as `striate.load`
    takes them. `layer`: its name; None: what the classifier is given. `reading`: as of `seen`. Raises `DataError`,
    `ConfigError`, and what `striate.load` raises.
    """
    from striate.features.table import check_ending, write_table

    path = Path(output)
    check_ending(path)
    found = seen(data, net, weights, layer, **reading)
    write_table(path, found.table)
    return found


def seen(
    data: Any,
    net: Net | Path,
    weights: str | Path | None = None,
    layer: str | None = None,
    *,
    data_dir: Path | None = None,
    format: str | None = None,
    precision: str = "float32",
    step: Callable[[], None] = lambda: None,
) -> Seen:
    """What `net` sees in the pictures of `data`. `step` is called after each picture."""
    import torch

    from striate.features.card import Card
    from striate.features.stream import Stream
    from striate.features.table import table
    from striate.model import load
    from striate.training.allocator import keep_memory

    keep_memory(threads_compute=True)
    model = load(net, weights)
    known: list[tuple[str, str]] = []
    pictures, about, notes = _pictures(data, data_dir, format, known)
    parts: list[torch.Tensor] = []
    files: list[str] = []
    kept: list[int] = []
    unreadable: dict[str, str] = {}
    done = 0
    for chunk in Stream(model, "features", layer, precision=precision).of(pictures):
        good = [place for place in range(len(chunk.files)) if place not in chunk.reasons]
        if good:
            parts.append(chunk.rows)
        files += [chunk.files[place] for place in good]
        kept += [done + place for place in good]
        unreadable |= {chunk.files[place]: reason for place, reason in chunk.reasons.items()}
        done += len(chunk.files)
        for _ in chunk.files:
            step()
    if not parts:
        why = next(iter(unreadable.values()), f"{data}: holds no picture.")
        raise DataError(f"no picture can be read, so there are no features: {why}")
    source = tuple(map(str, (net,) if weights is None else (net, weights))) if isinstance(net, str | Path) else ()
    card = Card.of(model, layer, source=source, data=about)
    labels, splits = zip(*(known[place] for place in kept), strict=True) if known else (None, None)
    found = table(torch.cat(parts), files, labels=labels, splits=splits, card=card, where=str(data))
    return Seen(model, found, unreadable, notes)


def _pictures(
    data: Any, data_dir: Path | None, format: str | None, known: list[tuple[str, str]]
) -> tuple[Iterator[Asked], tuple[str, ...], tuple[str, ...]]:
    """The pictures, the name and fingerprint of the data set, and notes.

    `known` fills as they are taken, with the label and the part of each; it stays empty where there are no labels.
    """
    from striate.data.below import pictures_below
    from striate.data.read import read
    from striate.features.asked import from_files, from_part

    if format is None and _without_labels(data):
        path = Path(data).expanduser()
        return from_files(pictures_below(path)), (path.resolve().name,), ()
    dataset = read(data, data_dir=data_dir, format=format)

    def all_parts() -> Iterator[Asked]:
        for split, part in dataset.parts:
            for label, one in zip(part.labels.tolist(), from_part(part, split), strict=True):
                known.append((dataset.classes[label], split))
                yield one

    return all_parts(), (dataset.name, dataset.fingerprint()), tuple(dataset.notes)


def _without_labels(data: Any) -> bool:
    """Whether `data` is a folder of pictures of no layout that has labels, or most lie in no class, or one picture."""
    from striate.data.below import pictures_below
    from striate.data.formats.folder import SUFFIXES
    from striate.data.marks import data_sets
    from striate.data.read import recognised

    if not isinstance(data, str | PathLike):
        return False
    text = fspath(data)
    path = Path(text).expanduser()
    if not {sep, "/"} & set(text) and text in data_sets:
        return False
    if not path.is_dir():
        return path.is_file() and path.suffix.lower() in SUFFIXES
    layouts = recognised(path)
    if layouts == ["folder"]:  # photographs with a folder or two among them are not sorted by class
        beside = [file.parent == path for file in pictures_below(path)]
        return 2 * sum(beside) > len(beside)
    return not layouts
