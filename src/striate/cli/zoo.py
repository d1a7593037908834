"""List every network of the zoo: parameters, multiply-adds, published accuracy, and where weights are to be had.

striate zoo --sort multiply_adds
striate zoo --filter resnet --plot resnets.svg
"""

from __future__ import annotations

from striate.cli.output import remark, tell
from striate.errors import ConfigError
from striate.verbs.zoo import ZooSettings, leaderboard, zoo

SETTINGS = ZooSettings


def main(settings: ZooSettings, as_json: bool) -> int:
    lines = zoo(settings.sort, settings.filter)
    if not lines:
        raise ConfigError(
            f"zoo: no network has '{settings.filter}' in its name or paper. Leave --filter out to see all."
        )
    if settings.plot is not None:
        from striate.verbs.zoo_plot import draw

        draw(lines, settings.plot)
        remark(f"{settings.plot}")
    tell([line.as_json() for line in lines], leaderboard(lines).text(), as_json)
    return 0
