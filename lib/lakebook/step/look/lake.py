"""The looks of a step in a lake: which columns stay hidden, and what each look is given."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...cards.render import Shown
from ...contract.classified import classified_columns
from ...errors import UserError
from ...names import Dataset

if TYPE_CHECKING:
    from ..lake import LakeContext

ROWS_MAX = 1_000
_STAYS_HIDDEN = "unmask is for a session: what a run shows is archived, so values stay hidden"


class LakeLook:
    """What `Step.preview`, `Step.profile` and `Step.diff` do for real."""

    def __init__(self, context: LakeContext) -> None:
        self.context = context

    def preview(self, frame: Any, rows: int, *, unmask: bool) -> Shown:
        from .preview import preview

        if not isinstance(rows, int) or isinstance(rows, bool) or not 0 <= rows <= ROWS_MAX:
            raise UserError(
                f"step.preview(…, rows={rows!r})", fix=f"ask for 0 to {ROWS_MAX:,} rows"
            )
        return preview(frame, rows, self._hidden(frame, unmask), self._notes(unmask))

    def profile(self, frame: Any, *, unmask: bool) -> Shown:
        from .profile import profile

        hidden = self._hidden(frame, unmask)
        return profile(frame, self.context.settings.state, hidden, self._notes(unmask))

    def diff(self, frame: Any, table: Dataset, *, unmask: bool) -> Shown:
        from .diff import diff

        contract = self.context.table(table)
        hide = partial(self.hidden, unmask=unmask)
        return diff(self.context, frame, contract, hide, self._notes(unmask))

    def _hidden(self, frame: Any, unmask: bool) -> frozenset[str]:
        from .frames import columns_of

        return self.hidden(columns_of(frame), unmask)

    def hidden(self, names: Iterable[str], unmask: bool) -> frozenset[str]:
        """Columns whose values must not be shown.

        Those that a contract of this step or of what it reads classifies; and, if there are any,
        those that no contract promises, since they may be made of one.
        """
        if unmask and not self.archived:
            return frozenset()
        context = self.context
        tables = [*context.contract.tables, *(v.contract for v in context.views_read)]
        classified = frozenset[str]().union(*map(classified_columns, tables))
        if not classified:
            return frozenset()
        promised = {c.name for table in tables for c in table.columns if c.promised}
        return frozenset(n for n in names if n in classified or n not in promised)

    def _notes(self, unmask: bool) -> tuple[str, ...]:
        return (_STAYS_HIDDEN,) if unmask and self.archived else ()

    @property
    def archived(self) -> bool:
        """Whether this is a run, which leaves its executed notebook for everybody."""
        return self.context.run.out is not None
