"""Compaction and vacuum of a dataset over its tiers; in warm, a file's name is its checksum."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import delta_worker as w
import polars as pl
import pyarrow.parquet as pq
import pytest

from lakebook import delta
from lakebook.contract.model import Column
from lakebook.delta import tokens as token
from lakebook.delta.checksums import checksum_of, named_checksum
from lakebook.delta.place import Place
from lakebook.delta.snapshot import DataFile
from lakebook.engines import get_engine
from lakebook.errors import StorageError
from lakebook.intervals import Interval
from lakebook.names import TierTables
from lakebook.tiers.compaction import plan_compaction, run_compaction, sort_columns
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.promote import promote
from lakebook.tiers.vacuum import vacuum_dataset

CONTRACT = w.make_contract()
KEYED = w.make_contract("month")
LATER = 4e9
FEBRUARY = Interval.parse("2013-02-01", "2013-03-01")


@pytest.fixture
def small(tables: TierTables) -> TierTables:
    """`silver.events` with six small files: keys in falling order, in January and in February."""
    for number in range(3):
        delta.ensure_table(tables.hot, CONTRACT)
        days = [date(2013, 1, 9 - number), date(2013, 2, 9 - number)] * 2
        keys = [100 - 10 * number - i for i in range(4)]
        rows = pl.DataFrame({"day": days, "k": keys, "v": "a"})
        stage = delta.begin_stage(tables.hot, "r")
        get_engine("polars").stage(rows, stage, CONTRACT, interval=None)
        delta.commit_append(
            tables.hot,
            stage=stage,
            inspection=delta.inspect(stage, CONTRACT),
            offsets={"s": number + 1},
            expected_offsets={"s": number or None},
            metadata={},
        )
    return tables


def whole(tables: TierTables) -> delta.Snapshot:
    return delta.open_whole(tables.hot, tables.warm)


def compact(tables: TierTables) -> list[delta.CompactResult]:
    return [run_compaction(plan) for plan in plan_compaction(tables, CONTRACT)]


def test_each_partition_is_compacted_where_it_lies(small: TierTables) -> None:
    move_to_warm(small, CONTRACT, ["2013-01"])
    before, warm_before = whole(small), delta.open_snapshot(small.warm)
    plans = plan_compaction(small, CONTRACT)
    assert [(p.tier, list(p.work), p.files, p.sort_by) for p in plans] == [
        ("hot", ["2013-02"], 3, ("day",)),
        ("warm", ["2013-01"], 3, ("day",)),
    ]
    results = [run_compaction(plan) for plan in plans]
    assert [(r.compacted, r.files_before, r.files_after) for r in results] == [
        (("2013-02",), 3, 1),
        (("2013-01",), 3, 1),
    ]
    after, warm = whole(small), delta.open_snapshot(small.warm)
    assert w.read(after).equals(w.read(before))
    assert after.placed("warm") == ("2013-01",)
    for name in (token.placement("2013-01"), token.data("2013-01")):
        assert warm.tokens[name] == warm_before.tokens[name]
    assert warm.fence("2013-01") == warm_before.fence("2013-01") + 1
    (file,) = warm.files
    path = small.warm / file.path
    assert named_checksum(path.name) == checksum_of(path)[:32]
    assert pq.ParquetFile(path).read(["day"])["day"].to_pylist() == sorted(
        day for day in w.read(before)["day"].to_list() if day.month == 1
    )
    assert compact(small) == []
    assert w.orphans(small.hot) == w.orphans(small.warm) == []


def test_what_was_compacted_in_warm_is_promoted_and_moves_again(small: TierTables) -> None:
    before = whole(small)
    move_to_warm(small, CONTRACT, ["2013-01"])
    compact(small)
    assert promote(small, ["2013-01"]).moved == ("2013-01",)
    assert move_to_warm(small, CONTRACT, ["2013-01"]).moved == ("2013-01",)
    assert w.read(whole(small)).equals(w.read(before))


def test_stale_copies_in_warm_are_left_to_their_sweep(small: TierTables) -> None:
    move_to_warm(small, CONTRACT, ["2013-01", "2013-02"])
    promote(small, ["2013-02"])
    tiers = {plan.tier: list(plan.work) for plan in plan_compaction(small, CONTRACT)}
    assert tiers == {"hot": ["2013-02"], "warm": ["2013-01"]}


def test_partitions_are_chosen_by_name(small: TierTables) -> None:
    (plan,) = plan_compaction(small, CONTRACT, ["2013-02", "2020-01"])
    assert run_compaction(plan).compacted == ("2013-02",)


def test_a_flipped_bit_in_warm_is_not_compacted_into_a_good_checksum(small: TierTables) -> None:
    move_to_warm(small, CONTRACT, ["2013-01"])
    compact_plan = next(p for p in plan_compaction(small, CONTRACT) if p.tier == "warm")
    victim = Path(delta.open_snapshot(small.warm).paths()[0])
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(StorageError) as raised:
        run_compaction(compact_plan)
    assert raised.value.sentence == (
        f"{victim}: silver.events 2013-01 in warm: its SHA-256 is not the one in its name; make it "
        "anew: lakebook run silver.events --start 2013-01-01 --end 2013-02-01 --force"
    )
    assert w.orphans(small.warm) == []


def test_a_move_back_while_warm_is_compacted_wins(
    small: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promoted and moved partition has another copy by then: its fence in warm has moved."""
    from lakebook.delta import compaction

    before = whole(small)
    move_to_warm(small, CONTRACT, ["2013-01"])
    real = compaction.bytes_damage
    again: list[object] = []

    def meanwhile(path: Path, file: DataFile) -> str:
        if not again:
            again.append(promote(small, ["2013-01"]))
            again.append(move_to_warm(small, CONTRACT, ["2013-01"]))
        return real(path, file)

    monkeypatch.setattr(compaction, "bytes_damage", meanwhile)
    (plan,) = [p for p in plan_compaction(small, CONTRACT) if p.tier == "warm"]
    result = run_compaction(plan)
    assert (result.compacted, result.skipped) == ((), ("2013-01",))
    assert w.read(whole(small)).equals(w.read(before))
    assert w.orphans(small.warm) == []


