"""Starts the command `striate` over and over, each time as a process of its own, without importing torch each time.

It imports what the command imports, then reads lines of JSON: {"arguments", "folder", "out", "err", "before"} forks a
process that does what the command does, `before` being Python to run in it first, and answers with its number;
{"wait": number} answers with how it ended: its exit code, or minus the signal. It computes nothing itself, so that
there is one thread when it forks.
"""

import json
import os
import sys
import traceback


def command(given):
    """What the command `striate` does with its arguments, in a process of its own."""
    from striate.cli import main

    for number, name in ((1, given["out"]), (2, given["err"])):
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
        os.dup2(handle, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(given["folder"])
    exec(given["before"])
    try:
        sys.exit(main(given["arguments"]))
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve():
    import striate.cli.progress
    import striate.cli.train
    import striate.reports.page
    import striate.training.train
    import striate.verbs.report  # noqa: F401

    for line in sys.stdin:
        given = json.loads(line)
        if "wait" in given:
            answer = os.waitstatus_to_exitcode(os.waitpid(given["wait"], 0)[1])
        elif (answer := os.fork()) == 0:
            command(given)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
