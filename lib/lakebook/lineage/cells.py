"""Running the cells of a notebook one by one, in a namespace of their own and without output.

An exception carries the cell and the line that raised it. The cells are read by `graph.notebook`.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..graph.notebook import Cell, parse, sql_cell
from ..intervals import Interval, Unit, floor, next_edge, parse_day
from ..own_modules import forget_own_modules
from ..step.sql_cell import is_sql_cell, run_sql_cell


class CellError(Exception):
    """A cell raised `cause`. `line` counts the cell's lines from 1, if it is known."""

    def __init__(self, cell: Cell, line: int | None, cause: BaseException) -> None:
        super().__init__(f"cell {cell.number}: {cause}")
        self.cell = cell
        self.line = line
        self.cause = cause


def run_cells(
    cells: Sequence[Cell],
    *,
    notebook: str,
    unit: Unit,
    started: Callable[[Cell], None],
    finished: Callable[[dict[str, Any]], None],
) -> None:
    """Run the cells that a check runs (all but those tagged `view`), with a sample interval.

    Parameters
    ----------
    unit: the sample interval is one partition of this unit.
    started: called before each cell.
    finished: called with the namespace after each; what it raises counts as the cell's.

    Raises CellError for the first cell that raises.
    """
    space: dict[str, Any] = {"__name__": "__main__", "display": _nothing, "get_ipython": _nothing}
    for cell in cells:
        if cell.is_view:
            continue
        started(cell)
        file = f"<{notebook}, cell {cell.number}>"
        # A traceback, and whoever reads its lines, finds the cell's text here.
        lines = cell.source.splitlines(keepends=True)
        linecache.cache[file] = (len(cell.source), None, lines, file)
        try:
            if is_sql_cell(cell.source):
                run_sql_cell(sql_cell(cell, where=notebook), space)
            else:
                exec(compile(parse(cell, where=notebook), file, "exec"), space)
            if cell.is_parameters:
                _put_sample(space, unit)
            finished(space)
        except KeyboardInterrupt:
            raise
        except BaseException as cause:  # SystemExit too: a cell must not end the check of others
            raise CellError(cell, _line_of(cause, file), cause) from cause


@contextlib.contextmanager
def beside(notebook: Path) -> Iterator[None]:
    """Run cells where a kernel runs them: in the notebook's folder, whose modules come first.

    What cells print is swallowed, and what they may change in the process is put back.
    """
    environ, folder, path = dict(os.environ), Path.cwd(), list(sys.path)
    dice, keyboard = random.getstate(), sys.stdin
    sys.stdin = io.StringIO()
    try:
        os.chdir(notebook.parent)
        sys.path.insert(0, "")
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        sys.stdin = keyboard
        random.setstate(dice)
        sys.path[:] = path
        forget_own_modules()  # another notebook may have others of the same names beside it
        os.chdir(folder)
        for name in set(os.environ) - set(environ):
            del os.environ[name]
        os.environ.update(environ)


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _put_sample(space: dict[str, Any], unit: Unit) -> None:
    """Replace start and end, where the cell has them, by one whole partition."""
    if space.get("start") is None or space.get("end") is None:
        return
    first = floor(parse_day(space["start"], what="start"), unit)
    sample = Interval(first, next_edge(first, unit))
    space["start"], space["end"] = str(sample.start), str(sample.end)


def _line_of(cause: BaseException, file: str) -> int | None:
    line, frame = None, cause.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == file:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
