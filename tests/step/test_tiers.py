"""A step over tiers: hot and warm are one table, cold says how it comes back, writes need none."""

from __future__ import annotations

import json
import pickle
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import journal_source
import polars as pl
import pytest
from aged_lake import AgedLake
from small_checkout import COLUMNS, POSITIVE, Checkout, about_table, rule
from small_lake import rows

from lakebook.delta import vacuum
from lakebook.engines.duckdb_input import Input
from lakebook.errors import ColdError, UserError
from lakebook.names import Dataset
from lakebook.quality import quarantine
from lakebook.run.environment_diff import diff_environment
from lakebook.run.environments import use_of
from lakebook.run.query import run_query
from lakebook.run.refresh import refresh
from lakebook.settings import load_settings
from lakebook.step import Step
from lakebook.step.context import ReadRequest, use_context
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext
from lakebook.step.view import open_view

D1, D2, D3, D4 = (f"2013-01-0{n}" for n in range(1, 5))
ROWS = [(1, D1, 10), (2, D2, 20), (3, D3, 30), (4, D4, 40)]
ALL = (D1, "2013-01-05")


@pytest.fixture
def aged(tmp_path: Path) -> AgedLake:
    """Four days: one in hot, one in warm, one in cold, and one restored to warm."""
    made = AgedLake(tmp_path)
    made.contract("replace")
    made.write(ROWS, *ALL)
    made.warm(D2, D3, D4)
    made.cold(D3, D4)
    made.restore(D4)
    assert made.places() == {D1: "hot", D2: "warm", D3: "cold", D4: "warm"}
    return made


def asked(step: Step) -> ReadRequest:
    """As a dbt model of the step reads silver.events."""
    return ReadRequest(Dataset.parse("silver.events"), step.interval)


def reader(lake: AgedLake, start: str, end: str) -> Step:
    """A step that reads silver.events."""
    Checkout(lake.root).contract("gold.daily", COLUMNS)
    run = RunContext("run", lake.settings)
    with use_context(lambda name, span, engine: LakeContext(run, name, span, engine)):
        return Step("gold.daily", start=start, end=end)


def ids(frame) -> list[int]:
    return sorted(frame.select("id").collect()["id"].to_list())


def test_hot_and_warm_are_one_table(aged: AgedLake):
    step = reader(aged, D1, D3)
    assert ids(step.read("silver.events")) == [1, 2]
    assert ids(step.sql("select * from silver.events")) == [1, 2]
    assert ids(reader(aged, D4, "2013-01-05").read("silver.events")) == [4]
    # Warm alone is opened for an interval that hot has nothing of, and hot for the other.
    assert all("/warm/" in path for path in aged.view.paths([D2]))
    assert all("/hot/" in path for path in aged.view.paths([D1]))


@pytest.mark.parametrize("way", ["read", "sql", "before", "whole", "files"])
def test_what_needs_cold_says_how_it_comes_back(aged: AgedLake, way: str):
    step = reader(aged, D4, "2013-01-05") if way == "before" else reader(aged, D2, D4)
    with pytest.raises(ColdError) as refused:
        if way == "sql":
            step.sql("select * from silver.events")
        elif way == "files":
            step._context.dataset_files(asked(step))  # type: ignore[attr-defined]
        else:
            step.read("silver.events", before=1 if way == "before" else 0, whole=way == "whole")
    sentence = str(refused.value)
    assert sentence.startswith("silver.events lies in cold for 2013-01-03 (1 partition, ")
    assert sentence.endswith(
        "; restore it, which takes less than a second: lakebook tier restore silver.events "
        "--start 2013-01-03 --end 2013-01-04, or run or query with --restore"
    )
    assert refused.value.needs == {"silver.events": (D3,)} and refused.value.exit_code == 2
    again = pickle.loads(pickle.dumps(refused.value))
    assert (str(again), again.needs) == (sentence, refused.value.needs)


def test_what_retention_deleted_is_never_silently_no_row(aged: AgedLake):
    aged.delete(D1)
    step = reader(aged, D1, D2)
    with pytest.raises(UserError, match=r"deleted 2013-01-01 of silver.events; .* --force"):
        step.read("silver.events")
    aged.restore(D3)
    assert ids(reader(aged, D1, D2).read("silver.events", whole=True)) == [2, 3, 4]
    assert (aged.view.rows(), aged.view.present) == (3, (D2, D3, D4))


def test_rows_are_counted_over_tiers(aged: AgedLake):
    assert aged.view.rows() == 4
    assert [aged.view.rows_in(name) for name in (D1, D2, D3, D4)] == [1, 1, 1, 1]


