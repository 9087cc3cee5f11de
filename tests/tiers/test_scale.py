"""Ten years of days: a plan costs what two logs cost to read, however many partitions lie still."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import delta_worker as w
import pytest
from counted import calls_of

from lakebook import delta
from lakebook.contract.model import TierPolicy
from lakebook.delta import open_whole
from lakebook.intervals import Interval
from lakebook.names import tier_tables
from lakebook.settings import Settings
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.plan import plan_tiers

FIRST, DAYS, IN_WARM = date(2013, 1, 1), 3_650, 3_500
HOT_DAYS = 30


@pytest.mark.slow
def test_a_plan_over_ten_years_of_days_costs_a_few_readings_of_the_logs(tmp_path) -> None:
    settings = Settings(root=tmp_path, lake=tmp_path / "lake")
    contract = replace(w.make_contract("day"), tier=TierPolicy(hot_days=HOT_DAYS))
    tables = tier_tables(settings.roots, contract.dataset)
    for start in range(0, DAYS, 146):
        days = Interval(FIRST + timedelta(start), FIRST + timedelta(start + 146))
        w.write(tables.hot, contract, days, rows=w.make_rows(days, per_day=1))
    names = delta.open_snapshot(tables.hot).partitions
    assert len(names) == DAYS
    move_to_warm(tables, contract, names[:IN_WARM])
    assert list((tables.hot / "_delta_log").glob("*.checkpoint.parquet"))
    for moving in (0, 10, 100):
        as_of = FIRST + timedelta(IN_WARM + moving + HOT_DAYS)
        plan = plan_tiers(settings, [contract], as_of)  # imports
        assert [a.partition for a in plan.actions] == list(names[IN_WARM : IN_WARM + moving])
        read = calls_of(lambda: open_whole(tables.hot, tables.warm))
        took = calls_of(partial(plan_tiers, settings, [contract], as_of))
        assert took < 1.5 * read, f"{took:,} calls to plan {moving} moves, {read:,} to read"
