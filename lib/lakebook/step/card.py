"""What a notebook shows after a write: rows, partitions, checks and the new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from .outcome import Output

if TYPE_CHECKING:
    from ..quality import CheckResult

_MARKS = {"fail": "failed", "quarantine": "quarantined", "warn": "warning"}


@dataclass(frozen=True)
class Card:
    """Displays as a table in a notebook and as text elsewhere."""

    output: Output
    checks: Sequence[CheckResult]
    notes: Sequence[str] = ()

    def __repr__(self) -> str:
        lines = [self._headline(), *(f"  {row}" for row in map(self._line, self.checks))]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(c.name)}</td><td>{self._state(c)}</td>"
            f"<td>{'' if c.unexpected is None else f'{c.unexpected:,}'}</td>"
            f"<td>{escape(c.reason)}</td></tr>"
            for c in self.checks
        )
        table = (
            "<table><thead><tr><th>rule</th><th>result</th><th>rows</th><th>reason</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
            if rows
            else ""
        )
        notes = "".join(f"<p>Note: {escape(note)}</p>" for note in self.notes)
        return f"<div><p><strong>{escape(self._headline())}</strong></p>{table}{notes}</div>"

    def _headline(self) -> str:
        o = self.output
        wrote = f"version {o.version}" if o.committed else f"nothing new, version {o.version}"
        return (
            f"{o.dataset}: {o.rows_audited:,} rows audited = {o.rows_published:,} published + "
            f"{o.rows_quarantined:,} quarantined; {wrote}, "
            f"{len(o.committed)} partitions written, {len(o.unchanged)} unchanged"
        )

    def _line(self, check: CheckResult) -> str:
        count = "" if check.unexpected is None else f" ({check.unexpected:,} rows)"
        return f"{self._state(check):<12} {check.name}{count}"

    @staticmethod
    def _state(check: CheckResult) -> str:
        return "passed" if check.success else _MARKS[check.action]
