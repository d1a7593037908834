"""The report of a run: reads its folder, asks its network, and writes one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from striate import atomic
from striate.analysis.result import Analysis
from striate.data.preprocess import Preprocess
from striate.errors import RunError
from striate.reports.confusions import confusions
from striate.reports.curves import curves, lost_steps
from striate.reports.environment import colours, environment
from striate.reports.head import details, head
from striate.reports.honest import honest
from striate.reports.inside import Inside, inside
from striate.reports.learned import learned
from striate.reports.mistakes import mistakes
from striate.reports.record import Record, read
from striate.reports.sample import Sample, sample
from striate.reports.table import rows
from striate.reports.why import Whys, whys
from striate.run import Run


@dataclass(frozen=True)
class ReportInput:
    """What a report needs besides the run folder: the trained network and what is known of it.

    `net`: the network, weights loaded. `prepare`: from (n, c, h, w) uint8 to what `net` takes. `analysis`: of `net`.
    `title`: its name for people. `commands`: lines that train and report this run again. `preprocess`: where it is
    given, maps lie on the part of a picture that the network saw, else on all of it.
    """

    net: nn.Module
    prepare: Callable[[Tensor], Tensor]
    analysis: Analysis
    title: str
    commands: tuple[str, ...] = ()
    preprocess: Preprocess | None = None


def write_report(run: Run, source: ReportInput) -> Path:
    """Write the report.html of `run` and give its path; `RunError` says what is missing, damaged or not writable."""
    page = render(read(run), source)
    try:
        atomic.write_text(run.report, page)
    except OSError as error:
        raise RunError(f"{run.report}: cannot be written ({error.strerror}); what was there is kept.") from None
    return run.report


def render(record: Record, source: ReportInput) -> str:
    """The page as text."""
    names = record.classes
    followed, sheets = _look(record, source)
    answers = record.answers
    template = environment().get_template("report.html")
    return template.render(
        title=source.title,
        colours=colours(),
        head=head(record, source.analysis),
        details=details(record),
        curves=curves(record),
        lost=lost_steps(record),
        mixed=confusions(answers, names) if answers else None,
        mistakes=mistakes(answers, names) if answers else (),
        honest=honest(answers, names, record.facts) if answers else None,
        why=_why(record, source),
        learned=learned(source.net, record.initial_kernels, reused="weights" in record.facts),
        sample=followed,
        inside=sheets,
        analysis=source.analysis,
        rows=rows(source.analysis),
        config=record.config,
        commands=source.commands,
    )


def _look(record: Record, source: ReportInput) -> tuple[Sample | None, Inside | None]:
    """One picture with its answer, and what every layer makes of it; None where the run kept no picture."""
    if record.samples is None or not len(record.samples):
        return None, None
    ready = _ready(source, record.samples)
    chosen = sample(source.net, ready, record)
    one = ready[chosen.place : chosen.place + 1]
    return chosen, inside(source.net, one, source.analysis.layers, record.classes)


def _why(record: Record, source: ReportInput) -> Whys | None:
    """Some answers with what spoke for them."""
    kept = (record.samples, None if record.answers is None else record.answers.worst_images)
    empty = torch.empty(0)
    samples, worst = (empty if images is None or not len(images) else _ready(source, images) for images in kept)
    return whys(source.net, (samples, worst), record, source.analysis, source.preprocess)


def _ready(source: ReportInput, images: Tensor) -> Tensor:
    """Kept pictures as the network takes them, where it is."""
    device = next((p.device for p in source.net.parameters()), torch.device("cpu"))
    return source.prepare(images).to(device)
