"""What went wrong in a forward pass on meta: a layer that cannot take its input, or an operation that needs the data."""

from __future__ import annotations


import traceback

from striate.analysis.details import kind_of
from striate.analysis.trace import Trace
from striate.errors import ShapeError
from striate.misfit import misfit, named, times


def needs_data(error: Exception, trace: Trace) -> bool:
    """Whether meta, and not the network, is to blame."""
    return isinstance(error, NotImplementedError) or bool(trace.supposed) or "meta" in str(error).lower()


def stopped(error: Exception, trace: Trace) -> str:
    """Which operation could not go on without data, and where."""
    if trace.failed is not None:
        return f"'{trace.failed[0]}'{trace.where()} needs the data"
    line = traceback.extract_tb(error.__traceback__)[-1].line
    return f"`{line}`{trace.where()} needs the data"


def shape_error(error: Exception, trace: Trace) -> ShapeError:
    """The error in the words of the lectures: the module, what it was given and what would fit."""
    if isinstance(error, ShapeError):
        return error
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if not trace.frames:
        return ShapeError(said)
    frame = trace.frames[-1]
    path, given = tuple(frame.path.split(".")) if frame.path else (), frame.given[0] if frame.given else None
    known = misfit(frame.module, given) if given is not None else None
    if known is not None:
        return ShapeError(known.problem, path, given=given, formula=known.formula, row=frame.module)
    if frame.row is None and trace.failed is not None:
        operation, shapes = kind_of(trace.failed[0]), [times(shape[1:]) for shape in trace.failed[1] if len(shape) > 1]
        if len(set(shapes)) > 1:
            problem = f"'{operation}' in {type(frame.module).__name__} cannot combine {' and '.join(shapes)}: {said}"
            return ShapeError(problem, path, given=given, formula=" ≠ ".join(shapes), row=frame.module)
    what = f"{named(frame.module)} cannot take {times(given)}" if given else named(frame.module)
    return ShapeError(f"{what}: {said}", path, given=given, row=frame.module)
