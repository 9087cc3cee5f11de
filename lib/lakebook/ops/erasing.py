"""The erasure job: a subject's rows go from everywhere, and a report says what was looked at."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..cards.words import plural, size_text
from ..contract.model import TableContract
from ..errors import RunError, UserError
from .card import JobCard, Table, in_lake

if TYPE_CHECKING:
    import polars as pl

    from ..run.erasure import Erasure
    from ..run.erasure_report import Held, Report
    from .api import Maintenance


_TO_ERASE = "with -p dry_run=false it erases them"


@dataclass(frozen=True)
class EraseCard(JobCard):
    """`held`: rows of the subject by environment, dataset and tier, as readers saw them."""

    held: Sequence[Held] = field(default=())

    @property
    def places(self) -> pl.DataFrame:
        """A row per place: place (text), rows."""
        import polars as pl

        rows = [(_place(one), one.rows) for one in self.held]
        return pl.DataFrame(rows, {"place": pl.String, "rows": pl.Int64}, orient="row")


def erase(job: Maintenance, contract: TableContract, key: str, *, dry_run: bool) -> EraseCard:
    if not key:
        raise UserError("no key is given", fix="set it: -p key=passenger_id=4711")
    return _erase(job, contract, shlex.split(key), dry_run=dry_run)


def _erase(
    job: Maintenance, contract: TableContract, keys: Sequence[str], *, dry_run: bool
) -> EraseCard:
    from ..run.erasure import erase as erase_everywhere
    from ..run.erasure import held_rows, plan_erasure

    erasure = plan_erasure(job.settings, contract.dataset, keys, run=job.run_id)
    if dry_run:
        return _planned(job, erasure, held_rows(erasure))
    report = erase_everywhere(erasure)
    card = _done(job, erasure, report)
    if not report.is_clean:
        reasons = [*report.problems, *(f"{path}: {why}" for path, why in report.found.items())]
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        job.fail(card, RunError(f"the erasure is not complete: {reasons[0]}{more}"))
    return card


def _planned(job: Maintenance, erasure: Erasure, held: Sequence[Held]) -> EraseCard:
    columns = ", ".join(erasure.subject.columns)
    rows = plural(sum(one.rows for one in held), "row")
    said = f"{rows} of the subject (by {columns}) would be erased"
    if not held:
        said = f"no row has the given {columns}; an erasure would still search old files and logs"
    near = [
        f"{one.dataset} ({one.direction}) has the same columns and is not touched"
        for one in erasure.related
    ]
    return EraseCard(
        str(job.name),
        said,
        tables=(_where(held),),
        asides=[*erasure.notes, *near, _TO_ERASE],
        held=held,
    )


def _done(job: Maintenance, erasure: Erasure, report: Report) -> EraseCard:
    columns = ", ".join(erasure.subject.columns)
    made = report.operations(erasure.subject.columns)
    job.note(made)
    searched = (
        f"{plural(report.searched_files, 'file')} ({size_text(report.searched_bytes)}) searched"
    )
    state = "none holds it" if report.is_proved else "the tables are clean, other files are not"
    if report.key_alone and not report.review and not report.elsewhere:
        state = "the tables are clean, and of its values only the key was searched for"
    state = state if report.is_clean else "not all are clean"
    said = f"{plural(report.rows, 'row')} of the subject (by {columns}) erased; {searched}: {state}"
    review = [
        [f"{group.kind} {group.name}".strip(), str(path)]
        for group in report.review
        for path in group.files
    ]
    elsewhere = [
        [str(one.dataset), one.direction, f"{rows:,}"] for one, rows in report.elsewhere.items()
    ]
    found = [[in_lake(job.settings, path), why] for path, why in report.found.items()]
    return EraseCard(
        str(job.name),
        said,
        "failed" if not report.is_clean else "warn" if review or elsewhere else "ok",
        (
            _where(report.held),
            Table.of("not clean", ["File", "Why"], found),
            Table.of(
                "rows in datasets that were not asked for",
                ["Dataset", "", "Rows"],
                elsewhere,
                numbers=1,
            ),
            Table.of("not touched, to be looked at", ["What", "File"], review),
        ),
        operations=made,
        notes=[
            *report.problems,
            *(f"its lease was overridden: {one}" for one in report.overridden),
        ],
        asides=report.notes,
        held=report.held,
    )


def _where(held: Sequence[Held]) -> Table:
    rows = [
        [one.env, one.dataset, one.tier, f"{one.partitions:,}", f"{one.rows:,}"] for one in held
    ]
    return Table.of(
        "where", ["Environment", "Dataset", "Tier", "Partitions", "Rows"], rows, numbers=2
    )


def _place(one: Held) -> str:
    return f"{one.env} {one.dataset}, {one.tier}"