def test_dbt_reads_what_is_warm(aged: AgedLake):
    step = reader(aged, D1, D3)
    files, schema = step._context.dataset_files(asked(step))  # type: ignore[attr-defined]
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE SCHEMA silver")
        connection.execute(Input(Dataset.parse("silver.events"), files, schema).view_sql())
        found = connection.execute("SELECT id, amount FROM silver.events ORDER BY id").fetchall()
    assert found == [(1, 10), (2, 20)]


def test_what_was_set_aside_is_shown_wherever_its_partition_lies(tmp_path: Path):
    lake = AgedLake(tmp_path)
    lake.contract("replace", quality=POSITIVE)
    lake.write([(1, D1, 10), (2, D1, -20), (3, D2, 30), (4, D2, -40)], D1, D3)
    lake.warm(D1, D2)
    lake.cold(D2)
    assert lake.quarantined() == [(2, -20), (4, -40)]
    lake.code = "two"  # a write elsewhere sweeps what no version needs
    lake.write([(5, D3, -50)], D3, D4)
    quarantine.sweep(lake.settings, lake.promised, now=time.time() + 3 * 86_400)
    assert lake.quarantined() == [(2, -20), (4, -40), (5, -50)]


# -- writing ---------------------------------------------------------------------------------------


def whole(lake: AgedLake) -> list[tuple[int, str | None, int]]:
    """Every row, after what is in cold was restored."""
    if cold := lake.view.in_cold(lake.view.partitions):
        lake.restore(*cold)
    return lake.rows()


def test_a_backfill_ends_in_one_place_once(aged: AgedLake):
    output = aged.write([(2, D2, 21), (3, D3, 31), (4, D4, 41)], D2, "2013-01-05")
    assert output.committed == (D2, D3, D4)
    assert set(aged.places().values()) == {"hot"}
    assert aged.rows() == [(1, D1, 10), (2, D2, 21), (3, D3, 31), (4, D4, 41)]
    assert not any(aged.snapshot.archive(name) for name in (D2, D3, D4))


def test_equal_rows_stay_where_they_lie(aged: AgedLake):
    before, places = aged.snapshot, aged.places()
    aged.code = "two"
    output = aged.write(ROWS, *ALL)
    assert output.committed == () and output.unchanged == (D1, D2, D3, D4)
    assert aged.places() == places
    assert {aged.snapshot.fp(n) for n in places} != {before.fp(n) for n in places}
    assert aged.snapshot.files == before.files
    assert whole(aged) == ROWS


@pytest.mark.parametrize(("day", "tier"), [(D2, "warm"), (D3, "cold"), (D4, "cold")])
@pytest.mark.parametrize("damage", ["flip", "loss"])
def test_equal_rows_take_the_place_of_what_is_damaged(
    aged: AgedLake, day: str, tier: str, damage: str
):
    root = aged.tables.warm if tier == "warm" else aged.tables.cold
    (path,) = (path for path in root.rglob("*.parquet") if day in str(path))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if damage == "flip":
        path.write_bytes(content)
    aged.code = "two"
    assert aged.write(ROWS, *ALL).committed == (day,)
    assert aged.places() == {D1: "hot", D2: "warm", D3: "cold", D4: "warm"} | {day: "hot"}
    assert whole(aged) == ROWS


def test_the_result_of_a_write_that_changed_nothing_may_lie_in_cold(aged: AgedLake):
    step = aged.open(*ALL)
    step.write(rows(*ROWS))
    with pytest.raises(ColdError):
        step.result()
    assert aged.contexts[-1].outcome.cold == {"silver.events": [D3]}
    aged.restore(D3)
    assert ids(step.result()) == [1, 2, 3, 4]


def test_rows_that_go_leave_an_empty_partition_in_hot(aged: AgedLake):
    aged.write([(1, D1, 10)], *ALL)
    assert aged.partitions() == {D1: [(1, D1, 10)], D2: [], D3: [], D4: []}
    assert set(aged.places().values()) == {"hot"}


def test_days_that_retention_deleted_can_be_made_anew(aged: AgedLake):
    aged.delete(D3)
    aged.write([(3, D3, 30)], D3, D4)
    assert aged.places()[D3] == "hot" and aged.rows() == ROWS


def test_a_difference_needs_no_restore(aged: AgedLake):
    step = aged.open(*ALL)
    new = rows((1, D1, 10), (2, D2, 21), (3, D3, 30), (4, D4, 40))
    text = str(step.diff(new))
    assert "4 rows, and nothing to compare with: silver.events lies in cold for 2013-01-03" in text
    step.write(new)
    text = str(step.diff())
    assert "2013-01-03 came out equal and lies in cold" in text and "1 changed" in text
    step = aged.open(D1, D3)
    step.write(rows((1, D1, 10), (2, D2, 21)))
    assert "No difference in 2 rows" in str(step.diff())


