"""The looks of a step in a lake: which columns stay hidden, and what each look is given."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...cards.render import Shown
from ...contract.classified import hidden_columns
from ...errors import UserError
from ...names import Dataset
from ..hidden import hidden_in, tables_of
from .frames import columns_of

if TYPE_CHECKING:
    from ...contract.model import TableContract
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
        hide = partial(self._hidden_in_diff, frame, contract, unmask)
        return diff(self.context, frame, contract, hide, self._notes(unmask))

    def _hidden(self, frame: Any, unmask: bool) -> frozenset[str]:
        """Columns whose values must not be shown, whatever they were renamed to."""
        return frozenset() if unmask and not self.archived else hidden_in(self.context, frame)

    def _hidden_in_diff(
        self, frame: Any, contract: TableContract, unmask: bool, names: Iterable[str]
    ) -> frozenset[str]:
        """Of the columns of both sides: those of the frame, and those of what is published."""
        if unmask and not self.archived:
            return frozenset()
        given = frozenset[str]() if frame is None else frozenset(columns_of(frame))
        of_tables = [t for t in tables_of(self.context) if t.dataset == contract.dataset]
        hidden = frozenset[str]().union(*map(hidden_columns, of_tables))
        if frame is not None:
            hidden |= hidden_in(self.context, frame)
        known = given.union(contract.names)
        return frozenset(name for name in names if name in hidden or name not in known)

    def _notes(self, unmask: bool) -> tuple[str, ...]:
        return (_STAYS_HIDDEN,) if unmask and self.archived else ()

    @property
    def archived(self) -> bool:
        """Whether this is a run, which leaves its executed notebook for everybody."""
        return self.context.run.out is not None
