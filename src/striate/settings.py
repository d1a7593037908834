"""Settings of a verb: a frozen dataclass whose fields carry their meaning, unit and bounds; TOML files that hold them.

The command line is derived from these classes, so there is no second list. Precedence: defaults < recipe < command.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from striate.errors import ConfigError
from striate.registry import nearest

Settings = TypeVar("Settings")
LARGEST = 2**16  # pixels a side
SIZES = f"must be sizes of 1 to {LARGEST:,}, as 3x224x224"
SCHEMA = 1  # of the files that hold settings; it grows when one can no longer be read as before


def setting(
    default: Any = MISSING,
    *,
    meaning: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    positional: str | None = None,
    written: bool = True,
    short: str | None = None,
) -> Any:
    """A field of a settings class.

    `meaning`: one line with the unit. `low`, `high`: bounds, both allowed. `positional`: the name that the command line
    shows for a value given without an option. `written`: whether a written configuration holds it. `short`: a letter
    that stands for the whole option.
    """
    metadata = {"meaning": meaning, "low": low, "high": high, "choices": choices}
    metadata |= {"positional": positional, "written": written, "short": short}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Kind:
    """The plain type of a setting: bool, int, float, str, Path, or "shape" for sizes.

    `optional`: it may be left out. `many`: a list of them, written `list[...]`.
    """

    type: Any
    optional: bool
    many: bool = False


def kinds(settings: type) -> dict[str, Kind]:
    """The kind of every field of a settings class, in order."""
    hints = get_type_hints(settings)
    found = {}
    for f in fields(settings):
        hint, optional = hints[f.name], False
        if get_origin(hint) in (Union, types.UnionType):
            arguments = [a for a in get_args(hint) if a is not type(None)]
            optional, hint = len(arguments) < len(get_args(hint)), arguments[0]
        many = get_origin(hint) is list
        if many:
            (hint,) = get_args(hint)
        found[f.name] = Kind("shape" if get_origin(hint) is tuple else hint, optional, many)
    return found


def parse(text: str, kind: Kind) -> Any:
    """The value a person typed; `ValueError` says what it should have been."""
    if kind.type == "shape":
        return shape(text)
    if kind.type is bool:
        if text.lower() in ("true", "yes", "on", "1"):
            return True
        if text.lower() in ("false", "no", "off", "0"):
            return False
        raise ValueError("must be true or false")
    try:
        return kind.type(text)
    except ValueError:
        raise ValueError(f"must be {'a whole number' if kind.type is int else 'a number'}") from None


def shape(text: str) -> tuple[int, ...]:
    """3x224x224, 224x224, or 224: the sizes of a picture.

    >>> shape("3x224x224")
    (3, 224, 224)
    """
    try:
        sizes = tuple(int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        sizes = ()
    if not 1 <= len(sizes) <= 4 or not 1 <= min(sizes) <= max(sizes) <= LARGEST:
        raise ValueError(SIZES)
    return sizes


def checked(settings: type[Settings], values: Mapping[str, Any], *, where: str) -> Settings:
    """`settings(**values)` with every name, type and bound checked; `ConfigError` starts with `where` and the key."""
    known = {f.name: f for f in fields(settings)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            close = nearest(key, list(known), 1)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."
            raise ConfigError(f"{where}: there is no setting '{key}'. {hint}")
    types_ = kinds(settings)
    good = {}
    for key, value in values.items():
        place = f"{where}: {key}"
        if types_[key].many and isinstance(value, list | tuple):
            good[key] = [_checked(known[key], types_[key], one, place) for one in value]
        else:
            good[key] = _checked(known[key], types_[key], value, place)
    missing = [key for key, f in known.items() if f.default is MISSING and key not in values]
    if missing:
        raise ConfigError(f"{where}: {missing[0]} is missing: {known[missing[0]].metadata['meaning']}.")
    return settings(**good)


def _checked(f: Field[Any], kind: Kind, value: Any, where: str) -> Any:
    if value is None and kind.optional:
        return None
    if isinstance(value, str) and kind.type is not str:
        try:
            value = Path(value) if kind.type is Path else parse(value, kind)
        except ValueError as error:
            raise ConfigError(f"{where} is {_short(value)}; it {error}.") from None
    if kind.type is float and type(value) is int:
        value = float(value)
    if kind.type == "shape" and isinstance(value, list):
        value = tuple(value)
    wanted: Any = {"shape": tuple}.get(kind.type, kind.type)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        name = {"shape": "sizes, as 3x28x28", int: "a whole number", float: "a number"}.get(kind.type, wanted.__name__)
        raise ConfigError(f"{where} is {_short(value)}; it must be {name}.")
    if wanted is tuple and not all(type(size) is int and 1 <= size <= LARGEST for size in value):
        raise ConfigError(f"{where} is {_short(value)}; it {SIZES}.")
    return _within(f, value, where)


def _short(value: Any) -> str:
    """A value as a message shows it: no more of it than a line takes."""
    text = "x".join(map(str, value)) if isinstance(value, tuple) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _within(f: Field[Any], value: Any, where: str) -> Any:
    low, high, choices = (f.metadata.get(key) for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ConfigError(f"{where} is {value!r}; it must be one of {', '.join(choices)}.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    endless = isinstance(value, float) and not math.isfinite(value)
    if endless or (low is not None and value < low) or (high is not None and value > high):
        bounds = f"between {low:g} and {high:g}" if high is not None and low is not None else f"at least {low:g}"
        said = f"{value:g}" if isinstance(value, float) or abs(value) < 10**15 else _short(value)
        raise ConfigError(f"{where} is {said}; it must be {bounds}.")
    return value


def read_toml(path: Path) -> dict[str, Any]:
    """The settings in a TOML file; `ConfigError` names the file and the line that cannot be read."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except (OSError, ValueError, RecursionError) as error:  # what is no UTF-8, no TOML, or not meant to be read
        raise ConfigError(f"{path}: cannot be read as TOML ({error}).") from None
    schema = values.pop("schema", SCHEMA)
    if type(schema) is not int or schema < 1:
        raise ConfigError(f"{path}: schema is {schema!r}; it must be {SCHEMA}.")
    if schema > SCHEMA:
        raise ConfigError(
            f"{path}: was written by a newer Striate (settings of schema {schema}, this one reads {SCHEMA}). Update it."
        )
    return values


def to_toml(settings: Any, *, comment: str = "") -> str:
    """The settings as TOML, each with its meaning; what is None is left out."""
    import tomli_w

    lines = [*([f"# {comment}"] if comment else []), f"schema = {SCHEMA}  # of this file"]
    for f in fields(settings):
        value = getattr(settings, f.name)
        if value is None or not f.metadata["written"]:
            continue
        plain = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
        lines.append(f"{tomli_w.dumps({f.name: plain}).strip()}  # {f.metadata['meaning']}")
    return "\n".join(lines) + "\n"
