"""The pictures of an index that look most like others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError, DataError, StriateError
from striate.settings import setting

if TYPE_CHECKING:
    from striate.features.index import Index
    from striate.model import Model
    from striate.networks import Net

MOST_QUERIES = 5000  # of an evaluation; of a larger index they are drawn evenly
AT_ONCE = 2**22  # similarities that are sorted together
PLACES = (1, 5, 10)  # at which recall and precision are told


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """What to look for in which index."""

    index: Path = setting(positional="INDEX", meaning="what striate index wrote")
    images: list[Path] | None = setting(None, positional="IMAGE", meaning="picture files, or folders of them")
    k: int = setting(10, short="k", meaning="how many pictures to find for each", low=1, high=1_000_000)
    gallery: Path | None = setting(None, meaning="write a page with the pictures into this .html file")
    evaluate: bool = setting(False, meaning="how good the index is: each picture looks for others with its label")
    net: str | None = setting(None, meaning="the network or run that made the index, where it lies elsewhere now")
    weights: str | None = setting(None, meaning="the weights of --net, where they are not its usual ones")


@dataclass(frozen=True)
class Hit:
    """A picture that was found: its cosine with the query, -1..1, and its label where that is known."""

    file: str
    similarity: float
    label: str | None


@dataclass(frozen=True)
class Found:
    """What was found for one picture, the most similar first."""

    query: str
    results: tuple[Hit, ...]

    def as_json(self) -> dict[str, Any]:
        return {"query": self.query, "results": [asdict(hit) for hit in self.results]}


@dataclass(frozen=True)
class Searched:
    """`found`: one for each picture that can be read; `unreadable`: the reason by file of the others."""

    found: tuple[Found, ...]
    unreadable: dict[str, str] = field(default_factory=dict)
    entries: int = 0
    network: str = ""


@dataclass(frozen=True)
class Ranking:
    """How well an index finds pictures of one label: each of `queries` looks for the others, itself left out.

    `recall_at`, `precision_at`: by the number of results. `alone`: pictures that no other has the label of; they are
    no queries.
    """

    mean_average_precision: float
    recall_at: dict[int, float]
    precision_at: dict[int, float]
    queries: int
    entries: int
    alone: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def search(
    index: str | Path,
    images: str | Path | Sequence[str | Path],
    k: int = 10,
    *,
    net: Net | Path | None = None,
    weights: str | Path | None = None,
) -> Searched:
    """The `k` pictures of `index` most like each of `images`, which are files or folders of them.

    The network is the one that made the index, from where it was then; `net` and `weights` say where it is now. Raises
    `DataError` where it is another one, or no image can be read, and what `striate.load` raises.
    """
    from striate.data.below import pictures_below
    from striate.features import index as indexes
    from striate.features.asked import from_files
    from striate.features.stream import Stream
    from striate.training.allocator import keep_memory

    keep_memory(threads_compute=True)
    opened = indexes.load_index(Path(index))
    model = _model(opened, Path(index), net, weights)
    given = [Path(each) for each in ([images] if isinstance(images, str | Path) else images)]
    unreadable: dict[str, str] = {}
    files = (file for path in given for file in pictures_below(path, unreadable.__setitem__))
    found: list[Found] = []
    for chunk in Stream(model, "features", opened.card.layer).of(from_files(files)):
        unreadable |= {chunk.files[place]: reason for place, reason in chunk.reasons.items()}
        good = [file for place, file in enumerate(chunk.files) if place not in chunk.reasons]
        if good:
            similarities, places = indexes.search(opened, chunk.rows, k)
            found += [
                Found(file, _hits(opened, *pair))
                for file, pair in zip(good, zip(similarities.tolist(), places.tolist(), strict=True), strict=True)
            ]
    if not found and not unreadable:
        raise DataError(f"{', '.join(map(str, given))}: holds no picture to search for.")
    return Searched(tuple(found), unreadable, len(opened), opened.card.network)


def rank(index: str | Path) -> Ranking:
    """How well an index finds pictures of one label. `DataError` where labels are not known, or no two are the same."""
    import torch

    from striate.features.index import load_index
    from striate.metrics.retrieval import mean_average_precision, precision_at, ranked, recall_at

    opened = load_index(Path(index))
    if opened.labels is None:
        raise DataError(f"{index}: its pictures have no labels. Make it from a folder of folders, one a class.")
    names = {name: number for number, name in enumerate(sorted(set(opened.labels)))}
    labels = torch.tensor([names[name] for name in opened.labels])
    counts = torch.bincount(labels)
    able = (counts[labels] > 1).nonzero()[:, 0]
    if not len(able):
        raise DataError(f"{index}: no two of its pictures have the same label, so nothing can be found again.")
    if len(able) > MOST_QUERIES:
        able = able[torch.linspace(0, len(able) - 1, MOST_QUERIES).long()]
    sums = torch.zeros(1 + 2 * len(PLACES), dtype=torch.float64)
    for some in able.split(max(1, AT_ONCE // len(opened))):
        relevant = ranked(opened.features[some] @ opened.features.T, labels[some], labels, some)
        told = [mean_average_precision(relevant), *(f(relevant, k) for f in (recall_at, precision_at) for k in PLACES)]
        sums += len(some) * torch.tensor(told, dtype=torch.float64)
    mean, *rest = (sums / len(able)).tolist()
    at_recall, at_precision = (
        dict(zip(PLACES, part, strict=True)) for part in (rest[: len(PLACES)], rest[len(PLACES) :])
    )
    return Ranking(mean, at_recall, at_precision, len(able), len(opened), int((counts == 1).sum()))


def _model(opened: Index, path: Path, net: Net | Path | None, weights: str | Path | None) -> Model:
    """The network of an index, proved to be the one that made it."""
    from striate.features.card import Card
    from striate.model import load

    card = opened.card
    if net is None:
        if weights is not None:
            raise ConfigError("--weights belongs to --net. Give both, or leave both out.")
        model = source_model(card, str(path))
    else:
        model = load(net, weights)
    Card.of(model, card.layer).require(card, str(path))
    return model


def source_model(card: Any, where: str) -> Model:
    """The network that `card` says features were made by, from where it was; `ConfigError` where it is no more."""
    from striate.model import load
    from striate.networks import refer

    if not card.source:
        raise ConfigError(f"{where}: was made by {card.network}, and does not say where that is. Give --net.")
    net, *weights = card.source
    if weights and refer(net).kind == "file":
        raise ConfigError(
            f"{where}: was made by Python code, which no file may start. If you trust it, give --net {net} --weights "
            f"{weights[0]}."
        )
    try:
        return load(*card.source)
    except StriateError as error:
        raise ConfigError(
            f"{where}: was made by {' '.join(card.source)}. Give --net, where that is now: {error}"
        ) from None


def _hits(opened: Index, similarities: Sequence[float], places: Sequence[int]) -> tuple[Hit, ...]:
    return tuple(
        Hit(
            opened.files[place],
            max(-1.0, min(1.0, similarity)),
            None if opened.labels is None else opened.labels[place],
        )
        for similarity, place in zip(similarities, places, strict=True)
    )
