"""What a job shows: a sentence, tables, notes; in a notebook, in a report and in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..cards.render import Shown, card, text_table
from ..settings import Settings

_ROWS = 40
"""Rows of a table that a card shows; the rest is counted."""


@dataclass(frozen=True)
class Column:
    name: str
    num: bool = False
    type: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of texts. `folded`: opened by a click, in a notebook and on a page."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[str]]
    folded: bool = False

    @classmethod
    def of(
        cls,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        numbers: int = 0,
        folded: bool = False,
    ) -> Table:
        """`numbers`: how many columns from the right are figures."""
        first = len(columns) - numbers
        heads = tuple(Column(name, at >= first) for at, name in enumerate(columns))
        return cls(title, heads, rows, folded)

    @property
    def shown(self) -> Sequence[Sequence[str]]:
        return self.rows[:_ROWS]

    @property
    def more(self) -> int:
        return len(self.rows) - len(self.shown)

    def lines(self) -> list[str]:
        """The table as text."""
        right = frozenset(at for at, column in enumerate(self.columns) if column.num)
        heads = [column.name for column in self.columns]
        lines = text_table(heads, [list(row) for row in self.shown], right=right)
        return [self.title, *lines, *([f"… and {self.more} more"] if self.more else [])]


def in_lake(settings: Settings, file: str | Path) -> str:
    """A path as cards show it: from the lake on, where it is there."""
    path = Path(file)
    inside = path.is_relative_to(settings.lake)
    return str(path.relative_to(settings.lake) if inside else path)


@dataclass(frozen=True)
class JobCard:
    """Displays as a card in a notebook and as text elsewhere; drawn only when it is shown.

    `state` is ok, warn or failed. `operations` are as in the run record. `notes` enter it, `asides`
    only stand here.
    """

    title: str
    headline: str
    state: str = "ok"
    tables: tuple[Table, ...] = ()
    operations: Sequence[Mapping[str, Any]] = field(default=())
    notes: Sequence[str] = ()
    asides: Sequence[str] = ()

    def __repr__(self) -> str:
        lines = [f"{self.title}: {self.headline}"]
        for table in self.tables:
            if table.rows:
                lines += ["", *table.lines()]
        return "\n".join([*lines, *(f"note: {note}" for note in (*self.notes, *self.asides))])

    def _repr_html_(self) -> str:
        return self.shown._repr_html_()

    @cached_property
    def shown(self) -> Shown:
        from ..cards.views import operation_view

        return card(
            "job.html",
            repr(self),
            title=self.title,
            headline=self.headline,
            state=self.state,
            tables=[table for table in self.tables if table.rows],
            operations=[operation_view(one) for one in self.operations],
            notes=self.notes,
            asides=self.asides,
        )