TABLE_RULE = rule("some", "expect_table_row_count_to_be_between", "fail", min_value=1)


def test_a_rule_about_the_whole_table_needs_all_of_it(aged: AgedLake):
    aged.contract("replace", quality=about_table(TABLE_RULE))
    with pytest.raises(ColdError, match="2013-01-03"):
        aged.write([(1, D1, 11)], D1, D2)
    aged.write([(3, D3, 31)], D3, D4)
    aged.write([(1, D1, 11)], D1, D2)
    assert whole(aged) == [(1, D1, 11), (2, D2, 20), (3, D3, 31), (4, D4, 40)]


# -- merge -----------------------------------------------------------------------------------------


@pytest.fixture
def merged(tmp_path: Path) -> AgedLake:
    made = AgedLake(tmp_path)
    made.contract("merge")
    made.write(ROWS, *ALL)
    made.warm(D2, D3)
    made.cold(D3)
    return made


def test_a_merge_rewrites_what_is_warm(merged: AgedLake):
    output = merged.write([(2, D1, 22)], D1, D2)
    assert output.committed == (D1, D2)
    assert merged.places() == {D1: "hot", D2: "hot", D3: "cold", D4: "hot"}
    merged.restore(D3)
    assert merged.rows() == [(1, D1, 10), (2, D1, 22), (3, D3, 30), (4, D4, 40)]


def test_a_merge_that_keys_rule_out_leaves_cold_alone(merged: AgedLake):
    # Of the interval, what the batch does not touch is kept wherever it lies.
    output = merged.write([(1, D1, 11)], *ALL)
    assert output.committed == (D1,) and set(output.unchanged) == {D2, D3, D4}
    assert merged.places() == {D1: "hot", D2: "warm", D3: "cold", D4: "hot"}
    assert len({merged.snapshot.fp(name) for name in (D1, D2, D3, D4)}) == 1
    assert whole(merged) == [(1, D1, 11), *ROWS[1:]]


@pytest.mark.parametrize("batch", [[(3, D1, 33)], [(9, D3, 90)], [(2, D1, 22), (4, D4, 44)]])
def test_a_merge_that_may_touch_cold_stops_with_the_command(merged: AgedLake, batch):
    before = merged.snapshot
    with pytest.raises(ColdError, match=r"lakebook tier restore silver.events --start 2013-01-03"):
        merged.write(batch, *ALL)
    assert merged.snapshot == before
    assert merged.contexts[-1].outcome.cold == {"silver.events": [D3]}
    merged.restore(D3)
    merged.write(batch, *ALL)
    keys = {key for key, _, _ in batch}
    assert merged.rows() == sorted([*(row for row in ROWS if row[0] not in keys), *batch])


def test_a_merge_over_deleted_days(merged: AgedLake):
    merged.delete(D3)
    merged.write([(3, D1, 33)], *ALL)
    assert merged.places()[D3] == "deleted"
    merged.write([(5, D3, 50)], *ALL)
    assert merged.places()[D3] == "hot"
    assert merged.rows() == [(1, D1, 10), (2, D2, 20), (3, D1, 33), (4, D4, 40), (5, D3, 50)]


# -- append ----------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgedLake]:
    journal_source.install(tmp_path / "plugins")
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    made = AgedLake(tmp_path)
    made.contract("append")
    yield made


def append(lake: AgedLake, *given) -> None:
    with (lake.root / "orders.journal").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in given)
    step = lake.open(None, None)
    step.write(step.ingest("journal://orders"))


def test_rows_are_appended_where_they_were_in_warm(log: AgedLake):
    append(log, (1, D1, 10), (2, D2, 20))
    log.warm(D1, D2)
    append(log, (3, D1, 30))
    assert log.places() == {D1: "hot", D2: "warm"}
    assert log.rows() == [(1, D1, 10), (2, D2, 20), (3, D1, 30)]


def test_appending_to_cold_stops_and_goes_on_after_the_restore(log: AgedLake):
    append(log, (1, D1, 10), (2, D2, 20))
    log.warm(D1)
    log.cold(D1)
    with pytest.raises(ColdError, match=f"restore silver.events --start {D1}"):
        append(log, (3, D1, 30))
    log.restore(D1)
    append(log)
    assert log.places() == {D1: "hot", D2: "hot"}
    assert log.rows() == [(1, D1, 10), (2, D2, 20), (3, D1, 30)]
    assert log.snapshot.archive(D1) is None and log.snapshot.expires(D1) is None


# -- environments ----------------------------------------------------------------------------------


