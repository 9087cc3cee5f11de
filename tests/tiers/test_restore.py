"""Restores: an archive's files come back as they are, for a time, and fall back by themselves."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import delta_worker as w
import dying
import polars as pl
import pytest
from dying import Killed

from lakebook import delta
from lakebook.delta.transaction import Change, transact
from lakebook.delta.whole import has_copy
from lakebook.errors import StorageError, UserError
from lakebook.intervals import Interval
from lakebook.names import Dataset, TierTables
from lakebook.settings import Prices, Settings, TierSettings
from lakebook.tiers import batches, copying, warm
from lakebook.tiers import promote as promoting
from lakebook.tiers.cold import fall_back as falling
from lakebook.tiers.cold import restore as restoring
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.cold_folders import archive_folder, archives
from lakebook.tiers.cold.cold_sweep import sweep_cold
from lakebook.tiers.cold.manifest import read_manifest
from lakebook.tiers.cold.restore import fall_back, restore
from lakebook.tiers.cold.restore_plan import plan_restore
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.placing import NewPlace, set_places
from lakebook.tiers.promote import promote
from lakebook.tiers.warm import sweep_warm

QUARTER = Interval.parse("2013-01-01", "2013-04-01")
JANUARY = Interval.parse("2013-01-01", "2013-02-01")
CONTRACT = w.make_contract()
SOON = datetime(2095, 1, 1, tzinfo=UTC)
AFTER = (SOON + timedelta(days=1)).timestamp()


@pytest.fixture
def cold(quarter: TierTables) -> TierTables:
    """January and February in cold, March in hot."""
    archive(quarter, CONTRACT, ["2013-01", "2013-02"])
    return quarter


def whole(tables: TierTables) -> delta.Snapshot:
    return delta.open_whole(tables.hot, tables.warm)


def rows(tables: TierTables) -> pl.DataFrame:
    return w.read(whole(tables))


def folder_of(tables: TierTables, partition: str = "2013-01") -> Path:
    named = delta.open_snapshot(tables.hot).archive(partition)
    assert named is not None
    return archive_folder(tables.cold, partition, named)


def first_file(folder: Path) -> Path:
    return next(folder.glob("*.parquet"))


def flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("to", ["warm", "hot"])
def test_a_restored_partition_has_the_bytes_of_its_archive_and_keeps_it(
    cold: TierTables, to: str
) -> None:
    before = delta.open_snapshot(cold.hot)
    restored = restore(cold, CONTRACT, ["2013-01"], to=to, expires=SOON, run="r")
    hot = delta.open_snapshot(cold.hot)
    assert restored.moved == ("2013-01",) and restored.skipped == {} and restored.files == 1
    assert hot.place("2013-01").tier == to
    assert hot.place("2013-01").generation == before.place("2013-01").generation + 1
    assert hot.archive("2013-01") == before.archive("2013-01") is not None
    assert hot.expires("2013-01") == int(SOON.timestamp())
    assert (hot.data("2013-01"), hot.fp("2013-01")) == (before.data("2013-01"), 1)
    (file,) = whole(cold).files_in(["2013-01"])
    path = Path(whole(cold).table / file.path)
    assert path.read_bytes() == first_file(folder_of(cold)).read_bytes()
    assert f"-{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}.parquet" in path.name
    assert rows(cold).filter(pl.col("day") < JANUARY.end).equals(w.make_rows(JANUARY))
    assert file.stats is not None and file.stats["minValues"]["day"] == "2013-01-01"
    assert file.rows == 93 and w.orphans(cold.hot) == []


def test_a_float_with_nan_gets_no_bounds_when_it_comes_back(tables: TierTables) -> None:
    contract = w.make_contract("month", w.Column("x", "float64"), w.Column("y", "float64"))
    given = w.make_rows(JANUARY).with_columns(
        x=pl.when(pl.col("k") % 2 == 0).then(float("nan")).otherwise(1.5), y=pl.lit(2.5)
    )
    w.write(tables.hot, contract, JANUARY, rows=given)
    archive(tables, contract, ["2013-01"])
    restore(tables, contract, ["2013-01"])
    (file,) = whole(tables).files
    assert file.stats is not None
    assert "x" not in file.stats["minValues"] and file.stats["minValues"]["y"] == 2.5


def test_a_restore_without_an_end_stays_until_a_policy_moves_it(cold: TierTables) -> None:
    restore(cold, CONTRACT, ["2013-01"])
    assert delta.open_snapshot(cold.hot).expires("2013-01") is None
    assert fall_back(cold, ["2013-01"], now=AFTER).skipped == {"2013-01": "its time is not over"}
    again = restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    assert again.skipped == {"2013-01": "its copy stays in warm until its policy moves it"}


def test_restoring_again_prolongs_without_a_copy_and_never_shortens(cold: TierTables) -> None:
    restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    before = delta.open_snapshot(cold.hot)
    later = SOON + timedelta(days=9)
    restored = restore(cold, CONTRACT, ["2013-01"], to="hot", expires=later)
    hot = delta.open_snapshot(cold.hot)
    assert (restored.moved, restored.prolonged, restored.files) == ((), ("2013-01",), 0)
    assert hot.expires("2013-01") == int(later.timestamp())
    assert hot.place("2013-01") == before.place("2013-01")
    assert hot.fence("2013-01") == before.fence("2013-01") + 1
    assert has_copy(hot, delta.open_snapshot(cold.warm), "2013-01")
    shorter = restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    assert shorter.skipped == {"2013-01": "its copy stays in warm until 2095-01-10 00:00 UTC"}
    assert restore(cold, CONTRACT, ["2013-01"]).prolonged == ("2013-01",)
    assert delta.open_snapshot(cold.hot).expires("2013-01") is None


def test_what_is_not_in_cold_is_skipped_beside_what_is(cold: TierTables) -> None:
    restored = restore(cold, CONTRACT, ["2013-01", "2013-03"])
    assert restored.moved == ("2013-01",)
    assert restored.skipped == {"2013-03": "it lies in hot and needs no restore"}


def test_one_sentence_for_what_cannot_be_restored(cold: TierTables, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2013-03 was never archived as it is now; it lies in hot"):
        restore(cold, CONTRACT, ["2013-03"])
    with pytest.raises(UserError, match="has no partition 2019-01; it has 2013-01 to 2013-03"):
        restore(cold, CONTRACT, ["2013-01", "2019-01"])
    hot = delta.open_snapshot(cold.hot)
    set_places(cold.hot, hot, {"2013-02": NewPlace("deleted", archive=0)}, {})
    with pytest.raises(UserError, match="2013-02 was deleted by retention"):
        restore(cold, CONTRACT, ["2013-02"])
    restored = restore(cold, CONTRACT, ["2013-01", "2013-02"])
    assert restored.skipped == {"2013-02": "it was deleted by retention"}
    nowhere = TierTables(Dataset("gold", "x"), *[tmp_path / tier for tier in ("h", "w", "c")])
    with pytest.raises(UserError, match=r"gold\.x has no partition yet"):
        restore(nowhere, CONTRACT, ["2013-01"])


@pytest.mark.parametrize("to", ["warm", "hot"])
def test_an_expired_copy_falls_back_without_a_new_archive(cold: TierTables, to: str) -> None:
    folder = folder_of(cold)
    restore(cold, CONTRACT, ["2013-01"], to=to, expires=SOON)
    assert fall_back(cold, ["2013-01"]).skipped == {"2013-01": "its time is not over"}
    version = delta.open_snapshot(cold.hot).version
    fallen = fall_back(cold, ["2013-01", "2013-02", "2013-03"], now=AFTER)
    hot = delta.open_snapshot(cold.hot)
    assert fallen.moved == ("2013-01",) and fallen.archive_bytes == 0 and fallen.files == 1
    assert fallen.skipped == {
        "2013-02": "it lies in cold and was not restored from an archive",
        "2013-03": "it lies in hot and was not restored from an archive",
    }
    assert hot.version == version + 1 and hot.place("2013-01").tier == "cold"
    assert hot.expires("2013-01") is None and folder_of(cold) == folder
    assert sweep_warm(cold) == (("2013-01",) if to == "warm" else ())
    assert sweep_cold(cold).superseded == ()
    restore(cold, CONTRACT, ["2013-01"])  # and back again
    assert rows(cold).height == 93 + 93


def test_archiving_what_was_restored_takes_up_its_archive(cold: TierTables) -> None:
    folder = folder_of(cold)
    restore(cold, CONTRACT, ["2013-01"])
    archived = archive(cold, CONTRACT, ["2013-01"])
    assert archived.moved == ("2013-01",) and archived.archive_bytes == 0
    assert folder_of(cold) == folder and len(list(folder.parent.iterdir())) == 1


def test_a_damaged_archive_is_made_anew_from_its_copy(cold: TierTables) -> None:
    restore(cold, CONTRACT, ["2013-01", "2013-02"], expires=SOON)
    folder = folder_of(cold)
    flip(first_file(folder))
    fallen = fall_back(cold, ["2013-01", "2013-02"], now=AFTER)
    assert fallen.moved == ("2013-02",)
    assert "its archive is damaged" in fallen.skipped["2013-01"]
    assert first_file(folder).name in fallen.skipped["2013-01"]
    assert delta.open_snapshot(cold.hot).place("2013-01").tier == "warm"
    fallen = fall_back(cold, ["2013-01"], now=AFTER, contract=CONTRACT)
    assert fallen.moved == ("2013-01",) and folder_of(cold) != folder
    assert sweep_cold(cold).superseded == ("2013-01",)
    restore(cold, CONTRACT, ["2013-01"])
    assert rows(cold).filter(pl.col("day") < JANUARY.end).equals(w.make_rows(JANUARY))


def test_a_copy_that_was_rewritten_has_no_archive_any_more(cold: TierTables) -> None:
    restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    w.write(cold.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=4), fp=4)
    fallen = fall_back(cold, ["2013-01"], now=AFTER)
    assert fallen.skipped == {"2013-01": "it lies in hot and was not restored from an archive"}
    with pytest.raises(UserError, match="never archived as it is now"):
        restore(cold, CONTRACT, ["2013-01"])
    assert sweep_cold(cold).superseded == ("2013-01",)


def test_appended_rows_make_an_archive_stale(tables: TierTables) -> None:
    w.append(tables.hot, CONTRACT, "s", [[1, 2]])
    archive(tables, CONTRACT, ["2013-01"])
    restore(tables, CONTRACT, ["2013-01"], to="hot", expires=SOON)
    w.append(tables.hot, CONTRACT, "t", [[3]])
    hot = delta.open_snapshot(tables.hot)
    assert hot.archive("2013-01") is None and hot.expires("2013-01") is None
    assert fall_back(tables, ["2013-01"], now=AFTER).moved == ()
    assert w.read(hot)["k"].to_list() == [1, 2, 3]


def test_moves_and_compaction_of_a_restored_copy_keep_its_archive(tables: TierTables) -> None:
    w.append(tables.hot, CONTRACT, "s", [[1, 2], [3]])
    archive(tables, CONTRACT, ["2013-01"])
    named = delta.open_snapshot(tables.hot).archive("2013-01")
    restore(tables, CONTRACT, ["2013-01"])
    promote(tables, ["2013-01"])
    delta.compact(tables.hot)
    move_to_warm(tables, CONTRACT, ["2013-01"])
    assert delta.open_snapshot(tables.hot).archive("2013-01") == named
    assert archive(tables, CONTRACT, ["2013-01"]).archive_bytes == 0
    restore(tables, CONTRACT, ["2013-01"])
    assert rows(tables)["k"].to_list() == [1, 2, 3]


def test_a_write_during_a_restore_wins(cold: TierTables, monkeypatch: pytest.MonkeyPatch) -> None:
    place, given = warm.set_places, w.make_rows(JANUARY, seed=2)

    def write_then_place(*args):
        w.write(cold.hot, CONTRACT, JANUARY, rows=given, fp=2)
        return place(*args)

    monkeypatch.setattr(warm, "set_places", write_then_place)
    restored = restore(cold, CONTRACT, ["2013-01", "2013-02"])
    assert restored.moved == ("2013-02",) and "meanwhile" in restored.skipped["2013-01"]
    assert rows(cold).filter(pl.col("day") < JANUARY.end).equals(given)
    assert sweep_warm(cold) == ("2013-01",)


def test_a_fall_back_during_a_prolongation_looks_again(
    cold: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    place = falling.set_places

    def prolong_then_place(*args):
        restore(cold, CONTRACT, ["2013-01"], expires=SOON + timedelta(days=9))
        return place(*args)

    monkeypatch.setattr(falling, "set_places", prolong_then_place)
    assert "meanwhile" in fall_back(cold, ["2013-01"], now=AFTER).skipped["2013-01"]
    assert delta.open_snapshot(cold.hot).place("2013-01").tier == "warm"


DAMAGES = {
    "a bit in a page": (lambda folder: flip(first_file(folder), 0.1), "SHA-256"),
    "a bit in the footer": (lambda folder: flip(first_file(folder), 0.9), "damaged"),
    "a file cut off": (lambda folder: cut(first_file(folder)), "has .* bytes"),
    "a file missing": (lambda folder: first_file(folder).unlink(), "missing"),
    "a bit in the manifest": (lambda folder: flip(folder / "manifest.json"), "manifest is damaged"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "has no manifest"),
    "no archive": (shutil.rmtree, "archive is not there"),
}


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("to", ["warm", "hot"])
def test_a_damaged_archive_is_not_restored_and_says_where(
    cold: TierTables, damage: str, to: str
) -> None:
    folder = folder_of(cold)
    do, what = DAMAGES[damage]
    do(folder)
    with pytest.raises(StorageError, match=what) as raised:
        restore(cold, CONTRACT, ["2013-01", "2013-02"], to=to)
    assert str(folder) in raised.value.sentence and raised.value.fix
    hot = delta.open_snapshot(cold.hot)
    assert hot.placed("cold") == ("2013-01", "2013-02")
    assert rows(cold).height == 93  # March as before
    for table in (cold.hot, cold.warm):
        assert not table.exists() or w.orphans(table) == []
    assert restore(cold, CONTRACT, ["2013-02"], to=to).moved == ("2013-02",)


def test_an_archive_that_is_replaced_while_it_is_copied(
    cold: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copying._copy

    def rewrite_then_copy(*args):
        w.write(cold.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=2), fp=2)
        sweep_cold(cold)
        return copy(*args)

    monkeypatch.setattr(copying, "_copy", rewrite_then_copy)
    with pytest.raises(Exception, match=r"replaced while it was copied.*; run it again"):
        restore(cold, CONTRACT, ["2013-01"])
    assert rows(cold).filter(pl.col("day") < JANUARY.end).equals(w.make_rows(JANUARY, seed=2))


def test_a_plan_says_size_time_and_price(cold: TierTables, tmp_path: Path) -> None:
    tiers = TierSettings(prices=Prices(currency="EUR", restore=20.0), restore_mb_per_s=0.001)
    settings = Settings(root=tmp_path, lake=tmp_path / "lake", tiers=tiers)
    plan = plan_restore(settings, CONTRACT, ["2013-01", "2013-02", "2013-03"])
    sizes = {p: read_manifest(folder_of(cold, p)).size_bytes for p in ("2013-01", "2013-02")}
    assert plan.sizes == sizes and plan.size_bytes == sum(sizes.values())
    assert plan.rows == 93 + 84
    assert plan.seconds == pytest.approx(plan.size_bytes / 1000)
    assert plan.price == pytest.approx(plan.size_bytes * 20 / 1e9) and plan.currency == "EUR"


def test_large_restores_are_committed_in_batches(
    cold: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 1)
    version, told = delta.open_snapshot(cold.hot).version, []
    restored = restore(
        *(cold, CONTRACT, ["2013-01", "2013-02"]), on_progress=lambda p, size: told.append(p)
    )
    assert restored.moved == ("2013-01", "2013-02") == tuple(told)
    assert restored.version == version + 2 and restored.files == 2


def die_at(monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    """Leave everything as a kill would: nothing that is cleaned up on the way out is."""
    dying.die_at(monkeypatch, point, restoring, falling, warm, copying, promoting)
    monkeypatch.setattr(delta.Stage, "discard", lambda self: None)
    monkeypatch.setattr(delta.Stage, "finish", lambda self, kept=(): None)


POINTS = ["restore.after_note", "restore.after_manifests", "copy.before_name"]


@pytest.mark.parametrize(
    ("to", "point"),
    [
        *(("warm", p) for p in (*POINTS, "move.after_copy", "move.after_warm", "move.after_hot")),
        *(("hot", p) for p in (*POINTS, "promote.after_copy", "promote.after_hot")),
    ],
)
def test_a_rerun_after_a_death_at_any_point_converges(
    cold: TierTables, monkeypatch: pytest.MonkeyPatch, to: str, point: str
) -> None:
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        restore(cold, CONTRACT, ["2013-01"], to=to, expires=SOON)
    monkeypatch.undo()
    restore(cold, CONTRACT, ["2013-01"], to=to, expires=SOON)
    hot = delta.open_snapshot(cold.hot)
    assert hot.place("2013-01").tier == to and hot.expires("2013-01") == int(SOON.timestamp())
    assert hot.archive("2013-01") is not None
    assert rows(cold).equals(
        w.make_rows(QUARTER).filter(~pl.col("day").is_between(JANUARY.end, pl.date(2013, 2, 28)))
    )
    assert fall_back(cold, ["2013-01"], now=AFTER).moved == ("2013-01",)


@pytest.mark.parametrize("point", ["restore.before_prolong", "restore.after_prolong"])
def test_a_prolongation_that_died_is_done_by_the_next(
    cold: TierTables, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    later = SOON + timedelta(days=2)
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        restore(cold, CONTRACT, ["2013-01"], expires=later)
    monkeypatch.undo()
    restore(cold, CONTRACT, ["2013-01"], expires=later)
    assert delta.open_snapshot(cold.hot).expires("2013-01") == int(later.timestamp())


@pytest.mark.parametrize("point", ["restore.before_fall_back", "restore.after_fall_back"])
def test_a_fall_back_that_died_is_done_by_the_next(
    cold: TierTables, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        fall_back(cold, ["2013-01"], now=AFTER)
    monkeypatch.undo()
    fall_back(cold, ["2013-01"], now=AFTER)
    assert delta.open_snapshot(cold.hot).place("2013-01").tier == "cold"
    assert [p for p, _ in archives(cold.cold)] == ["2013-01", "2013-02"]


def test_a_copy_that_is_lost_is_fetched_again_from_its_archive(cold: TierTables) -> None:
    restore(cold, CONTRACT, ["2013-01"], expires=SOON)
    transact(cold.warm, lambda now: Change(removes=now.files))
    assert fall_back(cold, ["2013-01"], now=AFTER).moved == ("2013-01",)
    assert restore(cold, CONTRACT, ["2013-01"]).moved == ("2013-01",)
    assert rows(cold).filter(pl.col("day") < JANUARY.end).equals(w.make_rows(JANUARY))
