"""Jobs that delete data for good: what is past its retention, and what a person asks to forget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ..cards.words import plural, size_text
from ..intervals import NULL, WHOLE, partition_interval
from .card import JobCard, Table
from .places import places
from .tiering import actions_table, apply_actions, planned, without

if TYPE_CHECKING:
    import polars as pl

    from .api import Maintenance


_TO_DELETE = "with -p dry_run=false it deletes them"


@dataclass(frozen=True)
class RetentionCard(JobCard):
    """`expiring`: dataset, partition, bytes and the day on which it expires, where there is one."""

    expiring: Sequence[tuple[Any, ...]] = field(default=())

    @property
    def expiries(self) -> pl.DataFrame:
        """A row per partition with a retention: dataset, partition, size_bytes, expires (date)."""
        import polars as pl

        schema = {
            "dataset": pl.String,
            "partition": pl.String,
            "size_bytes": pl.Int64,
            "expires": pl.Date,
        }
        return pl.DataFrame(list(self.expiring), schema, orient="row")


def retention(job: Maintenance, *, dry_run: bool) -> RetentionCard:
    found = without(planned(job), "move", "archive", "fall_back")
    held = [f"{note.dataset}: {note.text}" for note in found.notes if "legal hold" in note.text]
    due = f"{plural(len(found.actions), 'partition')} past retention on {found.as_of}"
    if not dry_run and found.actions:
        done = apply_actions(job, found)
        return RetentionCard(
            str(job.name),
            done.headline,
            done.state,
            operations=done.operations,
            notes=done.notes,
            asides=held,
            expiring=tuple(_expiring(job)),
        )
    expiring = tuple(_expiring(job))
    said = f"nothing is past its retention on {found.as_of}"
    if found.actions:
        said = (
            f"{due} would be deleted for good: {plural(found.files, 'file')}, "
            f"{plural(found.rows, 'row')}, {size_text(found.size_bytes)}"
        )
    return RetentionCard(
        str(job.name),
        said,
        "warn" if found.actions else "ok",
        (actions_table(found.actions, found.prices), _next(expiring, found.as_of)),
        asides=[*held, *([_TO_DELETE] if found.actions else [])],
        expiring=expiring,
    )


def _expiring(job: Maintenance) -> Iterator[tuple[Any, ...]]:
    from ..tiers.policy import policy_of

    frame = places(job.settings, job.tables)
    days = {
        str(table.dataset): policy_of(job.settings, table).retention_days for table in job.tables
    }
    here = frame.filter(frame["tier"] != "deleted")
    for dataset, name, found in here.select("dataset", "partition", "size_bytes").iter_rows():
        kept = days[dataset]
        if kept is not None and name not in (NULL, WHOLE):
            yield dataset, name, found, partition_interval(name).end + timedelta(days=kept)


def _next(expiring: Sequence[tuple[Any, ...]], as_of: date) -> Table:
    """Of each dataset the partition that expires next."""
    first: dict[str, tuple[Any, ...]] = {}
    for one in sorted(expiring, key=lambda entry: entry[3]):
        if one[3] > as_of:
            first.setdefault(one[0], one)
    rows = [
        [dataset, name, str(day), size_text(held)] for dataset, name, held, day in first.values()
    ]
    return Table.of("expires next", ["Dataset", "Partition", "On", "Size"], rows, numbers=1)