def test_a_large_compaction_is_several_commits(
    small: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakebook.tiers import compaction

    monkeypatch.setattr(compaction, "_STEP_BYTES", 1)
    version = delta.open_snapshot(small.hot).version
    (plan,) = plan_compaction(small, CONTRACT)
    seen: list[delta.CompactResult] = []
    total = run_compaction(plan, on_progress=seen.append)
    assert total.compacted == ("2013-01", "2013-02") and len(seen) == 2
    assert total.version == version + 2
    assert (total.files_before, total.files_after) == (6, 2)
    assert total.bytes_before == plan.size_bytes


def test_the_columns_to_sort_by_are_time_then_key() -> None:
    columns = (
        Column("b", "int64", key_position=2),
        Column("a", "int64", key_position=1),
        Column("day", "date", key_position=3),
    )
    contract = w.make_contract("month")
    keyed = type(contract)(
        **{**{f: getattr(contract, f) for f in contract.__dataclass_fields__}, "columns": columns}
    )
    assert sort_columns(keyed, keyed.arrow_schema()) == ("day", "a", "b")
    older = keyed.arrow_schema().remove(1)  # a table that does not have the column yet
    assert sort_columns(keyed, older) == ("day", "b")


def test_a_vacuum_of_both_tiers_keeps_what_leases_and_stages_name(small: TierTables) -> None:
    move_to_warm(small, CONTRACT, ["2013-01"])
    reader = whole(small)
    lease = delta.take_lease(reader, "a reader over both", ttl_s=5e9)
    compact(small)
    old = {
        tier: [t.path for t in delta.open_snapshot(getattr(small, tier)).tombstones]
        for tier in ("hot", "warm")
    }
    stage = delta.begin_stage(small.warm, "a move", ttl_s=5e9)
    plain = stage.file_path("2013-02", 0)
    plain.write_bytes(b"a copy")
    living = stage.rename(plain, f"{stage.prefix}.00000-{checksum_of(plain)[:32]}.parquet")
    os.utime(living, (0, 0))
    planned = vacuum_dataset(small, now=LATER, dry_run=True)
    done = vacuum_dataset(small, now=LATER)
    assert {tier: one.vacuum for tier, one in planned.items()} == {
        tier: one.vacuum for tier, one in done.items()
    }
    # The files of January went to warm before the lease; those that it names are of both tables.
    assert done["hot"].vacuum.kept_by_lease == 3 and len(done["hot"].vacuum.deleted) == 3
    assert done["warm"].vacuum.kept_by_lease == 3 and done["warm"].vacuum.deleted == ()
    assert living.exists()
    assert w.read(reader).height == 12
    lease = delta.heartbeat(next(iter(delta.read_leases(small.hot))), ttl_s=5e9)
    assert {one.table for one in (lease, *lease.beside)} == {small.hot, small.warm}
    delta.release(lease)
    assert delta.read_leases(small.warm) == ()
    done = vacuum_dataset(small, now=LATER)
    assert sorted(done["hot"].vacuum.deleted + done["warm"].vacuum.deleted) == sorted(
        [p for p in old["hot"] if (p in {f.path for f in reader.files})] + old["warm"]
    )
    assert w.read(whole(small)).height == 12


def test_a_vacuum_sweeps_first_what_was_abandoned(small: TierTables) -> None:
    move_to_warm(small, CONTRACT, ["2013-01"])
    w.write(small.hot, CONTRACT, FEBRUARY, fp=7)
    stage = delta.begin_stage(small.warm, "dead", ttl_s=-1)
    stage.file_path("2013-02", 0).write_bytes(b"left")
    promote(small, ["2013-01"])  # leaves a stale copy in warm
    place = delta.open_snapshot(small.hot).place("2013-01")
    assert vacuum_dataset(small, now=LATER, dry_run=True)["warm"].sweep.runs == ()
    done = vacuum_dataset(small, now=LATER)
    assert done["warm"].sweep.runs == ("dead",) and done["warm"].stale == ("2013-01",)
    assert delta.open_snapshot(small.warm).partitions == ()
    assert delta.open_snapshot(small.hot).place("2013-01") == place == Place("hot", 2)
    assert list(small.warm.glob("_partition=*/*.parquet")) == []
    assert w.read(whole(small)).height == 6 + 28 * 3
