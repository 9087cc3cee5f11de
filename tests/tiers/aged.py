"""What the tests of plans share: a lake with a small dataset and a policy for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import delta_worker as w
import polars as pl

from lakebook import delta
from lakebook.contract.model import TableContract
from lakebook.delta import faults
from lakebook.intervals import Interval
from lakebook.names import TierTables, tier_tables
from lakebook.settings import Settings, load_settings
from lakebook.tiers.actions import Action, TierPlan
from lakebook.tiers.apply import apply_plan
from lakebook.tiers.plan import plan_tiers

YEAR = Interval.parse("2013-01-01", "2014-01-01")
NEW_YEAR = date(2014, 1, 1)
MONTHS = YEAR.partitions("month")

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: silver.events
version: 1.0.0
status: active
team: {name: tests, members: [{username: owner@example.org, role: owner}]}
SLA
schema:
  - name: events
    logicalType: object
    physicalType: table
    customProperties:
      - {property: timeColumn, value: day}
      - {property: timeZone, value: UTC}
      - {property: partitionUnit, value: month}
      - {property: tier, value: {hot: 60d, warm: 180d}}
HOLD
    properties:
      - {name: day, logicalType: date, physicalType: date, required: true}
      - {name: k, logicalType: integer, physicalType: int64, required: true}
      - {name: v, logicalType: string, physicalType: string}
"""


@dataclass(frozen=True)
class Aged:
    """`silver.events` by months, with its policy in a contract file."""

    root: Path

    @classmethod
    def year(cls, root: Path) -> Aged:
        """With the months of 2013 in hot; hot for 60 d, warm until 180 d."""
        (root / "lakebook.toml").touch()
        made = cls(root)
        made.promise()
        made.write()
        return made

    @property
    def settings(self) -> Settings:
        return load_settings(self.root, environ={})

    @property
    def tables(self) -> TierTables:
        return tier_tables(self.settings.roots, w.make_contract().dataset)

    @property
    def contract(self) -> TableContract:
        from lakebook.contract.lookup import find_table

        return find_table(self.settings, w.make_contract().dataset)

    @property
    def hot(self) -> delta.Snapshot:
        return delta.open_snapshot(self.tables.hot)

    def promise(self, tier: str = "hot: 60d, warm: 180d", retention: str = "", hold: bool = False):
        """Write the contract."""
        sla = f"slaProperties: [{{property: retention, {retention}}}]" if retention else ""
        held = "      - {property: legalHold, value: true}" if hold else ""
        text = CONTRACT.replace("SLA\n", f"{sla}\n").replace("HOLD\n", f"{held}\n")
        path = self.root / "notebooks" / "silver" / "events.contract.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("hot: 60d, warm: 180d", tier))

    def write(self, interval: Interval = YEAR, **given: object) -> None:
        w.write(self.tables.hot, w.make_contract(), interval, **given)

    def plan(self, as_of: date = NEW_YEAR, now: float | None = None) -> TierPlan:
        return plan_tiers(self.settings, [self.contract], as_of, now=now)

    def rows(self) -> pl.DataFrame:
        return w.read(delta.open_whole(self.tables.hot, self.tables.warm)).sort("k")

    def tiers(self) -> dict[str, str]:
        hot = self.hot
        return {p: hot.place(p).tier for p in hot.written}


def by_tier(tiers: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for partition, tier in tiers.items():
        found.setdefault(tier, []).append(partition)
    return found


def shown(actions: Sequence[Action]) -> list[tuple[str, str, str, str]]:
    return [(a.kind, a.partition, a.source, a.target) for a in actions]


def changed(plan: TierPlan, **fields: object) -> TierPlan:
    """A plan whose first action is another."""
    first = replace(plan.actions[0], **fields)
    return replace(plan, actions=(first, *plan.actions[1:]))


def apply_and_die(root: Path, point: str) -> None:
    """In a process of its own: apply what is planned, and be killed at a fault point."""
    os.environ[faults.VARIABLE] = point
    aged = Aged(root)
    apply_plan(aged.settings, aged.plan())
