"""The first mistake of a network and the changes that mend it, for notation, rows and modules alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from striate.analysis.meta import on_meta
from striate.errors import StriateError
from striate.repair.changes import Shape
from striate.repair.mistake import Draft
from striate.repair.modules import ModuleDraft, applied
from striate.repair.row_lists import RowDraft
from striate.repair.search import Search
from striate.repair.texts import TextDraft
from striate.repair.windows import worded
from striate.rows import Row


@dataclass(frozen=True)
class Fix:
    """A change after which the network can be built and runs, for pictures of `image`: it was tried.

    `said` is for people. `notation` is the new text, `rows` the new rows, and `module` a changed copy of the module:
    whichever was diagnosed. `told` says the same for machines.
    """

    said: str
    image: Shape
    notation: str | None = None
    rows: tuple[Row, ...] | dict[str, Row] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    _draft: ModuleDraft | None = None

    @property
    def module(self) -> nn.Module | None:
        """A copy of the diagnosed module with the change made; the weights that still fit are kept."""
        return None if self._draft is None else applied(self._draft.net, self._draft.exchanges)


@dataclass(frozen=True)
class Diagnosis:
    """Why a network cannot be built or run: the row, what is wrong, the arithmetic, and one to three fixes.

    `row`: its path, and, behind a colon, the operation of a module's own forward; a class where that is all there is.
    `given`: the shape that it is given. `span`: its place in the text, where the network is one.
    """

    row: str
    problem: str
    formula: str | None
    given: Shape | None
    span: tuple[int, int] | None
    fixes: tuple[Fix, ...]
    error: StriateError

    def as_json(self) -> dict[str, Any]:
        """What `show --json` prints."""
        told = {"row": self.row or None, "problem": self.problem, "formula": self.formula}
        if self.span is not None:
            told["span"] = list(self.span)  # type: ignore[assignment]
        return {"error": {**told, "fixes": [{"said": fix.said, **fix.told} for fix in self.fixes]}}

    def __str__(self) -> str:
        """Problem, formula and fixes, a line each."""
        row = f"row '{self.row}': " if self.row else ""
        said = [f"{row}{self.problem}", *([f"  {self.formula}"] if self.formula else [])]
        return "\n".join([*said, *(f"  fix: {fix.said}" for fix in self.fixes)])


def diagnose(
    network: str | nn.Module | Sequence[Row] | Mapping[str, Row],
    image: Shape,
    classes: int = 10,
    *,
    letters: Mapping[str, int] | None = None,
) -> Diagnosis | None:
    """The first mistake of a notation, of rows, or of a module, for pictures of `image`; None where there is none.

    Everything happens on the meta device, and the module is afterwards as it was. `classes` and `letters` are those of
    a notation. None also where a module's own forward asks for the data, so that nobody can tell.

    >>> print(diagnose("[(conv-relu)*2-pool]*6-fc", (3, 32, 32)))
    row 'pool6': A 2 × 2 window does not fit: the maps that arrive here are only 1 × 1.
      (1 + 2·0 − 2)/2 + 1 = 0.50, which is less than 1
      fix: Repeat 5 times, not 6
      fix: Pad by 1
      fix: Take 64 × 64 pictures
    """
    if isinstance(network, str):
        return found(TextDraft(network, image, classes, dict(letters or {})), network)
    if isinstance(network, nn.Module):
        with on_meta(network) as twins:
            network.eval()
            return found(ModuleDraft(network, image, twins), network)
    rows = network if isinstance(network, Mapping) else {str(i): row for i, row in enumerate(network)}
    return found(RowDraft(dict(rows), image), network)


def found(draft: Draft, network: Any) -> Diagnosis | None:
    """The first mistake of a draft and how it is mended."""
    mistake = draft.mistake()
    if mistake is None:
        return None
    fixes = []
    for changes, end in Search().ways(draft, mistake):
        said = "; ".join(
            change.said if i == 0 else change.said[:1].lower() + change.said[1:] for i, change in enumerate(changes)
        )
        fixes.append(fix_of(said, end, draft.image, network))
    row = ":".join(part for part in (".".join(mistake.path), mistake.operation) if part)
    if not row and isinstance(mistake.layer, nn.Module):
        row = type(mistake.layer).__name__
    return Diagnosis(row, worded(mistake), mistake.formula, mistake.given, mistake.span, tuple(fixes), mistake.error)


def fix_of(said: str, end: Draft, image: Shape, network: Any) -> Fix:
    told = end.told() | ({"image": list(end.image)} if end.image != image else {})
    if isinstance(end, TextDraft):
        return Fix(said, end.image, notation=end.text, told=told)
    if isinstance(end, RowDraft):
        rows = dict(end.rows) if isinstance(network, Mapping) else tuple(end.rows.values())
        return Fix(said, end.image, rows=rows, told=told)
    return Fix(said, end.image, told=told, _draft=end if isinstance(end, ModuleDraft) else None)
