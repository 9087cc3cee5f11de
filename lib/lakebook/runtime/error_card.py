"""What a notebook shows of an error that a person can act on: one card, the traceback folded away.

`hooks.py` makes it where a cell fails. Its HTML is plain enough to pass the archive's sanitizer;
colours are the notebook's alone.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from types import TracebackType
from typing import Any

from ..archive.cells import ANSI, CARD_TRACE
from ..engines.messages import without_plan
from ..errors import LakebookError

_TRACE_MAX = 20_000  # characters; the two ends say most
_LINE_MAX = 160
_BOX = "border-left:4px solid var(--jp-error-color1,#c62828);padding:2px 0 2px 12px;max-width:60em"


@dataclass(frozen=True)
class Place:
    """The line of the notebook's own code that raised: `In[3]`, counted from 1."""

    cell: str
    line: int
    code: str
    called_from: int | None = None  # line of the running cell, if the code is another cell's

    @property
    def words(self) -> str:
        if self.called_from is None:
            return f"line {self.line} of this cell"
        return f"line {self.line} of {self.cell}, called from line {self.called_from} of this cell"


@dataclass(frozen=True)
class ErrorCard:
    """Displays as HTML in a notebook and as a few lines elsewhere.

    `columns`: of each table that the step has read, where a column was not found; `trace`: the
    pieces of the traceback, whole.
    """

    kind: str
    found: str
    where: str = ""
    fix: str = ""
    place: Place | None = None
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trace: Sequence[str] = ()

    def masked(self, mask: Callable[[Any], Any]) -> ErrorCard:
        """The card without the values of secrets."""
        place = replace(self.place, code=mask(self.place.code)) if self.place else None
        found, where, fix = (mask(text) for text in (self.found, self.where, self.fix))
        trace = tuple(map(mask, self.trace))
        return replace(self, found=found, where=where, fix=fix, trace=trace, place=place)

    @property
    def sentence(self) -> str:
        return LakebookError(self.found, where=self.where, fix=self.fix).sentence

    @property
    def lines(self) -> list[str]:
        """What stands in the message that ends the cell: the sentence, and the line."""
        ended = [f"\x1b[0;31m{self.kind}\x1b[0m: {self.sentence}"]
        if self.place:
            ended.append(f"Cell {self.place.cell}, line {self.place.line}: {self.place.code}")
        return ended

    def __repr__(self) -> str:
        lines = [f"{self.kind}: {self.found}"]
        lines += [f"  where: {self.where}"] if self.where else []
        lines += [f"         {self.place.words}"] if self.place else []
        lines += [f"  to do: {self.fix}"] if self.fix else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p><strong>{escape(self.kind)}: {escape(self.found)}</strong></p>"]
        where = [escape(self.where)] if self.where else []
        if self.place:
            code = f"<br><code>{escape(self.place.code)}</code>" if self.place.code else ""
            where.append(escape(self.place.words) + code)
        if where:
            parts.append(f"<p><b>Where:</b> {'; '.join(where)}</p>")
        if self.fix:
            parts.append(f"<p><b>What to do:</b> {escape(self.fix)}</p>")
        for table, names in self.columns.items():
            listed = ", ".join(f"<code>{escape(name)}</code>" for name in names)
            parts.append(_folded(f"Columns of {table} ({len(names)})", f"<p>{listed}</p>"))
        if self.trace:
            # Without the query's plan, which names files of the lake; the metadata has it.
            text = _cut("\n".join(without_plan(piece).rstrip() for piece in self.trace))
            parts.append(_folded("Traceback", f"<pre>{escape(text)}</pre>"))
        return f'<div style="{_BOX}">{"".join(parts)}</div>'

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        data = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        return data, {CARD_TRACE: [_cut(piece) for piece in self.trace]}


def card_of(
    told: LakebookError,
    raised: BaseException,
    *,
    place: Place | None,
    trace: Sequence[str],
    columns: Mapping[str, Sequence[str]] | None = None,
) -> ErrorCard:
    """The card of an error: what is told of it, and the one that was raised."""
    return ErrorCard(
        kind=type(raised).__name__,
        found=told.found,
        where=told.where,
        fix=told.fix,
        place=place,
        columns=columns or {},
        trace=tuple(ANSI.sub("", piece) for piece in trace),
    )


def place_of(trace: TracebackType | None, name_of: Callable[[str], Any]) -> Place | None:
    """Where in the notebook's cells an error was raised.

    Parameters
    ----------
    name_of: gives `("Cell", "In[3]")` for the file name of a cell's code, else None (IPython's
        `compile.format_code_name`).
    """
    cells = []
    for frame, line in traceback.walk_tb(trace):
        file = frame.f_code.co_filename
        if (name := name_of(file)) is not None:
            cells.append((str(name[1]), line, linecache.getline(file, line).strip()))
    if not cells:
        return None
    cell, line, code = cells[-1]
    called = None if cell == cells[0][0] else cells[0][1]
    return Place(cell, line, code if len(code) <= _LINE_MAX else f"{code[:_LINE_MAX]}…", called)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _cut(text: str) -> str:
    if len(text) <= _TRACE_MAX:
        return text
    gone = len(text) - _TRACE_MAX
    head, tail = text[: _TRACE_MAX // 3], text[-(_TRACE_MAX - _TRACE_MAX // 3) :]
    return f"{head}\n… {gone:,} characters left out …\n{tail}"
