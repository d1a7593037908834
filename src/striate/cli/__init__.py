"""The command `striate`: one file a verb, which draws what the verb of the same name gives."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from striate.cli.stops import stoppable
from striate.errors import StriateError, TrainingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code: 0 done, 1 failed, 2 a mistake to mend, 129, 130 or 143 stopped by a signal."""
    try:
        with stoppable():
            from striate.cli.parser import parse

            verb, settings, as_json = parse(sys.argv[1:] if arguments is None else list(arguments))
            return verb(settings, as_json)
    except StriateError as error:
        print(f"striate: {error}", file=sys.stderr)
        return 1 if isinstance(error, TrainingError) else 2
    except KeyboardInterrupt as stopped:
        with suppress(OSError):  # the terminal may be what has gone
            print("striate: stopped.", file=sys.stderr)
        return 128 + getattr(stopped, "number", signal.SIGINT)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
