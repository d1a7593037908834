"""Train a run again from its stored configuration and tell whether the result is identical.

striate reproduce runs/lenet5-digits-1
"""

from __future__ import annotations

from striate.cli.output import percent, remark, tell
from striate.verbs.reproduce import Reproduced, ReproduceSettings, reproduce

SETTINGS = ReproduceSettings
SHOWN = 16  # digits of a SHA-256


def main(settings: ReproduceSettings, as_json: bool) -> int:
    from striate.cli.progress import Progress

    with Progress() as progress:
        found = reproduce(settings.run, keep=settings.keep, data=settings.data, net=settings.net, tell=progress.tell)
    if found.stopped_by:
        remark("striate: stopped before there was anything to compare.")
        return 128 + found.stopped_by
    tell(found.as_json(), words(found), as_json)
    return 0 if found.identical else 1


def words(found: Reproduced) -> str:
    """What was compared, a line each."""
    before, now = (None if share is None else percent(share) for share in found.accuracy)
    held_out = f", accuracy {before}" if before else ""
    if found.identical:
        return f"identical  weights {found.sha256[0][:SHOWN]}{held_out}; trained again in {found.seconds:.1f} s"
    rows = [("", "before", "now"), ("weights", *(digest[:SHOWN] for digest in found.sha256))]
    rows += [("accuracy", before or "none", now or "none")]
    rows += [(each.what, each.before, each.now) for each in found.differences]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    table = "\n".join(f"{what:{widths[0]}}  {old:{widths[1]}}  {new}".rstrip() for what, old, new in rows)
    why = (
        "" if found.differences else "\nNothing that is recorded differs: this device does not repeat to the last bit."
    )
    return f"not identical\n{table}{why}"
