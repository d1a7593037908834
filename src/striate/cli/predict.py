"""Tell what a trained model sees in picture files.

striate predict runs/lenet5-digits-1 digit.png
striate predict --net efficientnet_lite0 photo.jpg
striate predict --net resnet50 --weights resnet50.pth photo.jpg
"""

from __future__ import annotations

from striate.cli.output import percent, remark, tell
from striate.verbs.predict import PredictSettings, asked

SETTINGS = PredictSettings


def main(settings: PredictSettings, as_json: bool) -> int:
    model, files = asked(settings)
    for line in model.report.lines() if model.report else ():
        remark(line)
    answers = model.predict(files)
    lines = [f"{a.file}  {'  '.join(f'{label} {percent(p)}' for label, p in a.top)}" for a in answers]
    tell([answer.as_json() for answer in answers], "\n".join(lines), as_json)
    return 0
