"""The steps of an operation drawn as lectures draw them, one picture a step, and all of them as a GIF.

The window moves over the numbers laid out on the left; the sum is written out below; the result fills up on the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

from PIL import Image

from striate.errors import ConfigError
from striate.explain.canvas import Canvas, figure, fitting_size, mixed, text_width
from striate.explain.steps import Cell, Steps
from striate.palette import LIGHT, Faces, Palette

MARGIN, GAP, TOP = 48, 84, 138  # pixels: around, between the tables, above them
LARGEST_CELL, SMALLEST_CELL = 58, 30  # pixels
LEAST_WIDTH, MOST_WIDTH, MOST_HEIGHT = 880, 1700, 900  # of the picture, and of its tables
LINE = 34  # pixels from line to line of the sum
COLOURS = 128  # of a GIF
SWATCH = 40  # pixels high: a colour that must not be lost among those that cover more
LAST = 3000  # milliseconds that the last picture stays


@dataclass(frozen=True)
class Layout:
    """Where everything stands, the same in every picture of one animation."""

    steps: Steps
    palette: Palette = LIGHT

    @property
    def tables(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of the tables from left to right; a pooling has no kernel, but words in its place."""
        steps = self.steps
        middle = () if steps.operation.pools else ((steps.weights.shape[0], steps.weights.shape[1]),)
        return (tuple(steps.laid_out.shape), *middle, tuple(steps.result.shape))

    @cached_property
    def cell(self) -> int:
        """Pixels of a cell's side; `ConfigError` where its number could not be read."""
        columns, rows = sum(columns for _, columns in self.tables), max(rows for rows, _ in self.tables)
        cell = min(LARGEST_CELL, int((MOST_WIDTH - 2 * MARGIN - 2 * GAP) // columns), MOST_HEIGHT // rows)
        if cell < SMALLEST_CELL:
            there = " and ".join(f"{r}×{c}" for r, c in (self.tables[0], self.tables[-1]))
            raise ConfigError(
                f"tables of {there} cells are too large to read as an animation. Take a smaller grid, or less padding."
            )
        return cell

    @cached_property
    def width(self) -> float:
        return max(LEAST_WIDTH, self.cell * sum(columns for _, columns in self.tables) + 2 * GAP + 2 * MARGIN)

    @property
    def lefts(self) -> list[float]:
        """The x at which each table starts."""
        wide = [columns * self.cell for _, columns in self.tables]
        gap = GAP if len(wide) == 3 else 2 * GAP
        x, found = (self.width - sum(wide) - gap * (len(wide) - 1)) / 2, []
        for table in wide:
            found.append(x)
            x += table + gap
        return found

    @property
    def middle(self) -> float:
        """The y of the middle of all tables."""
        return TOP + max(rows for rows, _ in self.tables) * self.cell / 2

    @property
    def below(self) -> float:
        """The y under the tables and their captions."""
        return self.middle * 2 - TOP + 56

    @cached_property
    def sum_size(self) -> int:
        return 20 if len(self.steps.window(0)) <= 30 else 15

    @cached_property
    def sum_lines(self) -> int:
        """The most lines that any sum needs."""
        longest = max(range(len(self.steps)), key=lambda step: sum(map(len, self.steps.terms(step))))
        return len(wrapped(self.steps.terms(longest), self.sum_size, self.width - 2 * MARGIN)) + 1

    @property
    def height(self) -> float:
        return self.below + self.sum_lines * LINE + 72

    @property
    def faces(self) -> Faces:
        """The colours of the window; the result has the other's."""
        return self.palette.pool if self.steps.operation.pools else self.palette.convolution


def step_picture(steps: Steps, step: int, palette: Palette = LIGHT) -> Image.Image:
    """The picture of one step: the result is filled up to there."""
    return _drawn(Layout(steps, palette), step)


def step_pictures(steps: Steps, palette: Palette = LIGHT) -> list[Image.Image]:
    """A picture for every number of the result; `ConfigError` where there are too many cells to read."""
    layout = Layout(steps, palette)
    return [_drawn(layout, step) for step in range(len(steps))]


def as_gif(pictures: list[Image.Image]) -> bytes:
    """The pictures as an animated GIF that starts again at its end; the more there are, the faster it goes."""
    width, height = pictures[0].size
    example = Image.new("RGB", (width, height * 2 + SWATCH))
    example.paste(pictures[len(pictures) // 2], (0, 0))
    example.paste(pictures[-1], (0, height))
    for number, colour in enumerate((LIGHT.convolution.end, LIGHT.pool.end, LIGHT.ink)):  # of text: few pixels
        example.paste(colour, (number * width // 3, height * 2, (number + 1) * width // 3, height * 2 + SWATCH))
    colours = example.quantize(COLOURS)
    frames = [picture.quantize(palette=colours, dither=Image.Dither.NONE) for picture in pictures]
    each = 1000 if len(frames) <= 16 else 600 if len(frames) <= 64 else 300
    file = BytesIO()
    times = [each] * (len(frames) - 1) + [LAST]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, disposal=1)
    return file.getvalue()


def _drawn(layout: Layout, step: int) -> Image.Image:
    canvas = Canvas(layout.width, layout.height, layout.palette)
    _heading(canvas, layout, step)
    _numbers(canvas, layout, step)
    if not layout.steps.operation.pools:
        _kernel(canvas, layout)
    _result(canvas, layout, step)
    _between(canvas, layout)
    _sum(canvas, layout, step)
    return canvas.finished()


def _heading(canvas: Canvas, layout: Layout, step: int) -> None:
    operation, paint = layout.steps.operation, layout.palette
    canvas.text((MARGIN, 46), operation.title, 30, paint.ink, bold=True)
    said = [f"window {_by(tuple(operation.kernel.shape))}" if operation.pools else ""]
    said += [f"mode {operation.mode}"] if operation.mode != "valid" else []
    said += [f"stride {_plain(operation.stride)}", f"padding {_plain(operation.padding)}"]
    said += [f"dilation {_plain(operation.dilation)}"] if max(operation.dilation) > 1 else []
    canvas.text((MARGIN, 84), ",  ".join(filter(None, said)), 18, paint.soft)
    canvas.text((layout.width - MARGIN, 46), f"{step + 1} of {len(layout.steps)}", 18, paint.soft, anchor="r")


def _numbers(canvas: Canvas, layout: Layout, step: int) -> None:
    """The numbers laid out, with the window on them."""
    steps, paint, faces = layout.steps, layout.palette, layout.faces
    under = {(cell.row, cell.column): cell for cell in steps.window(step)}
    best = _largest(list(under.values())) if steps.operation.name == "max_pool" else None
    shown = [[_shown(steps, r, c) for c in range(steps.own.shape[1])] for r in range(steps.own.shape[0])]
    size = fitting_size([text for row in shown for text in row], layout.cell * 0.8, layout.cell * 0.4)
    left, top = _corner(layout, 0)
    for r, row in enumerate(shown):
        for c, text in enumerate(row):
            own, cell = bool(steps.own[r, c]), under.get((r, c))
            fill = paint.card if own else paint.faint
            if cell:
                fill = mixed(faces.top, paint.card if own else paint.faint, 0.25 if own else 0.55)
            won = cell is not None and cell == best
            box = (left + c * layout.cell, top + r * layout.cell, layout.cell, layout.cell)
            canvas.box(box, faces.end if won else fill, mixed(paint.line, paint.wire, 0.5))
            colour = paint.accent_ink if won else paint.ink if own else paint.soft
            weighted = cell is not None and not steps.operation.pools and layout.cell >= 42
            _in_cell(canvas, box, text, size, colour, f"×{figure(cell.weight)}" if cell and weighted else "")
    reach = list(under)
    height, width = reach[-1][0] - reach[0][0] + 1, reach[-1][1] - reach[0][1] + 1
    where = (left + reach[0][1] * layout.cell, top + reach[0][0] * layout.cell)
    canvas.box((*where, width * layout.cell, height * layout.cell), None, faces.end, 3)
    name = "input" if steps.operation.mode == "valid" and not any(steps.operation.padding) else "input with its border"
    _caption(canvas, layout, 0, f"{name if steps.operation.name != 'transposed' else 'input, spread'}")


def _in_cell(
    canvas: Canvas, box: tuple[float, float, float, float], text: str, size: float, colour: str, corner: str = ""
) -> None:
    x, y, side, _ = box
    lift = side * 0.1 if corner else 0
    canvas.text((x + side / 2, y + side / 2 - lift), text, size, colour, anchor="m")
    if corner:
        small = fitting_size([corner], side * 0.86, side * 0.23)
        canvas.text((x + side * 0.93, y + side * 0.84), corner, small, canvas.palette.convolution.end, anchor="r")


def _kernel(canvas: Canvas, layout: Layout) -> None:
    steps, paint = layout.steps, layout.palette
    left, top = _corner(layout, 1)
    rows = [[figure(float(number)) for number in row] for row in steps.weights]
    size = fitting_size([text for row in rows for text in row], layout.cell * 0.84, layout.cell * 0.4)
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            box = (left + c * layout.cell, top + r * layout.cell, layout.cell, layout.cell)
            canvas.box(box, mixed(layout.faces.top, paint.card, 0.25), layout.faces.front)
            _in_cell(canvas, box, text, size, paint.ink)
    said = "kernel" + (f" × 1/{steps.divisor}" if steps.divisor not in (1, None) else "")
    said += ", rounded" if steps.divisor is None else ""
    _caption(canvas, layout, 1, said)
    if steps.operation.turned and steps.operation.kernel.numel() > 1:
        _caption(canvas, layout, 1, "turned by 180°", line=1)


def _result(canvas: Canvas, layout: Layout, step: int) -> None:
    steps, paint = layout.steps, layout.palette
    left, top = _corner(layout, len(layout.tables) - 1)
    rows, columns = steps.result.shape
    texts = [figure(float(number)) for number in steps.result.flatten()]
    size = fitting_size(texts, layout.cell * 0.86, layout.cell * 0.4)
    faces = paint.convolution if steps.operation.pools else paint.pool
    for number, text in enumerate(texts):
        r, c = divmod(number, columns)
        box = (left + c * layout.cell, top + r * layout.cell, layout.cell, layout.cell)
        fill = paint.card if number < step else paint.paper
        canvas.box(box, mixed(faces.top, paint.card, 0.25) if number == step else fill, paint.line)
        if number <= step:
            _in_cell(canvas, box, text, size, paint.ink)
    row, column = steps.place(step)
    canvas.box((left, top, columns * layout.cell, rows * layout.cell), None, mixed(paint.line, paint.wire, 0.5))
    canvas.box((left + column * layout.cell, top + row * layout.cell, layout.cell, layout.cell), None, faces.front, 3)
    size_said = str(columns) if rows == steps.grid.shape[0] == 1 else _by((rows, columns))
    _caption(canvas, layout, len(layout.tables) - 1, f"result, {size_said}")


def _between(canvas: Canvas, layout: Layout) -> None:
    """The signs that stand between the tables."""
    ends = [left + columns * layout.cell for left, (_, columns) in zip(layout.lefts, layout.tables, strict=True)]
    ink, size = layout.palette.soft, 40
    if len(layout.tables) == 2:
        x = (ends[0] + layout.lefts[1]) / 2
        canvas.text(
            (x, layout.middle - 16), "max" if layout.steps.operation.name == "max_pool" else "mean", 24, ink, anchor="m"
        )
        canvas.text((x, layout.middle + 16), "→", size, ink, anchor="m")
        return
    canvas.text(((ends[0] + layout.lefts[1]) / 2, layout.middle - 4), "*", 52, ink, anchor="m")
    canvas.text(((ends[1] + layout.lefts[2]) / 2, layout.middle), "=", size, ink, anchor="m")


def _sum(canvas: Canvas, layout: Layout, step: int) -> None:
    """The sum of this step, its value last, and under it the arithmetic of the size."""
    paint, steps = layout.palette, layout.steps
    y = layout.below + LINE
    lines = wrapped(steps.terms(step), layout.sum_size, layout.width - 2 * MARGIN)
    for line in lines:
        x = (layout.width - text_width(" ".join(line), layout.sum_size)) / 2
        for piece in line:
            last = piece.startswith("= ")
            colour = (paint.convolution if steps.operation.pools else paint.pool).end if last else paint.ink
            canvas.text((x, y), piece, layout.sum_size, colour, bold=last)
            x += text_width(piece + " ", layout.sum_size)
        y += LINE
    rows, columns = steps.operation.formulas(tuple(steps.grid.shape))
    same = rows == columns or steps.grid.shape[0] == 1
    said = f"size of the result:  {columns}" if same else f"rows:  {rows}      columns:  {columns}"
    canvas.line([(MARGIN, layout.height - 66), (layout.width - MARGIN, layout.height - 66)], paint.line, 1)
    canvas.text((layout.width / 2, layout.height - 36), said, 18, paint.soft, anchor="m")


def wrapped(pieces: list[str], size: float, width: float) -> list[list[str]]:
    """The pieces of text in as few lines as fit into `width` pixels."""
    lines: list[list[str]] = [[]]
    for piece in pieces:
        if lines[-1] and text_width(" ".join([*lines[-1], piece]), size) > width:
            lines.append([])
        lines[-1].append(piece)
    return lines


def _corner(layout: Layout, table: int) -> tuple[float, float]:
    return layout.lefts[table], layout.middle - layout.tables[table][0] * layout.cell / 2


def _caption(canvas: Canvas, layout: Layout, table: int, text: str, line: int = 0) -> None:
    rows, columns = layout.tables[table]
    x, y = layout.lefts[table] + columns * layout.cell / 2, layout.middle + rows * layout.cell / 2
    canvas.text((x, y + 24 + 22 * line), text, 16, layout.palette.soft, anchor="m")


def _shown(steps: Steps, row: int, column: int) -> str:
    """The number in a cell; a border that never wins, of max pooling, is blank."""
    value = float(steps.laid_out[row, column])
    return "" if value == float("-inf") else figure(value)


def _largest(cells: list[Cell]) -> Cell | None:
    return max((cell for cell in cells if cell.own), key=lambda cell: cell.value, default=None)


def _by(sizes: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in sizes)


def _plain(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else _by(values)
