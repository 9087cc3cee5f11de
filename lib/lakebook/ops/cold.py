"""Jobs around cold: bring partitions back for a time, and read everything that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ..cards.words import duration, money, names, plural, size_text
from ..contract.model import TableContract
from ..delta import open_snapshot
from ..errors import RunError, UserError
from ..intervals import Interval
from ..names import TierTables, tier_tables
from ..tiers.operation import Operation
from .card import JobCard, Table, in_lake
from .places import TIERS

_NAMED = 20

if TYPE_CHECKING:
    from ..tiers.cold.restore import Restored
    from ..tiers.cold.restore_plan import RestorePlan
    from ..tiers.verify import Finding
    from .api import Maintenance


def restore(
    job: Maintenance,
    contract: TableContract,
    start: str | date,
    end: str | date,
    *,
    to: Literal["warm", "hot"],
    days: float | None,
    dry_run: bool,
) -> JobCard:
    from ..tiers.cold.restore import restore as bring_back
    from ..tiers.cold.restore_plan import check_restorable, plan_restore

    wanted = _partitions(job, contract, start, end)
    until = _until(job.settings.tiers.restore_days if days is None else days)
    tables = tier_tables(job.settings.roots, contract.dataset)
    check_restorable(contract.dataset, open_snapshot(tables.hot), wanted)
    plan = plan_restore(job.settings, contract, wanted)
    if dry_run:
        return _planned(job, plan, to)
    found = bring_back(tables, contract, wanted, to=to, expires=until, run=job.run_id)
    return _restored(job, tables, plan, found, to, until)


@dataclass(frozen=True)
class VerifyCard(JobCard):
    """`scanned`: tier -> partitions, of which `damaged`, and size_bytes that were read."""

    scanned: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: Sequence[Finding] = field(default=())

    def fail_if_any(self) -> None:
        """Raise RunError naming every file that is not as it must be, up to twenty."""
        if not self.findings:
            return
        shown = "; ".join(one.sentence for one in self.findings[:_NAMED])
        more = len(self.findings) - _NAMED
        raise RunError(
            f"{self.headline}: {shown}" + (f"; and {more} more" if more > 0 else ""),
            fix="bring the files back from a backup, or run the steps of these partitions again",
        )


def verify(job: Maintenance) -> VerifyCard:
    from ..tiers.verify import verify as look

    found: list[Finding] = []
    scanned: dict[str, dict[str, int]] = {}
    for tier in TIERS:
        one = look(job.settings, job.tables, tiers=(tier,))
        found += one.findings
        scanned[tier] = {
            "partitions": one.partitions,
            "damaged": len({(each.dataset, each.partition) for each in one.findings}),
            "size_bytes": one.size_bytes,
        }
    read = size_text(sum(one["size_bytes"] for one in scanned.values()))
    said = f"{read} in {plural(sum(one['partitions'] for one in scanned.values()), 'partition')}"
    bad = f"{plural(len(found), 'finding')} in {said}"
    rows = [
        [each.dataset, each.partition, each.tier, in_lake(job.settings, each.file), each.what]
        for each in found
    ]
    return VerifyCard(
        str(job.name),
        bad if found else f"{said} read: every file holds what was written",
        "failed" if found else "ok",
        (Table.of("findings", ["Dataset", "Partition", "Tier", "File", "What is wrong"], rows),),
        scanned=scanned,
        findings=tuple(found),
    )


def _planned(job: Maintenance, plan: RestorePlan, to: str) -> JobCard:
    said = (
        f"{plural(len(plan.sizes), 'partition')} of {plan.dataset} would come back to {to}: "
        f"{plural(plan.rows, 'row')}, {size_text(plan.size_bytes)}, "
        f"about {duration(plan.seconds)}, {money(plan.price)} {plan.currency}"
    )
    if not plan.sizes:
        said = f"nothing of that interval of {plan.dataset} lies in cold"
    rows = [[name, size_text(of)] for name, of in plan.sizes.items()]
    table = Table.of("archives", ["Partition", "Size"], rows, numbers=1)
    return JobCard(str(job.name), said, tables=(table,))


def _restored(
    job: Maintenance,
    tables: TierTables,
    plan: RestorePlan,
    found: Restored,
    to: str,
    until: datetime | None,
) -> JobCard:
    stays = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until its policy moves it"
    why = f"asked for, {stays}"
    done = found.operation("restore", tables, "cold", to, why)
    longer = Operation("prolong", plan.dataset, found.prolonged, to, to, reason=why)
    operations = [one.to_json() for one in (done, longer) if one.partitions]
    job.note(operations)
    said = f"nothing of {plan.dataset} had to come back from cold"
    if found.moved:
        back = f"{plural(len(found.moved), 'partition')} of {plan.dataset} ({names(found.moved)})"
        said = f"{back} copied back to {to}, {stays}"
    if found.prolonged:
        said += f"; {plural(len(found.prolonged), 'copy')} there already, now {stays}"
    notes = [f"{plan.dataset} {name} was left: {why}" for name, why in found.skipped.items()]
    state = "warn" if notes else "ok"
    return JobCard(str(job.name), said, state, operations=operations, notes=notes)


def _partitions(
    job: Maintenance, contract: TableContract, start: str | date, end: str | date
) -> tuple[str, ...]:
    if not start or not end:
        raise UserError(
            "no interval is given",
            fix="set both: -p start=2013-01-01 -p end=2013-02-01 (the first day after it)",
        )
    if contract.time is None:
        raise UserError(f"{contract.dataset} has no time, so nothing of it is ever cold")
    interval = Interval.parse(start, end)
    hot = open_snapshot(tier_tables(job.settings.roots, contract.dataset).hot)
    known = set(hot.written)
    found = tuple(name for name in interval.partitions(contract.time.unit) if name in known)
    return found or interval.partitions(contract.time.unit)[:1]  # which is then said to be unknown


def _until(days: float) -> datetime | None:
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 36_500:
        raise UserError(
            f"days={days!r} is no number of days", fix="write such as 7; 0: it stays for good"
        )
    return datetime.now(UTC) + timedelta(days=days) if days else None
