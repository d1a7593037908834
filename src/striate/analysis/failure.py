"""What went wrong in a forward pass on meta: a layer that cannot take its input, or one that needs the data."""

from __future__ import annotations

import traceback

from striate.analysis.details import kind_of
from striate.analysis.trace import Trace
from striate.errors import ShapeError
from striate.misfit import misfit, named, times

FAILURES = (RuntimeError, ValueError, IndexError, TypeError, AssertionError)  # what torch and layers raise on shapes


def needs_data(error: Exception, trace: Trace) -> bool:
    """Whether meta, and not the network, is to blame: data is asked for, or what was taken for it led no further."""
    return isinstance(error, NotImplementedError) or bool(trace.supposed) or "meta" in str(error).lower()


def stopped(error: Exception, trace: Trace) -> str:
    """Which operation could not go on without data, and where."""
    if trace.supposed:
        return f"the forward pass stopped{trace.where()} at what was taken for data ({_first_line(error)})"
    if trace.failed is not None:
        return f"'{trace.failed[0]}'{trace.where()} needs the data"
    return f"`{traceback.extract_tb(error.__traceback__)[-1].line}`{trace.where()} needs the data"


def shape_error(error: Exception, trace: Trace) -> ShapeError:
    """The error in the words of the lectures: the module, what it was given and what would fit."""
    if not trace.frames:
        return ShapeError(_first_line(error))
    frame = trace.frames[-1]
    module, given = frame.module, frame.given[0] if frame.given else None
    known = misfit(module, given) if given is not None else None
    problem, formula = f"{named(module)}: {_first_line(error)}", None
    if known is not None:
        problem, formula = known.problem, known.formula
    elif trace.failed is not None and len(shapes := _shapes(trace)) > 1:
        operation, formula = kind_of(trace.failed[0]), " ≠ ".join(shapes)
        problem = f"'{operation}' in {type(module).__name__} cannot combine {' and '.join(shapes)}."
    elif given is not None:
        problem = f"{named(module)} cannot take {times(given)}: {_first_line(error)}"
    path = tuple(frame.path.split(".")) if frame.path else ()
    return ShapeError(problem, path, given=given, formula=formula, row=module)


def _shapes(trace: Trace) -> list[str]:
    """The different shapes, without the batch, that the operation that failed was given."""
    shapes = trace.failed[1] if trace.failed else ()
    return list(dict.fromkeys(times(shape[1:]) for shape in shapes if len(shape) > 1))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
