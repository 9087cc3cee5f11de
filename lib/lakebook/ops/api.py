"""`Maintenance`: the object that a maintenance notebook works with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from ..errors import RunError, UserError
from ..intervals import parse_day
from ..names import PROD, Job
from ..step.run_context import RunContext
from .card import JobCard
from .chosen import chosen_table, chosen_tables
from .outcome import JobOutcome

if TYPE_CHECKING:
    from ..contract.model import TableContract
    from .cold import VerifyCard
    from .deletion import RetentionCard
    from .erasing import EraseCard
    from .files import CompactCard
    from .tiering import PlanCard, StatusCard


class Maintenance:
    """One maintenance job on prod's tables, whatever the environment of the notebook.

    Each method returns a card to show. What it did, and what it could not do, enters the run
    record. A job that runs in a person's environment looks, and refuses to change anything.

    Parameters
    ----------
    name: of the notebook, `tiering` for notebooks/ops/tiering.ipynb.
    as_of: the day that ages are counted to, ISO; default: today (UTC).
    datasets: names, or one text with commas between; default: all that a contract promises.
    dry_run: whether methods that change something only say what they would do; default: those that
        delete data do, the others do not.
    """

    def __init__(
        self,
        name: str,
        *,
        as_of: str | date | None = None,
        datasets: str | Iterable[str] = (),
        dry_run: bool | None = None,
    ) -> None:
        self.name = Job(name)
        self.as_of = parse_day(as_of, what="as_of") if as_of else datetime.now(UTC).date()
        self._run = RunContext.current()
        self.settings = self._run.settings
        self._datasets = datasets
        self.dry_run = _truth(dry_run)
        self._outcome = JobOutcome(self._run.out, self.name)

    @cached_property
    def tables(self) -> Sequence[TableContract]:
        """The contracts of the datasets that the job looks at; broken ones are noted, left out."""
        return chosen_tables(self.settings, self._datasets, self._leave_out)

    def _leave_out(self, problem: UserError) -> None:
        self.note(notes=[f"left out, as its contract cannot be read: {problem.sentence}"])

    # -- tiering -------------------------------------------------------------------------------

    def status(self) -> StatusCard:
        """Bytes, rows and monthly cost of each dataset by tier."""
        from .tiering import status

        return self._shown("status", status(self))

    def plan(self) -> PlanCard:
        """What the policies would move on `as_of`, and why; expired partitions are retention's."""
        from .tiering import plan

        return self._shown("plan", plan(self))

    def apply(self, plan: PlanCard) -> JobCard:
        """Do exactly what a plan says; what has changed since is left and named."""
        from .tiering import apply

        is_dry = self._is_dry("apply")
        return self._said("apply", apply(self, plan, dry_run=is_dry))

    # -- files ---------------------------------------------------------------------------------

    def compact(self, *, dry_run: bool | None = None) -> CompactCard:
        """Merge small files into sorted ones of the target size, in hot and warm."""
        from .files import compact

        return self._said("compact", compact(self, dry_run=self._is_dry("compact", dry_run)))

    def vacuum(self) -> JobCard:
        """Delete files that no version of the last week shows and no lease names."""
        from .files import vacuum

        return self._said("vacuum", vacuum(self, dry_run=self._is_dry("vacuum")))

    # -- cold ----------------------------------------------------------------------------------

    def restore(
        self,
        dataset: str,
        start: str | date,
        end: str | date,
        *,
        to: Literal["warm", "hot"] = "warm",
        days: float | None = None,
        dry_run: bool | None = None,
    ) -> JobCard:
        """Bring the partitions of an interval back from cold for some days.

        `days`: 0: until their policy moves them; default: `restore_days` of the settings.
        """
        from .cold import restore

        is_dry = self._is_dry("restore", dry_run)
        contract = chosen_table(self.settings, dataset, "-p dataset=silver.flights")
        card = restore(self, contract, start, end, to=to, days=days, dry_run=is_dry)
        return self._said("restore", card)

    def verify(self) -> VerifyCard:
        """Read every file in every tier and compare it with what was written. Changes nothing."""
        from .cold import verify

        return self._said("verify", verify(self))

    # -- deletion ------------------------------------------------------------------------------

    def retention(self, *, dry_run: bool | None = None) -> RetentionCard:
        """Delete what is past its retention on `as_of`, or only say what that is."""
        from .deletion import retention

        is_dry = self._is_dry("retention", dry_run, default=True)
        return self._said("retention", retention(self, dry_run=is_dry))

    def erase(self, dataset: str, key: str, *, dry_run: bool | None = None) -> EraseCard:
        """Erase a subject's rows everywhere, or only say where they are.

        `key`: `column=value`, several with spaces between. Its value stands in no card, no record.
        """
        from .erasing import erase

        is_dry = self._is_dry("erase", dry_run, default=True)
        contract = chosen_table(self.settings, dataset, "-p dataset=silver.flights")
        return self._said("erase", erase(self, contract, key, dry_run=is_dry))

    # -- what all of them need -----------------------------------------------------------------

    @property
    def run_id(self) -> str:
        return self._run.run_id

    def note(self, operations: Iterable[Mapping[str, Any]] = (), notes: Iterable[str] = ()) -> None:
        """Keep what was done, and what was not, for the run record."""
        self._outcome.add(operations, notes)

    def fail(self, card: JobCard, error: RunError) -> NoReturn:
        """Show a card and end the cell with an error."""
        from IPython.display import display

        display(self._said("failed", card))
        raise error

    def _said(self, method: str, card: Any) -> Any:
        self._outcome.say(method, card.headline)
        return self._shown(method, card)

    def _shown(self, method: str, card: Any) -> Any:
        self.note(notes=card.notes)
        return card if method == self.name.name else replace(card, title=f"{self.name} {method}")

    def _is_dry(self, doing: str, given: bool | None = None, *, default: bool = False) -> bool:
        """Whether nothing is to be changed. Raises UserError where something may not be."""
        first = _truth(given)
        chosen = self.dry_run if first is None else first
        is_dry = default if chosen is None else chosen
        env = self.settings.env
        if not is_dry and env != PROD:
            raise UserError(
                f"job.{doing} changes prod, and this notebook runs in the environment {env!r}",
                fix=f"run it in prod: lakebook run {self.name}; or look only, with dry_run = True",
            )
        return is_dry


def _truth(given: Any) -> bool | None:
    if given is None or isinstance(given, bool):
        return given
    raise UserError(f"dry_run={given!r} is neither true nor false", fix="write -p dry_run=false")
