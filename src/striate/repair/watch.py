"""One run of a module on meta, watched: which layers it came through, and where and why it stopped."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from striate.analysis.meta import OnMeta
from striate.errors import ShapeError
from striate.misfit import misfit, named, times
from striate.repair.changes import CORE, Path, Shape
from striate.repair.layers import is_leaf
from striate.repair.mistake import Mistake, Step
from striate.repair.operations import BATCH, failure

TORCH = torch.__file__.removesuffix("__init__.py")
FAILURES = (RuntimeError, ValueError, IndexError, TypeError, AssertionError, ArithmeticError)


class Meta(OnMeta):
    """Operations on meta, not looked at."""

    def seen(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Nothing is kept."""


class Calls(TorchFunctionMode):
    """Counts the calls of torch and keeps the one that failed."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.failed: tuple[str, tuple[Any, ...]] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        try:
            return func(*args, **(kwargs or {}))
        except FAILURES:
            if self.failed is None:
                self.failed = getattr(func, "__name__", str(func)).strip("_"), (*args, *(kwargs or {}).values())
            raise


@dataclass
class Frame:
    """A module that is running."""

    path: Path
    module: nn.Module
    given: Shape | None


@dataclass
class Run:
    """What was seen. `unknown`: the run stopped for want of data, which says nothing about shapes."""

    steps: list[Step] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    calls: Calls = field(default_factory=Calls)
    error: Exception | None = None
    unknown: bool = False
    last_call: int = 0
    numbers: int = 0  # in the tensor that the module which runs last was given

    @contextmanager
    def watching(self, net: nn.Module) -> Iterator[None]:
        with ExitStack() as stack:
            for name, module in net.named_modules():
                path = tuple(name.split(".")) if name else ()
                enter = lambda module, args, path=path: self.enter(path, module, args)  # noqa: E731
                stack.callback(module.register_forward_pre_hook(enter, prepend=True).remove)
                stack.callback(module.register_forward_hook(self.leave).remove)
            yield

    def enter(self, path: Path, module: nn.Module, args: Any) -> None:
        self.frames.append(Frame(path, module, shape_in(args)))
        self.numbers = next((v.numel() for v in args if isinstance(v, Tensor)), 0)

    def leave(self, module: nn.Module, args: Any, out: Any) -> None:
        frame = self.frames.pop()
        if is_leaf(module):
            self.steps.append(Step(frame.path, module, frame.given, shape_in((out,))))
            self.last_call = self.calls.count


def shape_in(values: Any) -> Shape | None:
    """The shape of the first tensor, without the batch."""
    return next((tuple(v.shape[1:]) for v in values if isinstance(v, Tensor)), None)


def run(net: nn.Module, image: Shape, twins: dict[int, Tensor], *, batch_stays: bool = False) -> Run:
    """Run `net`, which is on meta, on two pictures of `image`. `batch_stays`: another number of answers is an error."""
    seen = Run()
    meta = Meta(twins)
    dtype = next((p.dtype for p in net.parameters() if p.is_floating_point()), torch.float32)
    picture = torch.empty(BATCH, *image, dtype=dtype, device="meta")
    try:
        with torch.no_grad(), seen.watching(net), meta, seen.calls:
            out = net(picture)
    except FAILURES as error:
        seen.error = error
        seen.unknown = isinstance(error, NotImplementedError) or bool(meta.supposed) or "meta" in str(error).lower()
        return seen
    answers = out.shape[:1] if isinstance(out, Tensor) else (BATCH,)
    if batch_stays and answers != (BATCH,) and not meta.supposed:
        seen.error = ShapeError("a reshape takes the batch for features.", formula=f"{times(answers)} ≠ {BATCH}")
    return seen


def mistake_of(seen: Run, net: nn.Module, original: frozenset[Path]) -> Mistake | None:
    """The mistake at which a run stopped; None where it came through, or nobody can tell.

    `original`: the paths of the layers of the unchanged network.
    """
    error = seen.error
    if error is None or seen.unknown:
        return None
    frame = seen.frames[-1] if seen.frames else Frame((), net, None)
    covered = sum(1 for step in seen.steps if step.path in original or CORE in step.path)
    left = -1000.0 * covered - (seen.calls.count - seen.last_call)
    inside = tuple(s for s in seen.steps if s.path[: len(frame.path)] == frame.path)
    common: dict[str, Any] = {"path": frame.path, "left": left, "layer": frame.module, "given": frame.given}
    common |= {"trail": tuple(seen.steps), "inside": inside}
    known = error if isinstance(error, ShapeError) else None
    if known is None and frame.given is not None and is_leaf(frame.module):
        known = misfit(frame.module, frame.given)
    if isinstance(frame.module, nn.Linear) and frame.given == ():
        flat, wants = seen.numbers // BATCH, frame.module.in_features
        problem = (
            f"{frame.module} is given one row of {seen.numbers} values for all pictures: a flatten took the batch too."
        )
        error = ShapeError(problem, formula=f"{BATCH}·{flat} = {seen.numbers} ≠ {wants}")
        return Mistake(error, problem=problem, formula=error.formula, wants=flat, **common)
    if known is not None:
        given = frame.given or ()
        wants = axes_wanted(frame.module, given)
        return Mistake(
            known, problem=known.problem, formula=known.formula or f"given {times(given)}", axes=wants, **common
        )
    return of_operation(error, seen, common)


def axes_wanted(layer: nn.Module, given: Shape) -> int:
    digit = next((kind.__name__[-2] for kind in type(layer).__mro__ if kind.__name__[-2:] in ("1d", "2d", "3d")), None)
    return int(digit) if digit else max(1, len(given) - 1)


def of_operation(error: Exception, seen: Run, common: dict[str, Any]) -> Mistake:
    """The mistake of an operation in a module's own forward."""
    layer, given = common["layer"], common["given"]
    if seen.calls.failed is None:
        what = f"{named(layer)} cannot take {times(given)}" if given else f"{named(layer)} cannot run"
        problem = f"{what}{own_words(error)}."
        numbers = tuple(n for n in vars(layer).values() if type(n) is int and n > 1)
        formula = f"given {times(given or ())}"
        return Mistake(ShapeError(problem), problem=problem, formula=formula, numbers=numbers, **common)
    operation, args = seen.calls.failed
    known = failure(operation, args, type(layer).__name__)
    own = tuple(n for n in vars(layer).values() if type(n) is int and n > 1) if is_leaf(layer) else ()
    return Mistake(
        ShapeError(known.problem, formula=known.formula),
        problem=known.problem,
        formula=known.formula,
        parts=known.parts,
        operation=operation,
        wants=known.wants,
        numbers=(*own, *known.numbers),
        **common,
    )


def own_words(error: Exception) -> str:
    """What a module's own code says of its input; torch's words are left to torch."""
    raised = traceback.extract_tb(error.__traceback__)[-1].filename
    said = str(error).strip().splitlines()
    return "" if raised.startswith(TORCH) or not said else f": {said[0].rstrip('.')}"
