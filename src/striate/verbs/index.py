"""An index of pictures, to search them by what a network sees in them."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.settings import setting

if TYPE_CHECKING:
    from striate.features.index import Index
    from striate.networks import Net
    from striate.verbs.features import Seen


@dataclass(frozen=True, kw_only=True)
class IndexSettings:
    """Which pictures to index by which network."""

    data: str = setting(positional="DATA", meaning="a data set by name, or a folder or file; labels are not needed")
    output: Path = setting(short="o", meaning="the index to write: a file, or a folder that is there")
    net: str = setting(meaning="a network with public weights, or the folder of a run")
    weights: str | None = setting(None, meaning="other weights for --net: a file, or a name that striate zoo lists")
    layer: str | None = setting(
        None, meaning="the layer to compare by, as striate show names it; before the classifier"
    )
    data_dir: Path | None = setting(None, meaning="where the files of a named data set are already")
    format: str | None = setting(None, meaning="the layout of the data, where it can be read in several ways")
    precision: str = setting("float32", choices=("float32", "bfloat16"), meaning="what to compute in")


@dataclass(frozen=True, eq=False)
class Indexed:
    """An index that was written, and what was seen on the way."""

    index: Index
    seen: Seen


def index(
    data: Any,
    output: str | PathLike[str],
    net: Net | Path = "efficientnet_lite0",
    *,
    weights: str | Path | None = None,
    layer: str | None = None,
    **reading: Any,
) -> Indexed:
    """Write an index of the pictures of `data` to `output`, for `striate.search`.

    `data`: as `striate.read` takes it, or a folder of pictures without labels. `net`, `weights`, `layer`: what to
    compare them by, as `striate.load` and `Model.features` take them. `reading`: data_dir, format, precision. Raises
    `DataError`, `ConfigError`, and what `striate.load` raises.
    """
    from striate.features.index import build, save_index
    from striate.verbs.features import seen

    found = seen(data, net, weights, layer, **reading)
    table = found.table
    assert table.card is not None
    made = build(table.features, table.files, table.card, labels=table.labels)
    save_index(Path(output), made)
    return Indexed(made, found)