def test_a_pin_keeps_the_warm_files_of_its_version(aged: AgedLake):
    aged.env = "ana"
    mine = open_view(load_settings(aged.root, env="ana"), aged.promised)
    assert len(mine.paths([D1, D2, D4])) == 3
    aged.env = "prod"
    aged.hot(D2)
    aged.write([(2, D2, 22)], D2, D3)
    for table in (aged.tables.hot, aged.tables.warm):
        vacuum(table, retention_s=0, now=time.time() + 60)
    aged.env = "ana"
    mine = open_view(load_settings(aged.root, env="ana"), aged.promised)
    read = pl.concat([pl.read_parquet(path) for path in mine.paths([D1, D2, D4])])
    assert sorted(read["amount"].to_list()) == [10, 20, 40]


def test_what_was_cold_at_a_pin_is_moved_with_it(aged: AgedLake):
    mine = load_settings(aged.root, env="ana")
    open_view(mine, aged.promised)
    aged.env = "ana"
    with pytest.raises(ColdError) as refused:
        reader(aged, D2, D4).read("silver.events")
    assert str(refused.value).endswith(
        "lakebook tier restore silver.events --start 2013-01-03 --end 2013-01-04 && "
        "lakebook env refresh ana silver.events"
    )
    aged.env = "prod"
    aged.restore(D3)
    aged.env = "ana"
    with pytest.raises(ColdError, match="it was restored since: move the pin with lakebook env"):
        reader(aged, D2, D4).read("silver.events")
    refresh(mine, "ana", ["silver.events"])
    assert ids(reader(aged, D2, D4).read("silver.events")) == [2, 3]


def test_an_environment_writes_over_what_prod_has_in_cold(aged: AgedLake):
    aged.env = "ana"
    aged.write([(3, D3, 31)], D3, D4)
    assert ids(reader(aged, *ALL).read("silver.events")) == [1, 2, 3, 4]
    mine = load_settings(aged.root, env="ana")
    for latest in (True, False):
        with pytest.raises(ColdError, match=r"lakebook tier restore silver.events"):
            diff_environment(mine, Dataset.parse("silver.events"), latest=latest)


def test_what_an_environment_holds_is_counted_over_tiers(aged: AgedLake):
    (table,) = use_of(aged.settings, "prod").tables
    assert (table.partitions, table.rows) == (4, 4)
    aged.delete(D1)
    (table,) = use_of(aged.settings, "prod").tables
    assert (table.partitions, table.rows) == (3, 3) and not table.problem


# -- queries ---------------------------------------------------------------------------------------


def test_a_query_needs_only_what_its_predicates_leave(aged: AgedLake):
    def query(sql: str, **options):
        return run_query(aged.settings, sql, **options).fetchall()

    assert query(f"SELECT id FROM silver.events WHERE seen < '{D3}' ORDER BY 1") == [(1,), (2,)]
    with pytest.raises(ColdError, match=r"silver.events lies in cold for 2013-01-03"):
        query("SELECT id FROM silver.events")
    # What is wrong with the query is said before anything is restored for it.
    for restore in (False, True):
        with pytest.raises(UserError, match="nope"):
            query("SELECT nope FROM silver.events", restore=restore)
    assert aged.places()[D3] == "cold"
    said: list[str] = []
    found = query("SELECT count(*) FROM silver.events", restore=True, say=said.append)
    assert found == [(4,)] and aged.places()[D3] == "warm"
    assert len(said) == 1 and said[0].startswith("restoring 2013-01-03 of silver.events from cold")
    left = aged.snapshot.expires(D3) - time.time()
    assert 6.9 < left / 86400 < 7.1
    aged.delete(D1)
    said.clear()
    assert query("SELECT count(*) FROM silver.events", say=said.append) == [(3,)]
    assert said == ["retention deleted 2013-01-01 of silver.events"]


# -- moves under way -------------------------------------------------------------------------------


def test_no_row_is_missing_or_twice_while_a_partition_moves(aged: AgedLake):
    stop = threading.Event()
    failures: list[BaseException] = []

    def move() -> None:
        try:
            for _ in range(25):
                aged.warm(D1)
                aged.hot(D1)
        except BaseException as failed:
            failures.append(failed)
        finally:
            stop.set()

    mover = threading.Thread(target=move)
    contract, settings, seen = aged.promised, aged.settings, set()
    mover.start()
    while not stop.is_set():
        view = open_view(settings, contract)
        seen.add(view.tier(D1))
        frames = [pl.read_parquet(path) for path in view.paths([D1, D2, D4])]
        assert sorted(pl.concat(frames)["id"].to_list()) == [1, 2, 4]
    mover.join()
    assert not failures and seen == {"hot", "warm"}
