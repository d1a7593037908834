"""A kernel applied to a picture, a sound or a volume: the result, a sheet that explains it, and its steps animated."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError
from striate.settings import setting

if TYPE_CHECKING:
    from torch import Tensor

    from striate.explain.operations import Operation
    from striate.verbs.convolve_files import Source

OPERATIONS = ("convolution", "transposed", "max_pool", "average_pool")
MODES = ("valid", "same", "full")
VALUES = ("auto", "clip", "signed", "scaled")
OF_SIDE = 8  # numbers along the longer side of a picture that is animated
LARGEST_GRID = 40


@dataclass(frozen=True)
class ConvolveSettings:
    """What to apply to what, and what to write."""

    picture: Path | None = setting(
        None, positional="IMAGE", meaning="a picture, a .wav sound or a .npy volume; nothing, with --animate, is a grid"
    )
    kernel: str | None = setting(None, meaning="a name, as sobel_x, or numbers, as [[1,0,-1],[2,0,-2],[1,0,-1]]")
    operation: str = setting("convolution", meaning="what the window does", choices=OPERATIONS)
    mode: str = setting("valid", meaning="which windows of a convolution count", choices=MODES)
    stride: str | None = setting(None, meaning="pixels from window to window, of each axis as 3x2; 1, pooling --size")
    padding: str = setting("0", meaning="pixels of zeros around, of each axis as 1x2")
    dilation: str = setting("1", meaning="pixels from one number of the kernel to the next, of each axis as 1x2")
    correlate: bool = setting(False, meaning="do not turn the kernel: cross-correlation, what networks compute")
    size: int | None = setting(None, meaning="pixels of a side of a pooling's window; 2", low=1, high=1000)
    values: str = setting("auto", meaning="how numbers become pixels", choices=VALUES)
    grid: int | None = setting(None, meaning="numbers along a side of what --animate shows", low=1, high=LARGEST_GRID)
    out: Path | None = setting(None, short="o", meaning="write the result here; IMAGE_KERNEL.png if nothing is named")
    sheet: Path | None = setting(None, meaning="draw picture, kernel and result side by side into this PNG file")
    animate: Path | None = setting(None, meaning="draw every step with its numbers into this GIF file")


@dataclass
class Convolved:
    """What was done. `files`: kind (result, sheet, animation) to path; `values`: how numbers became pixels.

    `kernel`: its name, or its numbers as they were written; `picture`, `result`: shapes.
    """

    operation: Operation
    kernel: str | None
    picture: tuple[int, ...] | None = None
    result: tuple[int, ...] | None = None
    least: float | None = None
    most: float | None = None
    values: str | None = None
    formula: tuple[str, ...] = ()
    frames: int | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.operation.title.lower()

    def as_json(self) -> dict[str, Any]:
        done = self.operation
        steps = {name: list(getattr(done, name)) for name in ("stride", "padding", "dilation")}
        return {
            "method": self.method,
            "kernel": self.kernel,
            "numbers": None if done.pools else done.kernel.tolist(),
            "size": list(done.kernel.shape),
            "mode": done.mode,
            **steps,
            "picture": None if self.picture is None else list(self.picture),
            "result": None if self.result is None else list(self.result),
            "range": None if self.least is None else [self.least, self.most],
            "values": self.values,
            "formula": list(self.formula),
            "frames": self.frames,
            "files": self.files,
        }

    def text(self) -> str:
        """For people."""
        lines = [f"{self.method}{f' with {self.kernel}' if self.kernel else ''}: {', '.join(self.formula)}"]
        lines += [f"values: {self.values}"] if self.values else []
        return "\n".join([*lines, *(f"{kind}: {path}" for kind, path in self.files.items())])


def convolved(settings: ConvolveSettings) -> Convolved:
    """Do what the settings ask for and write it."""
    from striate.verbs.convolve_files import opened

    check_files(settings)
    source = None if settings.picture is None else opened(settings.picture)
    operation, name = asked(settings, source)
    done = Convolved(operation, name)
    small = None if settings.animate is None else small_grid(settings, operation, source)
    if source is not None:
        sizes = tuple(source.numbers.shape[-operation.kernel.ndim :])
        done.formula = operation.formulas(sizes)
    elif small is not None:
        done.formula = operation.formulas(tuple(small.shape)[-operation.kernel.ndim :])
    if settings.animate is not None and small is not None:
        _animation(settings.animate, operation, small, done)
    if source is not None and (settings.out or settings.sheet or not settings.animate):
        _apply(settings, source, done)
    return done


def check_files(settings: ConvolveSettings) -> None:
    """Raise `ConfigError` for outputs that are missing, of no known kind, or that are the input or each other."""
    from striate.verbs.convolve_files import results

    if settings.picture is None and settings.animate is None:
        raise ConfigError("convolve: IMAGE is missing. Give a file, or --animate steps.gif to see a grid of numbers.")
    if settings.picture is None and (settings.out or settings.sheet):
        raise ConfigError("convolve: -o and --sheet need a picture. Give IMAGE.")
    kinds = {"out": results(settings.picture), "sheet": (".png",), "animate": (".gif",)}
    taken = {} if settings.picture is None else {settings.picture.resolve(): "the input itself"}
    for key, suffixes in kinds.items():
        path: Path | None = getattr(settings, key)
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            raise ConfigError(f"convolve: {key} is '{path}'; its name must end in {', '.join(suffixes)}.")
        if path.is_dir():
            raise ConfigError(f"convolve: {key} is '{path}', which is a folder. Name a file.")
        if path.resolve() in taken or (settings.picture and path.exists() and path.samefile(settings.picture)):
            what = taken.get(path.resolve(), "the input itself")
            raise ConfigError(f"convolve: {key} is '{path}', which is {what}. Name another file.")
        taken[path.resolve()] = f"also {key}"


def asked(settings: ConvolveSettings, source: Source | None) -> tuple[Operation, str | None]:
    """The operation that the settings name, and what its kernel is called."""
    from striate.explain.named_kernels import NAMES, full_name, read_kernel
    from striate.explain.operations import Operation

    axes = 2 if source is None else source.axes
    name = None
    if settings.operation.endswith("pool"):
        import torch

        if settings.kernel is not None:
            raise ConfigError("convolve: a pooling has no kernel. Leave --kernel out; --size is that of the window.")
        kernel = torch.ones((settings.size or 2,) * axes)
    elif settings.kernel is None:
        raise ConfigError(f"convolve: kernel is missing. Write numbers, as [[1,0,-1]], or one of {', '.join(NAMES)}.")
    elif settings.size is not None:
        raise ConfigError("convolve: size belongs to a pooling; a kernel has its own. Leave it out.")
    else:
        kernel, name = read_kernel(settings.kernel, axes), full_name(settings.kernel) or settings.kernel
    if source is not None and not _fits(kernel.ndim, source):
        what = "a sound" if source.sound else "a picture" if axes == 2 else "an array of these axes"
        how = f"Write it as {'[' * axes}1, 0, -1{']' * axes}."
        raise ConfigError(f"convolve: the kernel is {kernel.ndim}-D, {what} needs one that is {axes}-D. {how}")
    stride = settings.stride or (str(len(kernel)) if name is None else "1")  # windows of a pooling lie side by side
    given = {"stride": stride, "padding": settings.padding, "dilation": settings.dilation}
    steps = {key: _each_axis(key, text) for key, text in given.items()}
    operation = Operation(settings.operation, kernel, settings.mode, **steps, correlate=settings.correlate)
    return operation, name


def _fits(axes: int, source: Source) -> bool:
    """Whether a kernel of so many axes can be laid on: an array takes one with fewer, slice by slice."""
    array = source.sound is None and source.numbers.is_floating_point()
    return axes == source.axes or (array and axes < source.axes)


def _each_axis(key: str, text: str) -> tuple[int, ...]:
    parts = text.lower().replace("×", "x").replace(",", "x").split("x")
    if not all(part.strip().isdecimal() and len(part) < 10 for part in parts):
        raise ConfigError(f"convolve: {key} is {text!r}; it must be a whole number, or one for each axis, as 3x2.")
    return tuple(int(part) for part in parts)


def small_grid(settings: ConvolveSettings, operation: Operation, source: Source | None) -> Tensor:
    """What an animation shows: a grid 0, 1, 2, ..., or the picture in grey, so small that its numbers can be read."""
    from striate.explain.grids import numbered_grid, shrunk
    from striate.explain.windows import extent

    kernel = operation.kernel
    reach = max(extent(k, d) for k, d in zip(kernel.shape, operation.dilation, strict=True))
    if kernel.ndim > 2:
        raise ConfigError(f"convolve: an animation shows one or two dimensions; the kernel has {kernel.ndim}.")
    if source is not None:
        if source.axes != 2 or source.numbers.is_floating_point():
            raise ConfigError("convolve: only pictures are animated. Leave IMAGE out to see a grid of numbers.")
        rows, columns = source.numbers.shape[1:]
        enough = -(-(reach + 1) * max(rows, columns) // min(rows, columns))
        return shrunk(source.numbers, settings.grid or min(max(OF_SIDE, enough), LARGEST_GRID))
    usual = {"convolution": max(5, reach), "transposed": 3}.get(operation.name, reach + max(operation.stride))
    side = settings.grid or min(usual, LARGEST_GRID)
    return numbered_grid(1 if kernel.ndim == 1 else side, side)


def _animation(path: Path, operation: Operation, small: Tensor, done: Convolved) -> None:
    from striate.data.files import write_atomically
    from striate.explain.step_pictures import as_gif, step_pictures
    from striate.explain.steps import Steps

    pictures = step_pictures(Steps(operation, small))
    write_atomically(path, as_gif(pictures))
    done.frames, done.files["animation"] = len(pictures), str(path)


def _apply(settings: ConvolveSettings, source: Source, done: Convolved) -> None:
    """Apply the operation to the whole of what was given, and write the result and the sheet."""
    from striate.explain.sheet import sheet
    from striate.verbs.convolve_files import write_picture, write_result

    assert settings.picture is not None
    result = done.operation(source.numbers)
    done.picture, done.result = tuple(source.numbers.shape), tuple(result.shape)
    done.least, done.most = (float(value) for value in result.aminmax())
    out = settings.out
    if out is None and settings.sheet is None:
        suffix = {".wav": ".wav", ".npy": ".npy"}.get(settings.picture.suffix.lower(), ".png")
        out = Path(f"{settings.picture.stem}_{_short_name(done)}{suffix}")
    plotted = out if source.axes != 2 and out and out.suffix.lower() == ".png" else None
    for kind, path in (("sheet", settings.sheet), ("result", plotted)):
        if path is not None:
            name = settings.picture.name
            drawn, done.values = sheet(
                source.numbers, done.operation, result, name=name, kernel=_short_name(done), values=settings.values
            )
            write_picture(path, drawn)
            done.files[kind] = str(path)
    if out is not None and plotted is None:
        done.values = write_result(out, result, source, settings.values, done.operation)
        done.files["result"] = str(out)


def _short_name(done: Convolved) -> str:
    from striate.explain.named_kernels import NAMES

    if done.kernel is None:
        return done.operation.name
    return done.kernel if done.kernel in NAMES else "kernel"
