"""What a notebook shows after a write: rows, checks with their history, the new version, some rows
and what it is made of. How it looks is `lakebook.cards`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..cards.render import Bundle, Shown, bundle, card
from ..cards.views import (
    Hides,
    check_view,
    figure_of,
    input_view,
    ordered,
    output_view,
    sample_view,
    state_of,
)
from .history import Found
from .outcome import Output

if TYPE_CHECKING:
    from ..contract.model import TableContract
    from ..quality import AuditResult
    from .lake import LakeContext

_MARKS = {"ok": "passed", "failed": "failed", "aside": "quarantined", "warn": "warning"}


def _nothing() -> Found:
    return {}


@dataclass(frozen=True)
class Card:
    """Displays as a card in a notebook and as text elsewhere; drawn only when it is shown.

    `checks` and `inputs` are as the record has them; `past` gives the checks of earlier runs.
    """

    output: Output
    checks: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    inputs: Sequence[Mapping[str, Any]] = ()
    past: Callable[[], Found] = _nothing
    hides: Hides = field(default=lambda column: column is not None)

    def __repr__(self) -> str:
        lines = [self._headline(), *(f"  {row}" for row in map(self._line, self.checks))]
        lines += [
            f"  {one['source']}: {one['rows']['said']}" for one in self.inputs if "rows" in one
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        return self.shown._repr_html_()

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return bundle(self)

    @cached_property
    def shown(self) -> Shown:
        past, output = self.past(), asdict(self.output)
        checks = []
        for check in ordered(self.checks):
            before = past.get((self.output.dataset, str(check.get("name"))), [])
            checks.append(check_view(check, self.hides, [*before, figure_of(check)]))
        return card(
            "written.html",
            repr(self),
            output=output_view(output),
            notes=self.notes,
            checks=checks,
            inputs=[input_view(entry) for entry in self.inputs],
            sample=sample_view(output, self.hides),
        )

    def _headline(self) -> str:
        o = self.output
        wrote = f"version {o.version}" if o.committed else f"nothing new, version {o.version}"
        return (
            f"{o.dataset}: {o.rows_audited:,} rows audited = {o.rows_published:,} published + "
            f"{o.rows_quarantined:,} quarantined; {wrote}, "
            f"{len(o.committed)} partitions written, {len(o.unchanged)} unchanged"
        )

    def _line(self, check: Mapping[str, Any]) -> str:
        if problem := check.get("problem"):
            return f"{'not judged':<12} {check.get('name')}: could not be evaluated: {problem}"
        broken = check.get("unexpected")
        count = "" if broken is None else f" ({broken:,} rows)"
        return f"{_MARKS[state_of(check)]:<12} {check.get('name')}{count}"


def card_of(
    context: LakeContext,
    contract: TableContract,
    output: Output,
    audit: AuditResult | None,
    *more: str,
) -> Card:
    """The card of a write; `more` are notes of this write alone."""
    from ..contract.classified import hidden_columns
    from .history import past_checks

    hidden, known = hidden_columns(contract), contract.names
    return Card(
        output,
        tuple(asdict(check) for check in audit.checks) if audit else (),
        (*context.outcome.notes, *more),
        tuple(context.outcome.inputs),
        lambda: past_checks(context.settings.runs, context.step),
        lambda name: name is not None and (name in hidden or name not in known),
    )
