"""`migrate`: the same rows under another contract, by one commit, whatever is killed on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sampling
from dying import Killed, die_at
from small_checkout import POSITIVE
from small_lake import SmallLake

from lakebook import delta
from lakebook.contract.lookup import find_table
from lakebook.delta import transaction
from lakebook.delta.faults import MIGRATE_POINTS
from lakebook.errors import ContractError, LakebookError, UserError
from lakebook.names import Dataset, TierTables, tier_tables
from lakebook.quality import quarantine
from lakebook.run import migrating
from lakebook.run.migrate import Migration, plan_migration
from lakebook.run.migrating import apply_migration
from lakebook.settings import Settings, load_settings
from lakebook.step.view import DatasetView, open_view
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.move import move_to_warm

EVENTS = Dataset("silver", "events")
SENT = "      - {name: sent, logicalType: timestamp, physicalType: timestamp}\n"
START, END = "2013-01-01", "2013-03-01"
Found = list[tuple[Any, ...]]

AMOUNT = "{name: amount, logicalType: integer, physicalType: int64}"
CHANGES = {
    "unit": ("partitionUnit, value: day", "partitionUnit, value: month"),
    "zone": ("timeZone, value: UTC", "timeZone, value: America/New_York"),
    "column": ("timeColumn, value: seen", "timeColumn, value: sent"),
    "type": (AMOUNT, "{name: amount, logicalType: number, physicalType: 'decimal(20,0)'}"),
    "narrower": (AMOUNT, "{name: amount, logicalType: integer, physicalType: int32}"),
    "required": ("physicalType: int64, required: true, primaryKey: true}",
                 "physicalType: int64, required: false}"),
}  # fmt: skip


class Lake:
    """`silver.events (id, seen, amount, sent)` with random rows of two months, some set aside."""

    def __init__(self, root: Path, seed: str, write: str = "replace") -> None:
        root.mkdir(exist_ok=True)
        self.small = SmallLake(root)
        self.small.contract(write, columns=SENT, quality=POSITIVE)
        self.path = root / "notebooks/silver/events.contract.yaml"
        draw = random.Random(sampling.seed(f"migrate {seed}"))
        self.rows = pl.DataFrame(
            {
                "id": range(40),
                "seen": [self._moment(draw) for _ in range(40)],
                "amount": [draw.randint(-2, 9) for _ in range(40)],
                "sent": [self._moment(draw) for _ in range(40)],
            },
            schema_overrides={"seen": pl.Datetime("us"), "sent": pl.Datetime("us")},
        )

    @staticmethod
    def _moment(draw: random.Random) -> Any:
        from datetime import datetime, timedelta

        # Inside the two months in every zone and by either column.
        return datetime(2013, 1, 2) + timedelta(minutes=draw.randrange(56 * 1440))

    def write(self, *days: str) -> None:
        start, end = days or (START, END)
        time = self.contract.time
        assert time is not None
        inside = pl.col(time.column).dt.replace_time_zone("UTC").dt.convert_time_zone(time.zone)
        names = pl.lit(start).str.to_date(), pl.lit(end).str.to_date()
        rows = self.rows.filter(inside.dt.date() >= names[0], inside.dt.date() < names[1])
        schema = dict(rows.schema)
        kinds = {"decimal(20,0)": pl.Decimal(20, 0), "int32": pl.Int32}
        kind = self.contract.column("amount").type if "amount" in self.contract.names else ""
        if kind in kinds:
            schema["amount"] = kinds[kind]
        given = rows.with_columns(pl.col(n).cast(t) for n, t in schema.items())
        self.small.open(start, end).write(given.lazy())

    def change(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert text.count(old) == 1, old
        self.path.write_text(text.replace(old, new))

    @property
    def settings(self) -> Settings:
        return load_settings(self.small.root, env=self.small.env)

    @property
    def contract(self) -> Any:
        return find_table(self.settings, EVENTS)

    @property
    def tables(self) -> TierTables:
        return tier_tables(self.settings.roots, EVENTS)

    @property
    def view(self) -> DatasetView:
        return open_view(self.settings, self.contract)

    def plan(self, **how: Any) -> Migration:
        return plan_migration(self.settings, EVENTS, **how)

    def migrate(self, **how: Any) -> tuple[Any, ...]:
        return apply_migration(self.plan(**how), "m")

    def seen(self) -> dict[str, Found]:
        """Partition -> rows as numbers and texts, of those that have some."""
        view, found = self.view, {}
        for name in view.present:
            read = [pl.read_parquet(p, hive_partitioning=False) for p in view.paths([name])]
            some = sorted(row for one in read for row in _plain(one).rows())
            if some:
                found[name] = some
        return found

    def kept_out(self) -> Found:
        shown = quarantine.show(self.settings, self.contract).collect().to_native()
        return sorted(_plain(shown.drop("_run", "_failed_rules")).rows())

    def theirs(self) -> Found:
        """What delta-rs reads."""
        from deltalake import DeltaTable

        table = DeltaTable(str(self.tables.hot)).to_pyarrow_table()
        return sorted(_plain(pl.DataFrame(table).drop("_partition")).rows())


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        pl.col(name).cast(pl.Int64 if kind.is_numeric() else pl.String).alias(name)
        for name, kind in sorted(frame.schema.items())
    )


def every(found: dict[str, Found]) -> Found:
    return sorted(row for part in found.values() for row in part)


@pytest.mark.parametrize("write", ["replace", "merge"])
@pytest.mark.parametrize("kind", CHANGES)
def test_the_rows_are_those_of_a_lake_that_was_written_so(
    tmp_path: Path, kind: str, write: str
) -> None:
    if (kind, write) == ("required", "merge"):
        pytest.skip("a key is required")
    lake = Lake(tmp_path / "one", kind, write)
    lake.write()
    before, aside, version = every(lake.seen()), lake.kept_out(), lake.small.snapshot.version
    assert aside
    warm = lake.view.present[3:6]
    assert move_to_warm(lake.tables, lake.contract, warm).moved == warm
    lake.change(*CHANGES[kind])
    with pytest.raises(ContractError, match=r"lakebook migrate silver.events"):
        lake.write()
    plan = lake.plan()
    assert len(plan.changes) == 1 and plan.rows == len(before)
    (operation,) = apply_migration(plan, "m")
    assert (operation.kind, operation.rows) == ("migrate", len(before))
    assert every(lake.seen()) == before == lake.theirs()
    assert lake.kept_out() == aside
    assert not lake.plan().is_needed
    assert lake.small.snapshot.version > version

    other = Lake(tmp_path / "two", kind, write)
    other.change(*CHANGES[kind])
    other.write()
    assert lake.seen() == other.seen() and lake.kept_out() == other.kept_out()
    lake.write()  # as the next run does, since all of it is stale
    assert lake.seen() == other.seen() and lake.kept_out() == other.kept_out()
    names = lake.view.present
    assert move_to_warm(lake.tables, lake.contract, names[:2]).moved == names[:2]
    assert lake.seen() == other.seen()


def test_columns_are_renamed_and_dropped_when_it_is_said(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "columns")
    lake.write()
    before, aside = lake.seen(), lake.kept_out()
    lake.change("name: amount", "name: sum")
    lake.change('"column": "amount"', '"column": "sum"')
    lake.change(SENT, "")
    for how, words in (
        ({"rename": {"amount": "total"}}, "'total' is not in the contract"),
        ({"rename": {"amont": "sum"}}, "no column 'amont' (did you mean 'amount'?)"),
        ({"drop": ("seen",)}, "'seen' is still in the contract"),
    ):
        with pytest.raises(UserError) as caught:
            lake.plan(**how)
        assert words in caught.value.sentence
    plan = lake.plan(rename={"amount": "sum"}, drop=("sent",))
    assert plan.changes == ("column amount is renamed to sum", "column sent goes")
    apply_migration(plan, "m")
    assert lake.view.contract.names == ("id", "seen", "sum")
    assert {n: {r[:2] for r in part} for n, part in before.items()} == {
        n: {(r[2], r[0]) for r in part} for n, part in lake.seen().items()
    }
    assert {(r[2], r[0]) for r in lake.kept_out()} == {r[:2] for r in aside}


def test_a_value_that_does_not_fit_stops_it_before_anything_changed(tmp_path: Path) -> None:
    for where in ("rows", "quarantine"):
        lake = Lake(tmp_path / where, "unfit")
        wide = 5_000_000_000 if where == "rows" else -5_000_000_000
        amount = pl.when(pl.col("id") == 3).then(wide).otherwise("amount").alias("amount")
        lake.rows = lake.rows.with_columns(amount)
        lake.write()
        before, version = lake.theirs(), lake.small.snapshot.version
        lake.change(*CHANGES["narrower"])
        with pytest.raises(ContractError, match="amount"):
            lake.migrate()
        assert (lake.theirs(), lake.small.snapshot.version) == (before, version)
        old, new = CHANGES["narrower"]
        lake.change(new, old)
        assert every(lake.seen()) == before and lake.kept_out()


def test_what_cannot_be_done_is_refused_with_what_comes_first(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "refused", "merge")
    lake.write()
    cold = lake.view.present[:2]
    move_to_warm(lake.tables, lake.contract, cold)
    archive(lake.tables, lake.contract, cold, level=3)
    old, new = CHANGES["unit"]
    lake.change(old, new)
    with pytest.raises(UserError, match=r"lakebook tier restore silver.events --start 2013-01-0"):
        lake.plan()
    lake.change(new, old)
    assert not lake.plan().is_needed
    text = lake.path.read_text()
    time = text[text.index("      - {property: timeColumn") : text.index("    quality:")]
    lake.path.write_text(text.replace(time, "").replace("value: merge", "value: snapshot"))
    with pytest.raises(UserError, match="whether it is partitioned"):
        lake.plan()
    lake.path.write_text(text)
    lake.small.env = "ana"
    with pytest.raises(UserError, match=r"lakebook env refresh ana silver.events --discard"):
        lake.plan()


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "keys", "merge")
    lake.rows = lake.rows.with_columns(amount=pl.col("amount").abs() % 3)
    lake.write()
    lake.change(*CHANGES["unit"])
    lake.change(", primaryKey: true", "")
    lake.change(AMOUNT, AMOUNT.replace("}", ", required: true, primaryKey: true}"))
    with pytest.raises(ContractError, match=r"keys \(amount\) stand several times"):
        lake.migrate()


@pytest.mark.parametrize("before", ["replace", "merge"])
def test_a_key_is_taken_if_it_is_one(tmp_path: Path, before: str) -> None:
    lake = Lake(tmp_path, "key", before)
    lake.rows = lake.rows.with_columns(amount=pl.col("id") * 2)
    lake.write()
    rows, old = lake.seen(), {"replace": "replace", "merge": "merge by id"}[before]
    text = lake.path.read_text().replace(f"value: {before}", "value: merge")
    text = text.replace(", primaryKey: true", "")
    text = text.replace(AMOUNT, AMOUNT.replace("}", ", required: true, primaryKey: true}"))
    lake.path.write_text(text)
    with pytest.raises(ContractError, match="a key may stand in several rows"):
        lake.write()
    plan = lake.plan()
    assert plan.changes == (f"write: {old} -> merge by amount", "column amount is required now")
    apply_migration(plan, "m")
    assert lake.seen() == rows and not lake.plan().is_needed
    lake.rows = lake.rows.with_columns(id=pl.col("id") + 100)
    lake.write()
    assert sorted(r[:2] for r in every(lake.seen())) == [(n * 2, n + 100) for n in range(40)]


def test_what_retention_deleted_stays_deleted(tmp_path: Path) -> None:
    from lakebook.tiers.placing import NewPlace, set_places

    lake = Lake(tmp_path, "retention")
    lake.write()
    january = [name for name in lake.view.present if name < "2013-02"]
    gone = {name: NewPlace("deleted", archive=0) for name in january}
    set_places(lake.tables.hot, lake.small.snapshot, gone, {"operation_kind": "retention"})
    before = every(lake.seen())
    lake.change(*CHANGES["unit"])
    lake.migrate()
    assert lake.view.tier("2013-01") == "deleted" and every(lake.seen()) == before
    assert lake.view.present == ("2013-02",)
    old, new = CHANGES["unit"]
    lake.change(new, old)
    lake.migrate()
    assert {lake.view.tier(name) for name in january} == {"deleted"}
    assert every(lake.seen()) == before


def points() -> Iterator[tuple[Any, str]]:
    yield from ((migrating, point) for point in MIGRATE_POINTS)
    yield from ((transaction, point) for point in ("commit.before_write", "commit.after_write"))


@pytest.mark.parametrize(("module", "point"), points())
@pytest.mark.parametrize("kind", ["unit", "type", "drop"])
def test_killed_and_called_again_it_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: Any, point: str
) -> None:
    lake = Lake(tmp_path, "killed")
    lake.write()
    before, aside = every(lake.seen()), lake.kept_out()
    warm = lake.view.present[3:6]
    move_to_warm(lake.tables, lake.contract, warm)
    how: dict[str, Any] = {"drop": ("sent",)} if kind == "drop" else {}
    lake.change(*((SENT, "") if kind == "drop" else CHANGES[kind]))
    with monkeypatch.context() as patch:
        reached = die_at(patch, point, module)
        with pytest.raises(Killed):
            lake.migrate(**how)
    assert reached
    with suppress(LakebookError):  # a reader sees all rows, or that it is to be migrated
        assert len(every(lake.seen())) == len(before)
    again = lake.plan(**(how if "sent" in lake.small.snapshot.schema.names else {}))
    if again.is_needed:
        apply_migration(again, "n")
    assert not lake.plan().is_needed
    left = 3 if kind == "drop" else 4
    assert every(lake.seen()) == [row[:left] for row in before]
    assert lake.kept_out() == [row[:left] for row in aside]
    assert delta.open_snapshot(lake.tables.hot).placed("warm") == ()
    lake.rows = lake.rows.select(lake.contract.names)
    lake.write()
    assert every(lake.seen()) == [row[:left] for row in before]


def test_who_writes_meanwhile_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path, "meanwhile")
    lake.write()
    old, new = CHANGES["unit"]
    lake.change(old, new)
    real = migrating.commit_recut

    def after_another(*given: Any, **named: Any) -> int:
        monkeypatch.setattr(migrating, "commit_recut", real)
        lake.change(new, old)
        lake.rows = lake.rows.with_columns(amount=pl.col("amount") + 1)
        lake.write()
        lake.change(old, new)
        return real(*given, **named)

    monkeypatch.setattr(migrating, "commit_recut", after_another)
    with pytest.raises(LakebookError, match="was written meanwhile"):
        lake.migrate()
    lake.migrate()
    assert sum(row[0] for row in every(lake.seen())) == sum(
        amount for amount in lake.rows["amount"] if amount >= 0
    )
