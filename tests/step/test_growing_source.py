"""A source that grows changes the partitions whose own rows changed, wherever they lie."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
import sampling
from small_checkout import COLUMNS, LANDING, Checkout, in_prod

from lakebook import Step, delta
from lakebook.contract.lookup import find_table
from lakebook.contract.model import TableContract
from lakebook.delta.tokens import data, fence
from lakebook.ingest.source import VERSION_COLUMNS
from lakebook.names import Dataset, TierTables, tier_tables
from lakebook.settings import Settings, load_settings
from lakebook.step.view import DatasetView, open_view
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.move import move_to_warm

DATASET = Dataset("bronze", "events")
DAYS = [f"2013-01-{day:02}" for day in range(1, 7)]
Row = tuple[int, str, int]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = in_prod(tmp_path, monkeypatch)
    made.contract("bronze.events", COLUMNS + LANDING)
    return made


def land(checkout: Checkout, rows: list[Row]) -> tuple[str, ...]:
    """Land rows `(id, day, amount)` as one file; the partitions that were committed."""
    lines = [f"{key},{day}T10:00:00Z,{amount}" for key, day, amount in rows]
    checkout.source("\n".join(["id,seen,amount", *lines, ""]))
    step = Step("bronze.events", start=DAYS[0], end="2013-01-07")
    step.write(step.ingest("file://events.csv"))
    return step._context.outcome.outputs[0].committed


def of(checkout: Checkout) -> tuple[Settings, TableContract, TierTables]:
    settings = load_settings(checkout.root)
    return settings, find_table(settings, DATASET), tier_tables(settings.roots, DATASET)


def view_of(checkout: Checkout) -> DatasetView:
    settings, contract, _ = of(checkout)
    return open_view(settings, contract)


def rows_of(checkout: Checkout, day: str) -> list[tuple[object, ...]]:
    view = view_of(checkout)
    if view.tier(day) == "cold":
        settings, contract, tables = of(checkout)
        assert restore(tables, contract, [day]).moved
        view = open_view(settings, contract)
    found = [pl.read_parquet(path, hive_partitioning=False) for path in view.paths([day])]
    return sorted(row for one in found for row in one.drop(VERSION_COLUMNS).rows())


@pytest.mark.parametrize("seed", range(sampling.examples(3, 60)))
def test_what_was_not_changed_stays_as_it_was(checkout: Checkout, seed: int) -> None:
    """By chance: what changes, how, and where the partitions lie; the rows are those of a lake
    that lands the last source alone."""
    draw = random.Random(sampling.seed(f"growing {seed}"))
    rows = [(key, draw.choice(DAYS), draw.randint(0, 3)) for key in range(30)]
    land(checkout, rows)
    _, contract, tables = of(checkout)
    for tier in DAYS[:4]:
        where = draw.choice(("hot", "warm", "cold"))
        if where != "hot":
            move_to_warm(tables, contract, [tier])
        if where == "cold":
            archive(tables, contract, [tier], level=3)
    before = delta.open_snapshot(tables.hot)
    old = {day: sorted(row for row in rows if row[1] == day) for day in DAYS}
    for _ in range(draw.randint(0, 3)):
        place = draw.randrange(len(rows))
        key, day, amount = rows[place]
        change = draw.choice(("value", "move", "drop", "twice", "add"))
        if change == "value":
            rows[place] = (key, day, amount + 1)
        elif change == "move":
            rows[place] = (key, draw.choice(DAYS), amount)
        elif change == "drop":
            del rows[place]
        elif change == "twice":
            rows.append(rows[place])
        else:
            rows.append((len(rows) + 100, day, amount))
    draw.shuffle(rows)
    new = {day: sorted(row for row in rows if row[1] == day) for day in DAYS}
    changed = {day for day in DAYS if old[day] != new[day]}
    assert set(land(checkout, rows)) == changed
    after = delta.open_snapshot(tables.hot)
    for day in DAYS:
        is_same = day not in changed
        assert (before.tokens[data(day)] == after.tokens[data(day)]) is is_same
        assert (before.tokens[fence(day)] == after.tokens[fence(day)]) is is_same
        assert [(r[0], r[2]) for r in rows_of(checkout, day)] == [(r[0], r[2]) for r in new[day]]


def test_a_source_of_another_name_is_another_source(checkout: Checkout) -> None:
    """Where rows are from is no version of the source."""
    rows: list[Row] = [(1, DAYS[0], 10), (2, DAYS[1], 20)]
    land(checkout, rows)
    (checkout.root / "events.csv").rename(checkout.root / "others.csv")
    step = Step("bronze.events", start=DAYS[0], end=DAYS[2])
    step.write(step.ingest("file://others.csv"))
    assert step._context.outcome.outputs[0].committed == (DAYS[0], DAYS[1])


@pytest.mark.parametrize("what", ["byte", "cut", "missing", "warm", "manifest", "archive"])
def test_damaged_rows_are_made_anew_by_a_source_that_grew(checkout: Checkout, what: str) -> None:
    land(checkout, [(1, DAYS[0], 10), (2, DAYS[1], 20)])
    _, contract, tables = of(checkout)
    if what in ("warm", "manifest", "archive"):
        move_to_warm(tables, contract, [DAYS[0]])
    if what in ("manifest", "archive"):
        archive(tables, contract, [DAYS[0]], level=3)
        (folder,) = {path.parent for path in tables.cold.rglob("*.parquet")}
        (path,) = folder.glob("*.json" if what == "manifest" else "*.parquet")
    else:
        path = Path(view_of(checkout).paths([DAYS[0]])[0])
    whole = path.read_bytes()
    if what == "missing":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2] if what == "cut" else flipped(whole))
    more: list[Row] = [(1, DAYS[0], 10), (2, DAYS[1], 20), (3, DAYS[2], 30)]
    assert land(checkout, more) == (DAYS[0], DAYS[2])
    assert [(r[0], r[2]) for r in rows_of(checkout, DAYS[0])] == [(1, 10)]


def flipped(whole: bytes) -> bytes:
    return whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]
