"""Merge by key through `Step`: one row per key, whichever partition held it before."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_checkout import POSITIVE, about_table, rule
from small_lake import Row, SmallLake, rows

from lakebook.errors import ConflictError, UserError
from lakebook.step import merge

JAN = ("2013-01-01", "2013-01-04")
D1, D2, D3, D5 = "2013-01-01", "2013-01-02", "2013-01-03", "2013-01-05"


def day(start: str) -> tuple[str, str]:
    return start, str(date.fromisoformat(start) + timedelta(days=1))


def test_rows_of_the_batch_replace_rows_of_their_key_and_the_rest_stays(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D1, 10), (2, D1, 20), (3, D2, 30)], *JAN)
    lake.write([(2, D1, 21), (4, D3, 40)], *JAN)
    assert lake.rows() == [(1, D1, 10), (2, D1, 21), (3, D2, 30), (4, D3, 40)]


def test_a_key_that_moves_into_the_interval_leaves_its_old_partition(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D5, 10), (2, D5, 20)], *day(D5))
    lake.write([(1, D1, 11)], *JAN)
    assert lake.partitions() == {D1: [(1, D1, 11)], D2: [], D3: [], D5: [(2, D5, 20)]}


def test_a_partition_that_loses_all_its_rows_is_empty_and_there(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D5, 10)], *day(D5))
    lake.write([(1, D1, 11)], *day(D1))
    assert lake.partitions() == {D1: [(1, D1, 11)], D5: []}
    assert [file.rows for file in lake.snapshot.files_in([D5])] == [0]


def test_only_what_changes_is_committed(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D1, 10), (2, D2, 20)], *JAN)
    lake.write([(5, D5, 50)], *day(D5))
    before = lake.snapshot
    output = lake.write([(2, D2, 21)], *JAN)
    after = lake.snapshot
    assert output.committed == (D2,)
    assert after.files_in([D1, D3, D5]) == before.files_in([D1, D3, D5])
    again = lake.write([(2, D2, 21)], *JAN)
    assert (again.committed, lake.snapshot.version) == ((), after.version)


def test_a_partition_that_is_only_touched_keeps_its_fingerprint(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D5, 10)], *day(D5))
    made = lake.snapshot.fp(D5)
    lake.code = "two"
    lake.write([(1, D1, 11), (2, D2, 20)], *JAN)
    assert lake.snapshot.fp(D5) == made
    fps = {lake.snapshot.fp(name) for name in (D1, D2, D3)}
    assert len(fps) == 1 and made not in fps
    assert lake.snapshot.fence(D5) == 2


def test_rows_that_no_batch_touches_are_judged_by_a_new_rule(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D1, -5), (2, D2, 2), (3, D2, -7), (4, D3, 4)], D1, D5)
    before = lake.snapshot.files_in([D3])
    lake.contract("merge", quality=POSITIVE)
    lake.write([(2, D2, 3)], D1, D5)
    assert lake.rows() == [(2, D2, 3), (4, D3, 4)]
    assert lake.quarantined() == [(1, -5), (3, -7)]
    assert lake.snapshot.files_in([D3]) == before, "what holds is not committed again"


def test_a_kept_partition_gets_the_fingerprint_of_the_new_making(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D1, 10), (2, D2, 20)], *JAN)
    before = lake.snapshot
    lake.code = "two"
    lake.write([(2, D2, 21)], *JAN)
    assert lake.snapshot.fp(D1) == lake.snapshot.fp(D2) != before.fp(D1)
    assert lake.snapshot.fence(D1) == before.fence(D1)


def test_a_row_of_the_batch_outside_the_interval_is_refused(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D5, 10)], *day(D5))
    with pytest.raises(UserError, match=r"a row has seen = 2013-01-05 .* outside the interval"):
        lake.write([(1, D5, 11)], *JAN)
    assert lake.rows() == [(1, D5, 10)]


def test_a_batch_with_one_key_twice_is_refused(lake: SmallLake) -> None:
    lake.contract("merge")
    with pytest.raises(UserError, match=r"2 rows of one key \(id = 7\).*leave one row per id"):
        lake.write([(7, D1, 1), (8, D1, 1), (7, D2, 2)], *JAN)
    assert lake.rows() == []


def test_rows_without_a_time_merge_too(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, None, 10), (2, None, 20)], *JAN)
    lake.write([(1, D1, 11), (3, None, 30)], *JAN)
    assert lake.rows() == [(1, D1, 11), (2, None, 20), (3, None, 30)]
    lake.write([(2, D5, 21)], *day(D5))
    assert lake.partitions()["null"] == [(3, None, 30)]


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_keys_are_found_on_the_days_of_any_zone(lake: SmallLake, zone: str) -> None:
    """Casablanca has the most changes of all zones."""
    lake.contract("merge")
    path = lake.root / "notebooks/silver/events.contract.yaml"
    path.write_text(path.read_text().replace("timeZone, value: UTC", f"timeZone, value: {zone}"))
    night = "2013-01-02T02:00:00" if zone == "America/New_York" else "2013-01-02T22:00:00"
    span = ("2012-12-31", "2013-01-05")
    lake.write([(1, night, 10), (2, "2013-01-02T12:00:00", 20)], *span)
    lake.write([(1, "2013-01-03T12:00:00", 11)], *span)
    assert lake.rows() == [(1, "2013-01-03T12:00:00", 11), (2, "2013-01-02T12:00:00", 20)]


def test_a_table_without_time_merges_as_a_whole(lake: SmallLake) -> None:
    lake.contract("merge", time=False)
    lake.write([(1, D1, 10), (2, D1, 20)], None, None)
    output = lake.write([(2, D5, 21), (3, None, 30)], None, None)
    assert output.committed == ("*",)
    assert lake.rows() == [(1, D1, 10), (2, D5, 21), (3, None, 30)]


def test_files_that_cannot_hold_a_key_are_not_searched(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.contract("merge")
    lake.write([(100, D2, 1), (200, D2, 1)], *day(D2))
    lake.write([(1, D3, 1), (50, D3, 1)], *day(D3))
    searched = []
    real = merge._may_hold

    def watched(file: object, bounds: object) -> bool:
        held = real(file, bounds)  # type: ignore[arg-type]
        searched.append((file.partition, held))  # type: ignore[attr-defined]
        return held

    monkeypatch.setattr(merge, "_may_hold", watched)
    lake.write([(40, D1, 1), (60, D1, 1)], *day(D1))
    assert searched == [(D2, False), (D3, True)]


def test_an_environment_gets_the_whole_of_a_partition_that_it_touches(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write([(1, D5, 10), (2, D5, 20)], *day(D5))
    lake.write([(3, D1, 30)], *JAN)
    made = lake.snapshot.fp(D5)
    prod = lake.partitions()
    lake.env = "ana"
    lake.write([(1, D2, 11)], *JAN)
    assert lake.rows() == [(1, D2, 11), (2, D5, 20), (3, D1, 30)]
    assert lake.snapshot.rows == 3 and lake.snapshot.fp(D5) == made
    lake.write([(3, D2, 31)], *JAN)
    assert lake.rows() == [(1, D2, 11), (2, D5, 20), (3, D2, 31)]
    lake.env = "prod"
    lake.open(*JAN)
    assert lake.partitions() == prod


def test_a_merge_commits_all_or_nothing(lake: SmallLake) -> None:
    """A key that leaves a partition and one that gets it are one change."""
    lake.contract("merge")
    lake.write([(1, D5, 10)], *day(D5))
    early = lake.open(*JAN)
    lake.write([(9, D5, 90)], *day(D5))
    early_context = lake.contexts[-2]
    with pytest.raises(ConflictError, match=f"committed {D5} meanwhile.*nothing of this merge"):
        early.write(rows((1, D1, 11)))
    assert early_context.outcome.conflicts == [D1, D2, D3], "the batch's interval runs again"
    assert lake.rows() == [(1, D5, 10), (9, D5, 90)]
    lake.write([(1, D1, 11)], *JAN)
    assert lake.rows() == [(1, D1, 11), (9, D5, 90)]


def test_what_was_set_aside_stays_until_its_key_comes_again(lake: SmallLake) -> None:
    lake.contract("merge", quality=POSITIVE)
    lake.write([(1, D1, 10), (2, D1, -2), (3, D1, -3)], *day(D1))
    lake.code = "two"
    output = lake.write([(2, D1, 20), (4, D1, -4)], *day(D1))
    assert (output.rows_audited, output.rows_published, output.rows_quarantined) == (3, 2, 1)
    assert lake.rows() == [(1, D1, 10), (2, D1, 20)]
    assert lake.quarantined() == [(3, -3), (4, -4)]
    lake.write([(2, D1, 20), (4, D1, -4)], *day(D1))
    assert lake.quarantined() == [(3, -3), (4, -4)]


def test_what_a_touched_partition_set_aside_stays(lake: SmallLake) -> None:
    lake.contract("merge", quality=POSITIVE)
    lake.write([(1, D5, 10), (2, D5, -2)], *day(D5))
    lake.write([(1, D1, 11), (3, D1, -3)], *JAN)
    assert lake.rows() == [(1, D1, 11)]
    assert lake.quarantined() == [(2, -2), (3, -3)]


def test_rules_about_the_whole_table_see_it_as_it_will_be(lake: SmallLake) -> None:
    few = rule("few", "expect_table_row_count_to_be_between", "fail", max_value=2)
    lake.contract("merge", quality=about_table(few))
    lake.write([(1, D5, 10), (2, D5, 20)], *day(D5))
    lake.write([(1, D1, 11)], *JAN)
    assert lake.rows() == [(1, D1, 11), (2, D5, 20)]


BATCHES = st.lists(
    st.tuples(
        st.integers(0, 3),  # first day of the interval
        st.integers(1, 3),  # days
        st.dictionaries(st.integers(0, 7), st.tuples(st.integers(0, 9), st.integers(0, 2))),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=BATCHES, time=st.booleans())
def test_batches_in_order_are_a_dict_updated_in_order(
    tmp_path: Path, batches: list[tuple[int, int, dict[int, tuple[int, int]]]], time: bool
) -> None:
    shutil.rmtree(tmp_path / "lake", ignore_errors=True)
    lake = SmallLake(tmp_path / "lake")
    (tmp_path / "lake").mkdir()
    lake.contract("merge", time=time)
    model: dict[int, Row] = {}
    for number, (first, length, drawn) in enumerate(batches):
        start = date(2013, 1, 30) + timedelta(days=first)
        batch = [
            (key, None if at == 9 else str(start + timedelta(days=at % length)), amount)
            for key, (at, amount) in drawn.items()
        ]
        lake.code = str(number)
        ends = (str(start), str(start + timedelta(days=length))) if time else (None, None)
        output = lake.write(batch, *ends)
        model.update({row[0]: row for row in batch})
        assert lake.rows() == sorted(model.values())
        assert output.rows_published == output.rows_audited
        version = lake.snapshot.version
        lake.write(batch, *ends)
        assert lake.snapshot.version == version, "the same batch again commits nothing"
    for name, held in lake.partitions().items():
        assert all((row[1] or "null") == name or name == "*" for row in held)
