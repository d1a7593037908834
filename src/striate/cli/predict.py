"""Tell what a trained model sees in picture files, or in all pictures below a folder.

Files that cannot be read are passed over, and listed at the end. Exit code 0: there is an answer; 1: there is none.

striate predict runs/lenet5-digits-1 digit.png
striate predict --net efficientnet_lite0 photo.jpg
striate predict --net resnet50 --weights resnet50.pth photo.jpg
striate predict runs/birds photographs -o answers.csv --gallery answers.html --unknown
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from striate.cli.counting import counting
from striate.cli.output import percent, remark
from striate.data.files import shown
from striate.errors import DataError
from striate.verbs.predict import PredictSettings, Unreadable, answers, asked
from striate.verbs.predict_files import ending, said, writing

if TYPE_CHECKING:
    from striate.model import Prediction

SETTINGS = PredictSettings
COUNTED = 12  # labels in the summary


def main(settings: PredictSettings, as_json: bool) -> int:
    if settings.output is not None:
        ending(settings.output)  # a mistake is told before the work
    model, paths = asked(settings)
    for line in model.report.lines() if model.report else ():
        remark(line)
    alone = len(paths) == 1 and not paths[0].is_dir()
    found = answers(model, paths, precision=settings.precision, unknown=settings.unknown, threshold=settings.threshold)
    labels: Counter[str] = Counter()
    bad: list[Unreadable] = []
    with ExitStack() as open_files:
        takers: list[Take] = []
        if settings.gallery is not None:  # written last: where it cannot be, the answers are on the disk
            takers.append(open_files.enter_context(_gallery(settings.gallery, model.reference.text)))
        if settings.output is not None:
            takers.append(open_files.enter_context(writing(settings.output)))
        quiet = bool(takers) and not as_json
        if quiet:
            step = open_files.enter_context(counting())
            takers.append(lambda answer: step())
        else:
            takers.append(open_files.enter_context(_json_list() if as_json else _lines()))
        for answer in found:
            if isinstance(answer, Unreadable):
                if alone:
                    raise DataError(answer.reason)
                bad.append(answer)
            else:
                labels[answer.label] += 1
            for take in takers:
                take(answer)
    if quiet:
        print(_summary(labels, bad))
    for path in (settings.output, settings.gallery):
        if path is not None:
            remark(f"{path}")
    for each in bad:
        remark(f"left out: {each.reason}")
    return 0 if labels else 1


Take = Callable[["Prediction | Unreadable"], None]


@contextmanager
def _lines() -> Iterator[Take]:
    """A line for each answer."""

    def take(answer: Prediction | Unreadable) -> None:
        if isinstance(answer, Unreadable):
            return  # it is listed at the end
        top = "  ".join(f"{label} {percent(p)}" for label, p in answer.top)
        unknown = "" if answer.label == answer.top[0][0] else f"{answer.label}: "
        print(f"{shown(answer.file)}  {unknown}{top}")

    yield take


@contextmanager
def _json_list() -> Iterator[Take]:
    """All answers as one list on one line; nothing is printed where the first of them is a mistake."""
    before = "["

    def take(answer: Prediction | Unreadable) -> None:
        nonlocal before
        sys.stdout.write(before + json.dumps(said(answer), allow_nan=False))
        before = ", "

    yield take
    print("]" if before == ", " else "[]")


@contextmanager
def _gallery(path: Path, network: str) -> Iterator[Take]:
    """The page with the pictures."""
    from striate.reports.answers_page import Gallery

    with Gallery(path, network) as page:

        def take(answer: Prediction | Unreadable) -> None:
            if isinstance(answer, Unreadable):
                page.refuse(answer.file, answer.reason)
            else:
                page.add(answer)

        yield take


def _summary(labels: Counter[str], bad: list[Unreadable]) -> str:
    said = [f"{label} {count:,}" for label, count in labels.most_common(COUNTED)]
    if len(labels) > COUNTED:
        said.append(f"{len(labels) - COUNTED:,} more labels")
    left_out = f"; {len(bad):,} could not be read" if bad else ""
    return f"{labels.total():,} pictures answered{': ' if said else ''}{', '.join(said)}{left_out}"
