"""Whether what a run published came in time, by the contract's latency; the clock is the run's own.

Old data is no late data. A timed dataset is judged from the first interval on that came in time,
and only by intervals newer than all before; history that is loaded, a backfill and an interval that
has not ended are not judged, and the operation says so. A table without time is held to the time
since its run before, a day and the latency. What never comes has no run that could report it: the
report site shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..archive.record import RunRecord
from ..contract.model import TableContract
from ..names import Dataset
from ..zones import zone_named
from . import urns
from .contract import freshness_urn
from .proposals import Proposal, proposal
from .runs import Contracts, ended_ms

Published = dict[str, str]
"""By dataset: the end of its newest interval that counts; of a table without time, its last run."""

DAY_H = 24.0
"""What a table without time has in addition: it is looked at once a day, as on its page."""


@dataclass(frozen=True)
class Arrival:
    """When something came. `after_h`: hours after `due_from`; `is_judged`: whether that counts."""

    due_from: datetime
    came: datetime
    promised_h: float
    is_judged: bool
    why_not: str = ""

    @property
    def after_h(self) -> float:
        return (self.came - self.due_from).total_seconds() / 3600

    @property
    def is_late(self) -> bool:
        return self.after_h > self.promised_h

    def __str__(self) -> str:
        if not self.is_judged:
            return f"not judged: {self.why_not}"
        word = "late" if self.is_late else "in time"
        return f"{word}: {self.after_h:.1f} h after {self.due_from.isoformat(timespec='seconds')}"


def arrivals(
    record: RunRecord, contracts: Contracts, before: Mapping[str, str]
) -> tuple[dict[str, Arrival], Published]:
    """What a run's outputs came to, and what is known afterwards. The same run gives the same."""
    found: dict[str, Arrival] = {}
    after = dict(before)
    for output in record.outputs:
        name = str(output["dataset"])
        table = contracts.get(Dataset.parse(name))
        if table is None or table.sla.freshness_hours is None:
            continue
        came = datetime.fromtimestamp(ended_ms(record) / 1000, UTC)
        if table.time is not None and record.end:
            found[name], newest = _of_interval(record, table, came, before.get(name, ""))
        else:
            last = before.get(name)
            since = datetime.fromisoformat(last) if last else came
            promised_h = DAY_H + table.sla.freshness_hours
            found[name] = Arrival(since, came, promised_h, is_judged=True)
            newest = came.isoformat()
        if newest:
            after[name] = newest
    return found, after


def _of_interval(
    record: RunRecord, table: TableContract, came: datetime, newest: str
) -> tuple[Arrival, str]:
    """The arrival of a run's interval, and its end if that counts from now on."""
    assert table.time is not None and record.end
    promised_h = table.sla.freshness_hours or 0.0
    zone = zone_named(table.time.zone or "UTC")
    ends = datetime.fromisoformat(record.end).replace(tzinfo=zone).astimezone(UTC)
    plain = Arrival(ends, came, promised_h, is_judged=True)
    why = ""
    if plain.after_h < 0:
        why = f"the interval ends {record.end}, after the run"
    elif newest and ends <= datetime.fromisoformat(newest):
        why = f"the interval up to {record.end} is not the newest"
    elif not newest and plain.is_late:
        days = (came - ends).days
        why = f"history, as the interval ended {record.end}, {days:,} days before the run"
    if why:
        return Arrival(ends, came, promised_h, is_judged=False, why_not=why), ""
    return plain, ends.isoformat()


def results(record: RunRecord, found: Mapping[str, Arrival]) -> list[Proposal]:
    """Results on the freshness assertions of what was judged."""
    return [_result(record, name, one) for name, one in found.items() if one.is_judged]


def _result(record: RunRecord, dataset: str, one: Arrival) -> Proposal:
    from datahub.metadata.schema_classes import (
        AssertionResultClass,
        AssertionResultTypeClass,
        AssertionRunEventClass,
        AssertionRunStatusClass,
    )

    table = urns.dataset_urn(dataset, record.env)
    said: dict[str, Any] = {
        "since": one.due_from.isoformat(timespec="seconds"),
        "published": one.came.isoformat(timespec="seconds"),
        "hours": f"{one.after_h:.1f}",
        "promised_hours": f"{one.promised_h:g}",
    }
    kinds = AssertionResultTypeClass
    return proposal(
        freshness_urn(table),
        AssertionRunEventClass(
            timestampMillis=ended_ms(record),
            runId=record.run_id,
            asserteeUrn=table,
            assertionUrn=freshness_urn(table),
            status=AssertionRunStatusClass.COMPLETE,
            result=AssertionResultClass(
                type=kinds.FAILURE if one.is_late else kinds.SUCCESS, nativeResults=said
            ),
        ),
    )
