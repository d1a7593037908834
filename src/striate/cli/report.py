"""Write a run's report.html again."""

from __future__ import annotations

from striate.cli.output import tell
from striate.verbs.report import ReportSettings, report

SETTINGS = ReportSettings


def main(settings: ReportSettings, as_json: bool) -> int:
    path = report(settings.run, net=settings.net)
    tell({"run": str(settings.run), "report": str(path)}, str(path), as_json)
    return 0
