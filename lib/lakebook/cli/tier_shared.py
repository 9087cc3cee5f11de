"""What the commands of `lakebook tier` share: prod's settings, datasets, intervals, how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ..intervals import NULL, Interval, parse_day
from ..names import Dataset
from . import shared

if TYPE_CHECKING:
    from ..contract.model import TableContract
    from ..settings import Settings

DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Count ages to this day, not today.")
]
Start = Annotated[str, typer.Option(metavar="DATE", help="First day, inclusive (YYYY-MM-DD).")]
End = Annotated[str, typer.Option(metavar="DATE", help="First day after the interval.")]
Days = Annotated[
    float | None,
    typer.Option(metavar="N", help="How many days it stays (default: restore_days of [tiers])."),
]
Until = Annotated[
    str | None, typer.Option(metavar="DATE", help="Until when it stays: the first day without it.")
]


def prod_settings(lake: str | None, *, writes: bool = False) -> Settings:
    """Settings of prod, whatever LAKEBOOK_ENV says: nothing else has tiers."""
    from ..names import PROD

    return shared.settings_of(lake, PROD, writes=writes)


def contracts_of(settings: Settings, names: Sequence[str] | None) -> tuple[TableContract, ...]:
    """The contracts of datasets, or all that can be read. Raises UserError for an unknown one."""
    from ..contract.lookup import find_table, readable_tables

    if not names:
        return readable_tables(settings).tables
    return tuple(find_table(settings, Dataset.parse(name)) for name in dict.fromkeys(names))


def partitions_of(
    settings: Settings, contract: TableContract, start: str, end: str
) -> tuple[str, ...]:
    """The partitions of an interval that were written; all of its names, if none was.

    Raises UserError for a dataset without time, and for one that was never written.
    """
    from ..contract.time import partitions_of as names_of
    from ..delta import open_snapshot
    from ..errors import UserError
    from ..names import tier_tables

    if contract.time is None:
        raise UserError(
            f"{contract.dataset} has no time column, so it has no partitions that age",
            fix="it is always in hot",
        )
    hot = open_snapshot(tier_tables(settings.roots, contract.dataset).hot)
    if not hot.written:
        raise UserError(
            f"{contract.dataset} was never written in {shared.relative(settings.lake)}",
            fix=f"run its step: lakebook run {contract.dataset}",
        )
    interval = Interval(parse_day(start, what="--start"), parse_day(end, what="--end"))
    names = names_of(contract, interval)
    known = tuple(name for name in names if hot.data(name) is not None)
    if not known:
        what = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
        timed = [name for name in hot.written if name != NULL]
        raise UserError(
            f"{contract.dataset} has no partition {what}",
            fix=f"it has {timed[0]} to {timed[-1]}" if timed else "none of its rows has a time",
        )
    return known


def expiry(settings: Settings, days: float | None, until: str | None) -> datetime:
    """Until when a copy stays (UTC). Raises UserError for both, or for a time that is over."""
    from ..errors import UserError

    now = datetime.now(UTC)
    if days is not None and until is not None:
        raise UserError("--days and --until are given", fix="give one of them")
    if until is not None:
        day = parse_day(until, what="--until")
        end = datetime(day.year, day.month, day.day, tzinfo=UTC)
        if end <= now:
            raise UserError(f"--until {day} is over", fix="name a day that is yet to come")
        return end
    length = settings.tiers.restore_days if days is None else days
    if not 0 < length <= 36_500:
        raise UserError(f"--days {length:g} is no time to stay", fix="give a number above 0")
    return now + timedelta(days=length)


def tables_in(settings: Settings) -> list[Dataset]:
    """The datasets that prod has a table of in hot or warm, in order; quarantines among them."""
    from ..names import PROD
    from ..run.held_dataset import tables_held

    return sorted(tables_held(settings, PROD))


def unpromised(settings: Settings) -> tuple[Dataset, ...]:
    """Those that no contract promises any more: the notebook of somebody's step has gone."""
    from ..contract.lookup import may_promise, readable_tables

    found = readable_tables(settings)
    promised = {table.dataset for table in found.tables}
    for path in found.broken:
        promised |= may_promise(path)
    tables = tables_in(settings)
    return tuple(one for one in tables if one not in promised and not one.is_quarantine)


def print_unreadable(settings: Settings) -> int:
    """Say which contracts cannot be read, so that their datasets are left out: the exit code."""
    from ..contract.lookup import readable_tables

    problems = readable_tables(settings).problems
    for problem in problems:
        shared.error_console().print(
            f"error {problem.sentence}; its datasets are left out", markup=False, soft_wrap=True
        )
    return max((problem.exit_code for problem in problems), default=0)


def print_unpromised(tables: Sequence[Dataset]) -> None:
    """No policy, retention or erasure reaches such a table, and no query: nobody must think so."""
    if tables:
        some = ", ".join(map(str, tables))
        shared.print_note(
            f"no contract promises {some} any more: left out, also by retention and erasure; put "
            f"the contract back, or delete them: lakebook drop {tables[0]}"
        )
