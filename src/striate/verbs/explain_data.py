"""What a network makes of a data set: the patches that excite a channel most, and all pictures as one plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from striate.analysis.unit_view import unit_view
from striate.data.loader import Loader
from striate.data.read import read
from striate.data.records import DataSet, Part, Pictures
from striate.errors import ConfigError, DataError
from striate.explain.embedding import embedding as plane_of
from striate.explain.embedding_sheet import embedding_sheet
from striate.explain.field_sheet import Exciting, exciting_sheet
from striate.verbs.explain import Explained, ExplainSettings
from striate.verbs.explain_inside import by_channel, explained, layer_of

if TYPE_CHECKING:
    from striate.model import Model

AT_ONCE = 64  # pictures
PATCHES = 18
EMBEDDED = 1000  # pictures of an embedding, where nobody says how many
THUMBNAIL = 144  # pixels


@dataclass(frozen=True)
class Batch:
    """Some pictures of a part: their positions, (n, c, h, w) uint8 as the network takes them, what a layer gives."""

    index: Tensor
    pixels: Tensor
    output: Tensor


def exciting(model: Model, asked: ExplainSettings, data: Any, said: str) -> Explained:
    """The sheet of the pictures that excite a channel most, cut to its receptive field."""
    found = read(data if data is not None else asked.data)
    part = chosen(found, asked.most)
    zeros = torch.zeros(1, *model.preprocess.image)
    layer = layer_of(model, asked.layer, zeros, "exciting")
    best = Strongest(PATCHES)
    shape: tuple[int, ...] = ()
    for batch in looked_through(model, part, layer.partition(":")[0]):
        output = by_channel(batch.output, zeros).float()
        shape = tuple(output.shape[1:])
        if asked.channel is not None and asked.channel >= shape[0]:
            raise ConfigError(f"explain: channel is {asked.channel}; layer '{layer}' has channels 0 to {shape[0] - 1}.")
        best.add(batch.index, output)
    if not best.pictures:
        raise DataError(f"{found.name}: none of its {len(part):,} pictures can be read. Run striate check on it.")
    channel = best.choosiest() if asked.channel is None else asked.channel
    places = [places_of(int(at), shape[1:]) for at in best.places[:, channel]]
    views = unit_view(model.net, model.preprocess.image, layer.partition(":")[0], places)
    patches, told = [], []
    for row, (place, view) in enumerate(zip(places, views, strict=True)):
        index, value = int(best.index[row, channel]), float(best.values[row, channel])
        rows, columns = (one or (0, size - 1) for one, size in zip(view.seen, model.preprocess.image[1:], strict=True))
        pixels = part.pixels(index, model.preprocess)[:, rows[0] : rows[1] + 1, columns[0] : columns[1] + 1]
        label = found.classes[int(part.labels[index])]
        name = label if isinstance(part, Pictures) else part.name(index)
        patches.append(Exciting(pixels, value, name))
        told.append({"picture": part.name(index), "label": label, "value": value, "unit": [channel, *place]})
    image = exciting_sheet(patches, layer, channel, of=best.pictures)
    facts = {"method": "exciting", "layer": layer, "channel": channel, "data": found.name, "patches": told}
    words = f"channel {channel} of layer {layer}: {len(patches)} patches of {best.pictures:,} pictures of {found.name}"
    return explained(image, {**facts, "pictures": best.pictures}, words, said)


def embedding(model: Model, asked: ExplainSettings, data: Any, said: str) -> Explained:
    """The sheet of a data set as a plane: what a layer, or the classifier, is given, projected."""
    found = read(data if data is not None else asked.data)
    part = chosen(found, asked.most or EMBEDDED)
    if asked.layer is not None:
        layer_of(model, asked.layer, torch.zeros(1, *model.preprocess.image), "embedding")
    features, thumbnails, index = [], [], []
    for batch in looked_through(model, part, asked.layer):
        features.append(batch.output.float().flatten(2).mean(2) if batch.output.ndim > 2 else batch.output.float())
        thumbnails += small(batch.pixels)
        index.append(batch.index)
    if not features:
        raise DataError(f"{found.name}: none of its {len(part):,} pictures can be read. Run striate check on it.")
    method = asked.projection or "pca"
    points = plane_of(torch.cat(features), method, seed=asked.seed)
    labels = part.labels[torch.cat(index)].tolist()
    where = f"layer {asked.layer}" if asked.layer else "the input of the classifier"
    words = [
        f"{where} of {model.reference.text}, by {'t-SNE' if method == 'tsne' else 'PCA'}",
        *([said] if said else []),
    ]
    title = f"{found.name} as {model.reference.text} sees it"
    image = embedding_sheet(points, thumbnails, labels, classes=found.classes, title=title, words=words)
    facts = {"method": "embedding", "layer": asked.layer, "projection": method, "data": found.name}
    return explained(image, {**facts, "pictures": len(points)}, f"{len(points):,} pictures: {words[0]}", said)


def chosen(data: DataSet, most: int | None) -> Part:
    """All pictures of a data set, or `most` of them at equal distances."""
    whole = data.whole()
    if most is None or most >= len(whole):
        return whole
    return whole.take(torch.linspace(0, len(whole) - 1, most).round().long())


def looked_through(model: Model, part: Part, layer: str | None) -> Iterator[Batch]:
    """The pictures that can be read, some at a time, with what `layer` (None: before the classifier) makes of them."""
    with Loader(part, model.preprocess, memory=0) as loader:
        for batch in loader.batches(torch.arange(len(part)).split(AT_ONCE)):
            if len(batch.index):
                yield Batch(batch.index, batch.pixels, model.features(batch.pixels, layer))


class Strongest:
    """Of every channel the `most` pictures with the largest values, each with the place of that value.

    `values`, `index`, `places`: (k, channels), the largest first; `pictures`: that were seen.
    """

    def __init__(self, most: int):
        self.most, self.pictures = most, 0
        self.values = self.index = self.places = torch.empty(0)
        self._sum = self._squares = torch.zeros(())

    def add(self, index: Tensor, output: Tensor) -> None:
        """Look at `output` (n, channels, ...) of the pictures at `index` (n,)."""
        flat = output.flatten(2) if output.ndim > 2 else output[:, :, None]
        values, places = flat.max(2)
        index = index[:, None].expand(-1, values.shape[1])
        self._sum, self._squares = self._sum + values.sum(0), self._squares + values.square().sum(0)
        self.pictures += len(values)
        if self.values.ndim == 2:
            values, index, places = (
                torch.cat(pair) for pair in ((self.values, values), (self.index, index), (self.places, places))
            )
        self.values, order = values.topk(min(self.most, len(values)), 0)
        self.index, self.places = index.gather(0, order), places.gather(0, order)

    def choosiest(self) -> int:
        """The channel whose largest values stand out most from those that it usually gives."""
        mean = self._sum / self.pictures
        deviation = (self._squares / self.pictures - mean.square()).clamp(min=0).sqrt()
        return int(((self.values.mean(0) - mean) / deviation.clamp(min=1e-6 * float(deviation.max()) + 1e-12)).argmax())


def places_of(at: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The place along each axis of number `at` of maps of `sizes`.

    >>> places_of(13, (4, 5)), places_of(0, ())
    ((2, 3), ())
    """
    return tuple(at // prod(sizes[axis + 1 :]) % size for axis, size in enumerate(sizes))


def small(pixels: Tensor) -> list[Tensor]:
    """Pictures (n, c, h, w) uint8 no larger than a thumbnail needs."""
    longest = max(pixels.shape[2:])
    if longest <= THUMBNAIL:
        return list(pixels)
    size = [max(1, round(side * THUMBNAIL / longest)) for side in pixels.shape[2:]]
    return list(interpolate(pixels.float(), size, mode="bilinear", antialias=True).round().clamp(0, 255).byte())
