"""From an analysis to what a drawing shows of it: volumes, one after another and side by side.

Not every layer is a volume. Norms, activations and whatever else gives back the shape it takes become a stripe of the
volume before them (or, where others read that volume too, of the one after). Reshaping is not drawn at all. What is
left is a graph from the picture to the outputs, and that is read as lanes that part and meet: between two volumes that
every path passes, each part that hangs together is a lane.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise
from math import prod
from typing import Literal

from striate.analysis.result import Analysis, Layer, Shape

Look = Literal[
    "image", "convolution", "pool", "features", "other", "thin", "join", "sum", "product", "module", "omitted"
]

UNSEEN = re.compile(r"flatten|identity|dropout|drop_?path|stochastic|pad|view|reshape|contiguous|permute|transpose")
POOLING = re.compile(r"pool|mean|amax|subsampl")
GROWING = re.compile(r"upsampl|interpolat|shuffle")
STRIPES = re.compile(r"relu|tanh|sigm|silu|swish|elu|mish|softmax|norm")
JUNCTIONS: tuple[tuple[re.Pattern[str], Look], ...] = (
    (re.compile(r"cat|stack|chain"), "join"),
    (re.compile(r"add|sub|sum"), "sum"),
    (re.compile(r"mul"), "product"),
)
DEEPEST = 60  # lanes within lanes; nothing that people build comes near


@dataclass(frozen=True)
class Volume:
    """What is drawn as one thing: a layer and the thin ones that go with it, or a whole module, folded."""

    look: Look
    kind: str
    output: Shape
    layers: tuple[Layer, ...] = ()  # none for the picture
    before: bool = False  # thin layers come first
    after: bool = False  # thin layers come last
    shares: tuple[int, ...] = ()  # the channels that each input of a join brings

    @property
    def is_junction(self) -> bool:
        """Whether it is a place where lanes meet and not a volume of its own."""
        return self.look in ("sum", "product")

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)


@dataclass(frozen=True)
class Lanes:
    """Ways side by side, from the volume before to the volume after. `shortcut`: one of the ways is a bare wire."""

    lanes: tuple[Series, ...]
    shortcut: bool = False


@dataclass(frozen=True)
class Repeat:
    """Copies of a series, of which the first is drawn. `note` says in what they differ, where they do."""

    copies: tuple[Series, ...]
    note: str = ""


Item = Volume | Lanes | Repeat


@dataclass(frozen=True)
class Series:
    """Items one after another, each read by the next. Where lanes cross, `links` are further wires, from the item of
    one index to that of another, and `gaps` are the indices of items that the next one does not read.
    """

    items: tuple[Item, ...]
    links: tuple[tuple[int, int], ...] = ()
    gaps: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Graph:
    """Volumes in the order of the forward pass, the picture first, and the indices of what each one reads."""

    volumes: tuple[Volume, ...]
    reads: tuple[tuple[int, ...], ...]

    def readers(self) -> list[list[int]]:
        """The indices of the volumes that read each volume."""
        found: list[list[int]] = [[] for _ in self.volumes]
        for reader, sources in enumerate(self.reads):
            for source in sources:
                found[source].append(reader)
        return found


def look_of(layer: Layer, given: Sequence[Shape]) -> Look | None:
    """How a layer that reads tensors of the shapes `given` is drawn; None where it is not drawn at all."""
    kind, output, operation = layer.kind.lower(), layer.output, layer.kind in layer.name.split(":")
    weighted: Look | None = ("convolution" if len(output) > 1 else "features") if layer.multiply_adds else None
    if len(given) > 1:
        junction = next((look for pattern, look in JUNCTIONS if pattern.search(kind)), None)
        return junction or weighted or "other"
    if weighted:
        return weighted
    if UNSEEN.search(kind):
        return None
    shape = given[0]
    if POOLING.search(kind) and not (output == shape and "adaptive" in kind):
        return "pool"
    if output == shape:
        return "thin" if not operation or STRIPES.search(kind) else None
    if GROWING.search(kind):
        return "other"
    if operation:
        return None
    shrinks = len(output) == len(shape) > 1 and output[0] == shape[0] and prod(output) < prod(shape)
    return "pool" if shrinks else "other"


def graph_of(analysis: Analysis) -> Graph:
    """A volume for each layer of an analysis that is drawn at all.

    A layer that reads nothing of the picture (arithmetic on weights alone) is left out.
    """
    volumes, reads = [Volume("image", "image", analysis.image)], [()]  # type: list[Volume], list[tuple[int, ...]]
    at, shape = {"": 0}, {"": analysis.image}  # where the output of a layer now comes from, and its shape
    for layer in analysis.layers:
        names = [name for name in layer.inputs if name in at]
        sources = tuple(dict.fromkeys(at[name] for name in names))
        if not sources:
            continue
        look = look_of(layer, list({at[name]: shape[name] for name in names}.values()))
        shares = tuple(shape[name][0] for name in names if shape[name]) if look == "join" else ()
        shape[layer.name] = layer.output
        if look is None:
            at[layer.name] = sources[0]
            continue
        volumes.append(Volume(look, layer.kind, layer.output, (layer,), shares=shares))
        reads.append(sources)
        at[layer.name] = len(volumes) - 1
    return Graph(tuple(volumes), tuple(reads))


def path_of(name: str) -> list[str]:
    """The key path of a layer in parts; an operation is a part of the module that does it.

    >>> path_of("layer1.0:add"), path_of("layer1.0.relu:2")  # the second time that the module is run
    (['layer1', '0', ':add'], ['layer1', '0', 'relu:2'])
    """
    return re.sub(r":(?=\D)", ".:", name).split(".")


def contracted(graph: Graph, depth: int) -> Graph:
    """The graph of a volume a layer with one volume for each module at `depth` whose layers follow one another."""
    paths = [path_of(layer.name) for volume in graph.volumes for layer in volume.layers]
    keys = [(-1,), *(tuple(path[:depth]) if len(path) > depth else (i,) for i, path in enumerate(paths))]
    kept: list[Volume] = []
    home: list[int] = []
    for _, group in groupby(range(len(keys)), key=lambda i: keys[i]):
        members = [graph.volumes[i] for i in group]
        if sum(volume.look != "thin" for volume in members) < 2:
            home += range(len(kept), len(kept) + len(members))
            kept += members
            continue
        layers = tuple(layer for volume in members for layer in volume.layers)
        home += [len(kept)] * len(members)
        kept.append(Volume("module", ".".join(path_of(layers[0].name)[:depth]), members[-1].output, layers))
    reads: list[dict[int, None]] = [{} for _ in kept]
    for i, sources in enumerate(graph.reads):
        reads[home[i]].update({home[s]: None for s in sources if home[s] != home[i]})
    return Graph(tuple(kept), tuple(tuple(r) for r in reads))


def merged(graph: Graph) -> Graph:
    """The graph without thin volumes, where they can be a stripe of the one before or of the one after."""
    volumes, readers = list(graph.volumes), graph.readers()
    home = list(range(len(volumes)))  # the volume in which each one is drawn
    drawn_in = [[i] for i in home]  # and the other way round

    def put(i: int, host: int) -> None:
        for member in drawn_in[i]:
            home[member] = host
        drawn_in[host] += drawn_in[i]
        drawn_in[i] = []

    for i, volume in enumerate(graph.volumes):
        if volume.look == "thin" and readers[graph.reads[i][0]] == [i] and home[graph.reads[i][0]] != 0:
            host = home[graph.reads[i][0]]
            volumes[host] = replace(volumes[host], layers=volumes[host].layers + volume.layers, after=True)
            put(i, host)
    for i in reversed(range(len(volumes))):
        after = readers[drawn_in[i][-1]] if drawn_in[i] else []
        if graph.volumes[i].look != "thin" or len(after) != 1 or len(graph.reads[after[0]]) != 1:
            continue
        host = home[after[0]]
        if volumes[host].look != "thin":
            volumes[host] = replace(volumes[host], layers=volumes[i].layers + volumes[host].layers, before=True)
            put(i, host)
    kept = [i for i in range(len(volumes)) if drawn_in[i]]
    index = {old: new for new, old in enumerate(kept)}
    reads = [
        tuple(dict.fromkeys(index[home[s]] for i in sorted(drawn_in[old]) for s in graph.reads[i] if home[s] != old))
        for old in kept
    ]
    return Graph(tuple(volumes[old] for old in kept), tuple(reads))


def tree_of(graph: Graph) -> Series:
    """The graph as series and lanes, the picture first."""
    readers = graph.readers()
    end = len(graph.volumes)
    outputs = tuple(i for i in range(end) if not readers[i])
    found = _series(graph, (*graph.reads, outputs), range(1, end), 0, end)
    links = tuple((a + 1, b + 1) for a, b in found.links)
    return Series((graph.volumes[0], *found.items), links, frozenset(gap + 1 for gap in found.gaps))


def _series(
    graph: Graph, reads: Sequence[tuple[int, ...]], inner: Sequence[int], first: int, last: int, depth: int = 0
) -> Series:
    """The volumes `inner` as items between the volumes `first` and `last`, without the wire that joins those two.

    Where lanes cross, so that no such reading exists, the volumes come in their order and `links` hold the rest; in
    these, -1 stands for `first` and the number of items for `last`.
    """
    order = [first, *inner, last]
    place = {node: i for i, node in enumerate(order)}
    wires = [(place[s], place[n]) for n in order[1:] for s in reads[n] if s in place and (s, n) != (first, last)]
    items: list[Item] = []
    links: list[tuple[int, int]] = []
    gaps: list[int] = []
    for a, b in pairwise(_cuts(len(order), wires)):
        between, start, stop = order[a + 1 : b], order[a], order[b]
        shortcut = start in reads[stop] and (start, stop) != (first, last)
        parts = _parts(between, reads)
        if depth < DEEPEST and (len(parts) > 1 or (parts and shortcut)):
            lanes = (_series(graph, reads, part, start, stop, depth + 1) for part in parts)
            items.append(Lanes(tuple(lanes), shortcut))
        else:
            shift = len(items) - 1 - a
            here = {wire for wire in wires if a <= wire[0] and wire[1] <= b}
            links += sorted((i + shift, j + shift) for i, j in here if j - i > 1)
            gaps += [i + shift for i in range(a, b) if (i, i + 1) not in here]
            items += [graph.volumes[node] for node in between]
        if stop != last:
            items.append(graph.volumes[stop])
    return Series(tuple(items), tuple(links), frozenset(gaps))


def _cuts(places: int, wires: Sequence[tuple[int, int]]) -> list[int]:
    """The places that no wire goes past, the first and the last among them."""
    change = [0] * (places + 1)
    for start, stop in wires:
        change[start + 1] += 1
        change[stop] -= 1
    return [place for place, passing in enumerate(accumulate(change[:places])) if passing == 0]


def _parts(nodes: Sequence[int], reads: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """The nodes in parts that hang together, each in order, the parts by their first nodes."""
    part = {node: [node] for node in nodes}
    for node in nodes:
        for source in reads[node]:
            if source in part and part[source] is not part[node]:
                both = sorted(part[source] + part[node])
                part.update(dict.fromkeys(both, both))
    return sorted({id(p): p for p in part.values()}.values())
