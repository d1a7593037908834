"""Solve the size formula for the number that is not given: input, output, kernel, padding, stride or dilation.

striate solve --input 32 --kernel 5 --stride 2 --output 16    which padding?
striate solve --input 224 --kernel 7 --stride 2 --padding 3   which output?
"""

from __future__ import annotations

from striate.cli.output import tell
from striate.verbs.solve import SolveSettings, answer

SETTINGS = SolveSettings


def main(settings: SolveSettings, as_json: bool) -> int:
    found = answer(settings)
    tell(found.as_json(), found.table(), as_json)
    return 0
