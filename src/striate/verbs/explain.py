"""Why a network answers as it does, with a grade on every map, and what it has inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError, UnknownName
from striate.settings import checked, setting

if TYPE_CHECKING:
    from PIL.Image import Image

    from striate.model import Model
    from striate.networks import Net

ALL = "all"
PICTURED = ("activations", "receptive_field")  # what is inside, shown by a picture
OF_DATA = ("exciting", "embedding")
INSIDE = ("kernels", *PICTURED, *OF_DATA)
BELONGS = {  # which methods take an option, beside the explanations of an answer
    "channel": ("exciting",),
    "unit": ("receptive_field",),
    "data": OF_DATA,
    "most": OF_DATA,
    "projection": ("embedding",),
    "layer": ("kernels", "receptive_field", *OF_DATA),
    "target": (),
}


@dataclass(frozen=True)
class ExplainSettings:
    """What to explain of which network, and how."""

    source: str = setting(positional="RUN|NET", meaning="the folder of a run, or a network")
    pictures: list[Path] | None = setting(None, positional="IMAGE", meaning="the pictures to explain")
    method: str = setting("grad_cam", meaning=f"how: an explanation, all of them ({ALL}), or {', '.join(INSIDE)}")
    all_: bool = setting(False, meaning=f"the same as --method {ALL}")
    weights: str | None = setting(None, meaning="weights of NET: a file, a public name, or random")
    image: tuple[int, ...] | None = setting(None, meaning="the picture that NET takes; its own")
    net: str | None = setting(None, meaning="the run's own Python code once more")
    target: str | None = setting(None, meaning="the class to explain, its name or number; the answer")
    layer: str | None = setting(None, meaning="the layer, as `striate show` names it; chosen")
    channel: int | None = setting(None, meaning="exciting: the channel, counted from 0; the choosiest", low=0)
    unit: str | None = setting(None, meaning="receptive_field: channel,row,column from 0; the most active one")
    data: str | None = setting(None, meaning="exciting, embedding: a data set by name, or a folder or file")
    most: int | None = setting(None, meaning="pictures of --data to look at, evenly chosen; embedding 1000", low=3)
    projection: str | None = setting(None, meaning="embedding: how to the plane; pca", choices=("pca", "tsne"))
    seed: int = setting(0, meaning="of all that is random", low=0)
    out: Path | None = setting(None, short="o", meaning="write the sheet here; explain.png otherwise")


@dataclass(frozen=True)
class Explained:
    """A finished sheet. `told`: what a program is told of it, one object a map; `words`: what a person is."""

    image: Image
    told: tuple[dict[str, Any], ...]
    words: tuple[str, ...]

    def as_json(self, file: Path) -> list[dict[str, Any]]:
        """The objects with the `file` that the sheet was written to."""
        return [{**one, "file": str(file)} for one in self.told]


def explain(
    source: Model | Net | Path, pictures: Sequence[str | Path] = (), *, net: Net | None = None, **settings: Any
) -> list[Explained]:
    """The sheets of what `source` (a run, a network or a model) sees: one a picture, or one in all.

    `settings`: method, weights, image, target, layer, channel, unit, data, most, projection and seed, as the command
    has them; `data` may be whatever `striate.read` takes. Nothing is written. Raises `UnknownName`, `ConfigError`,
    `DataError`.
    `Model.explain` gives the maps themselves.
    """
    from striate.verbs.explain_data import embedding, exciting
    from striate.verbs.explain_inside import activation, field, kernel
    from striate.verbs.explain_model import opened

    data = settings.get("data")
    values = {**settings, "source": source if isinstance(source, str) else "model"}
    values |= {"pictures": [str(one) for one in pictures]} if pictures else {}
    values |= {} if isinstance(data, str) or data is None else {"data": str(data) if isinstance(data, Path) else "data"}
    asked = checked(ExplainSettings, values, where="explain")
    method = method_of(asked)
    refuse_misplaced(asked, method)
    files = asked.pictures or []
    model, said = opened(source, asked.weights, net or asked.net, asked.image)
    if method == "kernels":
        return [kernel(model, asked, said)]
    if method in OF_DATA:
        return [(exciting if method == "exciting" else embedding)(model, asked, data, said)]
    if method in PICTURED:
        shown: Callable[..., Explained] = activation if method == "activations" else field
        return [shown(model, file, asked, said) for file in files]
    from striate.verbs.explain_answer import answer

    return [answer(model, file, asked, method, said) for file in files]


def method_of(asked: ExplainSettings) -> str:
    """The registered name of what is asked for; `UnknownName` offers the nearest."""
    from striate.explain.methods import methods
    from striate.registry import nearest, plain

    wanted = ALL if asked.all_ else asked.method
    if asked.all_ and asked.method not in (ALL, "grad_cam"):
        raise ConfigError(f"explain: --all draws every method, and --method is {asked.method}. Leave one of them out.")
    own = {plain(name): name for name in (ALL, *INSIDE)}
    if plain(wanted) in own:
        return own[plain(wanted)]
    if wanted in methods:
        return methods.name_of(wanted)
    known = [*sorted(methods), ALL, *INSIDE]
    close = nearest(wanted, known)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(known)}."
    raise UnknownName(f"there is no explanation called '{wanted}'. {hint}")


def refuse_misplaced(asked: ExplainSettings, method: str) -> None:
    """`ConfigError` for an option that the method does not take, and for pictures or data that it lacks."""
    why = method not in INSIDE
    for name, takers in BELONGS.items():
        if getattr(asked, name) is not None and method not in takers and not (why and name in ("layer", "target")):
            belongs = " and ".join(takers) or "explanations of an answer"
            raise ConfigError(f"explain: --{name} belongs to {belongs}, and the method is {method}. Leave it out.")
    pictured = why or method in PICTURED
    if pictured and not asked.pictures:
        raise ConfigError(f"explain: {method} needs a picture. Give one or more behind {asked.source}.")
    if not pictured and asked.pictures:
        more = "; it takes a data set as --data" if method in OF_DATA else ""
        raise ConfigError(f"explain: {method} takes no picture, and {asked.pictures[0]} is given{more}. Leave it out.")
    if method in OF_DATA and asked.data is None:
        raise ConfigError(f"explain: {method} needs pictures to look through. Give a data set, as --data digits.")
