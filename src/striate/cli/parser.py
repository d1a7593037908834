"""The command line, derived from the settings classes of the verbs: no option is listed a second time."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import striate
from striate.errors import ConfigError
from striate.registry import nearest
from striate.settings import Kind, checked, kinds

VERBS = (
    "zoo",
    "show",
    "compare",
    "solve",
    "convolve",
    "check",
    "rate",
    "train",
    "evaluate",
    "reproduce",
    "predict",
    "features",
    "classify-features",
    "index",
    "search",
    "explain",
    "dream",
    "style",
    "report",
)  # in the order in which a person meets them
Verb = Callable[[Any, bool], int]


class Paragraphs(argparse.HelpFormatter):
    """Help whose paragraphs stay apart, and whose examples, lines that begin with "striate", stay lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        found = []
        for paragraph in text.strip().split("\n\n"):
            lines = paragraph.splitlines()
            examples = all(line.strip().startswith("striate ") for line in lines)
            told = [f"  {line.strip()}" for line in lines] if examples else [super()._fill_text(paragraph, width, "")]
            found.append("\n".join(indent + line for line in told))
        return "\n\n".join(found)


class Parser(argparse.ArgumentParser):
    """argparse, with mistakes as one line that offers the nearest option, and options anywhere on the line."""

    flags: tuple[str, ...] = ()  # the options without a value, of a verb

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        return super().parse_known_args(options_first(args, self.flags) if self.flags else args, namespace)

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}. See {self.prog} --help.")


def options_first(arguments: list[str], flags: tuple[str, ...]) -> list[str]:
    """The same command with its options before the rest: argparse loses an optional first argument otherwise.

    >>> options_first(["RUN", "--net", "lenet5", "x.png", "--json"], ("--json",))
    ['--net', 'lenet5', '--json', 'RUN', 'x.png']
    """
    options, others, left = [], [], iter(arguments)
    for argument in left:
        if argument == "--":
            others += [argument, *left]
        elif argument.startswith("-") and argument != "-":
            options.append(argument)
            if argument not in flags and "=" not in argument:
                options += [value for value in (next(left, None),) if value is not None]
        else:
            others.append(argument)
    return [*options, *others]


def parse(arguments: list[str]) -> tuple[Verb, Any, bool]:
    """The verb's function, its checked settings, and whether JSON is wanted. Help and version exit by themselves."""
    parser = Parser(
        prog="striate",
        description=striate.__doc__,
        formatter_class=Paragraphs,
        epilog="striate VERB --help tells more. Every verb takes --json.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=striate.__version__)
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    verbs = parser.add_subparsers(metavar="VERB", parser_class=Parser)
    modules = {name: importlib.import_module(f"striate.cli.{name.replace('-', '_')}") for name in VERBS}
    options: dict[str, list[str]] = {name: _add(verbs, name, module) for name, module in modules.items()}
    if not arguments:
        parser.print_help()
        sys.exit(0)
    if "--json" in arguments and "--version" in arguments:
        print(f'{{"version": "{striate.__version__}"}}')
        sys.exit(0)
    verb = next((a for a in arguments if not a.startswith("-")), None)
    if verb is not None and verb not in modules:
        close = nearest(verb, list(VERBS), 1)
        hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(VERBS)}."
        raise ConfigError(f"there is no verb '{verb}'. {hint}")
    found, unknown = parser.parse_known_args(arguments)
    if unknown:
        close = nearest(unknown[0].partition("=")[0], options[verb or ""], 1) if verb else []
        hint = f"Did you mean {close[0]}?" if close else f"See striate {verb or ''} --help."
        raise ConfigError(f"there is no option '{unknown[0]}'. {hint}")
    values = vars(found)
    if verb is None:
        raise ConfigError(f"a verb is missing. There are {', '.join(VERBS)}.")
    as_json = values.pop("json")
    module = modules[verb]
    read = getattr(module, "values", lambda given: given)
    return module.main, checked(module.SETTINGS, read(values), where=verb), as_json


def _add(verbs: Any, name: str, module: ModuleType) -> list[str]:
    """Add the parser of one verb; gives its options."""
    doc = (module.__doc__ or "").strip()
    parser = verbs.add_parser(
        name, help=doc.splitlines()[0], description=doc, allow_abbrev=False, formatter_class=Paragraphs
    )
    types = kinds(module.SETTINGS)
    options = []
    for f in fields(module.SETTINGS):
        kind, shown = types[f.name], f.metadata
        if shown["positional"]:
            several = "*" if kind.optional else "+"
            many = several if kind.many else "?"  # what is missing may stand in a recipe; `checked` says if it does not
            parser.add_argument(
                f.name, metavar=shown["positional"], nargs=many, default=argparse.SUPPRESS, help=shown["meaning"]
            )
            continue
        option = f"--{f.name.rstrip('_').replace('_', '-')}"  # class_ is --class
        options.append(option)
        spellings = [f"-{shown['short']}", option] if shown["short"] else [option]
        text = shown["meaning"] + _default(f.default)
        if kind.type is bool:
            action: Any = argparse.BooleanOptionalAction if f.default is True else "store_true"
            parser.add_argument(
                *spellings, dest=f.name, action=action, default=argparse.SUPPRESS, help=shown["meaning"]
            )
        else:
            metavar = _metavar(kind, shown["choices"])
            parser.add_argument(*spellings, dest=f.name, metavar=metavar, default=argparse.SUPPRESS, help=text)
    parser.add_argument("--json", action="store_true", help="one JSON object, last on standard output")
    bools = (
        f"--{no}{name.rstrip('_').replace('_', '-')}"
        for name, k in types.items()
        if k.type is bool
        for no in ("", "no-")
    )
    parser.flags = ("--json", "--help", "-h", *bools)
    return options


def _default(value: Any) -> str:
    text = "" if value is None or value is MISSING else f" ({value})"
    return text.replace("%", "%%")


def _metavar(kind: Kind, choices: tuple[str, ...] | None) -> str:
    if choices:
        return "|".join(choices)
    return {int: "N", float: "X", Path: "PATH", "shape": "CxHxW"}.get(kind.type, "TEXT")
