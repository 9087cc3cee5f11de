"""Rows without a time: every run replaces them all, and none is lost in silence."""

from __future__ import annotations

import os
from typing import Any

import pytest
from small_checkout import LANDING, POSITIVE
from small_lake import SmallLake, rows

from lakebook.errors import UserError
from lakebook.step import publish

D1, D2, D3 = "2013-01-01", "2013-01-02", "2013-01-03"
ONE, TWO = (D1, D2), (D2, D3)
OTHER = r"rows have no 'seen', and an earlier run made 1 other ones of the same inputs"


def test_runs_that_make_the_same_null_rows_agree(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(1, D1, 10), (9, None, 90)], *ONE)
    output = lake.write([(2, D2, 20), (9, None, 90)], *TWO)
    assert lake.rows() == [(1, D1, 10), (2, D2, 20), (9, None, 90)]
    assert "null" in output.unchanged


def test_the_result_of_an_interval_has_them_as_a_read_does(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(1, D1, 10), (9, None, 90)], *ONE)
    lake.write([(2, D2, 20), (9, None, 90)], *TWO)
    assert sorted(lake.open(*TWO).result().collect()["id"].to_list()) == [2, 9]


def test_null_rows_that_depend_on_the_interval_are_an_error(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(1, D1, 10), (8, None, 80)], *ONE)
    with pytest.raises(UserError, match=f"1 {OTHER}"):
        lake.write([(2, D2, 20), (9, None, 90)], *TWO)
    with pytest.raises(UserError, match=f"0 {OTHER}"):
        lake.write([(2, D2, 20)], *TWO)
    assert lake.rows() == [(1, D1, 10), (8, None, 80)]


def test_null_rows_that_a_rule_keeps_out_are_compared_too(lake: SmallLake) -> None:
    lake.contract("replace", quality=POSITIVE)
    lake.write([(1, D1, 10), (8, None, -80)], *ONE)
    lake.write([(2, D2, 20), (8, None, -80)], *TWO)
    assert lake.quarantined() == [(8, -80)]
    with pytest.raises(UserError, match=f"1 {OTHER}"):
        lake.write([(2, D2, 21), (9, None, -90)], *TWO)
    assert lake.quarantined() == [(8, -80)]
    assert lake.rows() == [(1, D1, 10), (2, D2, 20)]


def test_other_null_rows_of_another_making_replace_them_and_are_noted(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(1, D1, 10), (8, None, 80)], *ONE)
    lake.code = "two"
    card = lake.open(*ONE).write(rows((1, D1, 10), (9, None, 90)))
    assert lake.rows() == [(1, D1, 10), (9, None, 90)]
    assert card.notes == (
        "1 rows without 'seen' were replaced by 1; they belong to every interval",
    )


def test_in_a_notebook_whose_making_is_not_known_the_change_is_noted(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(8, None, 80)], *ONE, known=False)
    card = lake.open(*TWO, known=False).write(rows((2, D2, 20)))
    assert "1 rows without 'seen' were replaced by 0" in repr(card)


def test_a_run_that_another_overtook_with_other_null_rows_fails(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same fingerprint usually means the same rows; here it does not."""
    lake.contract("replace")
    real = publish.commit_replace

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(publish, "commit_replace", real)
        lake.write([(1, D1, 10), (8, None, 80)], *ONE)
        return real(*args, **kwargs)

    monkeypatch.setattr(publish, "commit_replace", overtaken)
    with pytest.raises(UserError, match=f"1 {OTHER}"):
        lake.write([(2, D2, 20), (9, None, 90)], *TWO)
    monkeypatch.setattr(publish, "commit_replace", overtaken)
    output = lake.write([(2, D2, 21), (8, None, 80)], *TWO)
    assert output.committed == (D2,)
    assert lake.rows() == [(1, D1, 10), (2, D2, 21), (8, None, 80)]


def test_a_source_that_was_only_touched_has_the_same_null_rows(lake: SmallLake) -> None:
    lake.contract("replace", columns=LANDING)
    source = lake.root / "events.csv"
    source.write_text("id,seen,amount\n1,2013-01-01T00:00:00Z,10\n9,,90\n")
    for day, modified in ((ONE, 1e9), (TWO, 2e9)):
        os.utime(source, (modified, modified))
        step = lake.open(*day)
        step.write(step.ingest("file://events.csv"))
    assert lake.rows() == [(1, D1, 10), (9, None, 90)]


def test_an_environment_is_held_to_the_null_rows_of_prod(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(1, D1, 10), (8, None, 80)], *ONE)
    lake.env = "ana"
    with pytest.raises(UserError, match=f"1 {OTHER}"):
        lake.write([(2, D2, 20), (9, None, 90)], *TWO)
    lake.write([(2, D2, 20), (8, None, 80)], *TWO)
    assert lake.rows() == [(1, D1, 10), (2, D2, 20), (8, None, 80)]
