"""Tell what a trained model sees in picture files."""

from __future__ import annotations

from striate.cli.output import percent, tell
from striate.verbs.predict import PredictSettings, predict

SETTINGS = PredictSettings


def main(settings: PredictSettings, as_json: bool) -> int:
    answers = predict(settings.run, settings.files, net=settings.net)
    lines = [f"{a.file}  {'  '.join(f'{label} {percent(p)}' for label, p in a.top)}" for a in answers]
    tell([answer.as_json() for answer in answers], "\n".join(lines), as_json)
    return 0
