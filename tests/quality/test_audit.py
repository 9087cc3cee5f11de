"""An audit reads the data once, keeps samples of what failed and says what it cannot do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from lakebook.contract.model import Relationship, Rule, TimeColumn
from lakebook.errors import ContractError
from lakebook.names import Dataset
from lakebook.quality import audit, data_docs


def rule(name: str, expectation: str, action: str = "fail", scope: str = "row", **kwargs: Any):
    return Rule(name, expectation, kwargs, action, scope, reason="it matters")  # type: ignore


CARRIER = Relationship("carrier", Dataset("silver", "airlines"), "carrier", "warn", "known ones")
GOOD = (
    rule("has_rows", "expect_table_row_count_to_be_between", scope="partition", min_value=1),
    rule("distance", "expect_column_values_to_be_between", column="distance", min_value=-5),
    rule("id_there", "expect_column_values_to_not_be_null", column="id"),
    rule("pair", "expect_compound_columns_to_be_unique", column_list=["flight_date", "landed"]),
    rule("landed", "expect_column_values_to_be_unique", column="landed"),
    rule("top", "expect_column_max_to_be_between", column="distance", max_value=600),
)
BAD = rule("on_time", "expect_column_values_to_be_between", column="dep_delay", max_value=500)


@pytest.fixture
def frame(flights: pa.Table) -> nw.LazyFrame:
    return nw.from_native(pl.from_arrow(flights).lazy())


@pytest.fixture
def collects(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every query that is run."""
    seen: list[int] = []
    run = nw.LazyFrame.collect

    def counted(self: nw.LazyFrame, *args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(nw.LazyFrame, "collect", counted)
    return seen


def test_a_suite_that_holds_takes_one_query(
    to_frame: Any, flights: pa.Table, make_contract: Any, collects: list[int]
) -> None:
    result = audit(
        to_frame(flights),
        make_contract(*GOOD, relationships=(CARRIER,)),
        references={CARRIER.name: ["AA", "UA", "DL", "XX"]},
    )
    assert result.success and len(result.checks) == len(GOOD) + 1
    assert len(collects) == 1


def test_failing_rules_take_one_query_more(
    frame: nw.LazyFrame, make_contract: Any, collects: list[int]
) -> None:
    unique = rule("unique", "expect_column_values_to_be_unique", "warn", column="id")
    result = audit(frame, make_contract(*GOOD, BAD, unique))
    assert [c.name for c in result.failed("fail")] == ["on_time"]
    assert [c.name for c in result.failed("warn")] == ["unique"]
    assert len(collects) == 2


def test_a_failed_check_shows_rows_with_their_key(
    to_frame: Any, flights: pa.Table, make_contract: Any
) -> None:
    unique = rule("unique", "expect_column_values_to_be_unique", "warn", column="id")
    check, repeated = audit(to_frame(flights), make_contract(BAD, unique)).checks
    assert (check.unexpected, check.evaluated, check.reason) == (1, 6, "it matters")
    assert check.sample == ({"id": 5, "dep_delay": 900.0},)
    assert sorted(row["id"] for row in repeated.sample) == [2, 7]


def test_rows_are_counted_even_if_no_rule_asks(frame: nw.LazyFrame, make_contract: Any) -> None:
    only_names = rule("names", "expect_column_to_exist", scope="table", column="id")
    assert audit(frame, make_contract()).rows == 8
    assert audit(frame, make_contract(only_names)).rows == 8
    assert audit(frame, make_contract(*GOOD)).rows == 8


def test_rules_of_the_table_run_on_the_whole_table(frame: nw.LazyFrame, make_contract: Any) -> None:
    whole = rule("all", "expect_table_row_count_to_equal", scope="table", value=16)
    table = nw.concat([frame, frame], how="vertical")
    result = audit(frame, make_contract(*GOOD, whole), table_frame=table)
    assert result.success and result.rows == 8
    assert result.gx["statistics"]["evaluated_expectations"] == len(GOOD) + 1
    assert audit(frame, make_contract(whole)).checks[0].observed == 8


def test_two_audits_do_not_mix_their_data(frame: nw.LazyFrame, make_contract: Any) -> None:
    contract = make_contract(GOOD[0])
    assert audit(frame, contract).checks[0].observed == 8
    assert audit(frame.head(3), contract).checks[0].observed == 3


def test_an_empty_frame_keeps_row_rules(
    to_frame: Any, flights: pa.Table, make_contract: Any
) -> None:
    result = audit(to_frame(flights.slice(0, 0)), make_contract(*GOOD, BAD))
    assert [c.name for c in result.checks if not c.success] == ["has_rows", "top"]
    assert result.rows == 0


@pytest.mark.parametrize("others", [2, 50])
def test_keys_of_a_reference_stay_out_of_the_result(
    to_frame: Any, flights: pa.Table, make_contract: Any, others: int
) -> None:
    keys = pa.array([f"K{i}" for i in range(others)] + ["AA", "UA", "DL"])
    contract = make_contract(relationships=(CARRIER,))
    result = audit(to_frame(flights), contract, references={CARRIER.name: keys})
    (check,) = result.checks
    assert (check.name, check.action, check.unexpected) == ("carrier_in_airlines", "warn", 1)
    assert check.sample == ({"id": 5, "carrier": "XX"},)
    assert "K1" not in str(result.gx) and "DL" not in str(result.gx)
    assert "silver.airlines.carrier" in str(result.gx)


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical])
def test_keys_in_a_column_are_compared_as_any_others(
    to_frame: Any, flights: pa.Table, make_contract: Any, dtype: Any
) -> None:
    many = [f"K{i}" for i in range(50)]
    contract = make_contract(relationships=(CARRIER,))
    for keys in (["AA", "UA", None, "DL"], [*many, "AA", None, "UA", "DL"], []):
        column = nw.from_native(pl.Series("carrier", keys, dtype), series_only=True)
        by_column, by_list = (
            audit(to_frame(flights), contract, references={CARRIER.name: given}).checks
            for given in (column, keys)
        )
        assert by_column == by_list and not by_list[0].success


def test_a_column_of_keys_makes_no_object_of_each(
    flights: pa.Table, make_contract: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = pl.Series([f"K{i}" for i in range(50)] + ["AA", "UA", "DL", "XX"])
    column = nw.from_native(keys, series_only=True)

    def refuse(*_: object) -> None:
        raise AssertionError("the keys became objects")

    for name in ("to_list", "__iter__"):
        monkeypatch.setattr(nw.Series, name, refuse)
    frame = nw.from_native(pl.from_arrow(flights).lazy())  # type: ignore[union-attr]
    contract = make_contract(relationships=(CARRIER,))
    assert audit(frame, contract, references={CARRIER.name: column}).success


def test_distinct_values_outside_a_set_are_named(
    to_frame: Any, flights: pa.Table, make_contract: Any
) -> None:
    known = rule(
        "known",
        "expect_column_distinct_values_to_be_in_set",
        column="carrier",
        value_set=["AA", "UA", "DL"],
    )
    both = rule(
        "both",
        "expect_column_distinct_values_to_equal_set",
        column="carrier",
        value_set=["AA", "UA", "ZZ", "XX"],
    )
    first, second = audit(to_frame(flights), make_contract(known, both)).checks
    assert (first.success, first.observed, first.sample) == (False, "not in the set: 'XX'", ("XX",))
    assert second.observed == "not in the set: 'DL'; missing: 'ZZ'"
    assert (first.unexpected, first.evaluated) == (None, None)  # no rows are counted


def test_dates_of_a_contract_are_text(to_frame: Any, flights: pa.Table, make_contract: Any) -> None:
    dates = {"min_value": "2013-01-02", "max_value": "2013-12-31"}
    result = audit(
        to_frame(flights),
        make_contract(
            rule("day", "expect_column_values_to_be_between", column="flight_date", **dates),
            rule("time", "expect_column_values_to_be_between", column="landed", **dates),
        ),
    )
    assert [(c.unexpected, c.evaluated) for c in result.checks] == [(1, 7), (1, 7)]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (rule("r", "expect_column_values_to_be_betwen", column="id"), "did you mean"),
        (rule("r", "expect_column_values_to_be_unique", column="ids"), "did you mean 'id'?"),
        (rule("r", "expect_column_values_to_be_between", column="id", minimum=1), "minimum"),
        (rule("r", "expect_table_row_count_to_equal", "quarantine", value=1), "cannot quarantine"),
        (
            rule("r", "expect_column_values_to_match_regex", column="tailnum", regex="("),
            "not a regular expression",
        ),
    ],
)
def test_a_rule_that_does_not_fit_is_one_clear_error(
    frame: nw.LazyFrame, make_contract: Any, broken: Rule, said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        audit(frame, make_contract(broken))
    assert said in raised.value.sentence
    assert "flights.contract.yaml" in raised.value.sentence
    assert "\n" not in raised.value.sentence


@pytest.mark.parametrize("partitions", [(), ("2013-01", "null")])
def test_a_rule_that_cannot_be_evaluated_says_why_and_the_others_are_judged(
    to_frame: Any, flights: pa.Table, make_contract: Any, partitions: tuple[str, ...]
) -> None:
    where = "import os"  # which a contract that is read from a file does not have
    odd = rule("odd", BAD.expectation, "warn", column="dep_delay", min_value=0, row_condition=where)
    apart = replace(odd, name="apart", action="quarantine")
    contract = replace(
        make_contract(*GOOD, odd, BAD, apart), time=TimeColumn("flight_date", "UTC", "month")
    )
    result = audit(to_frame(flights), contract, partitions=partitions)
    found = {check.name: check for check in result.checks}
    assert [c.name for c in result.checks if not c.success] == ["odd", "on_time", "apart"]
    assert "'import os': not understood" in found["odd"].problem
    assert "\n" not in found["odd"].problem
    assert (found["odd"].unexpected, found["on_time"].unexpected) == (None, 1)
    assert found["on_time"].problem == ""
    assert result.broken() == {} and [c.name for c in result.stops()] == ["on_time", "apart"]


def test_what_an_engine_cannot_compute_is_said_of_the_rule_alone(
    to_frame: Any, flights: pa.Table, make_contract: Any
) -> None:
    """The contract says that a text is a number, as no staged file could."""
    contract = make_contract(
        GOOD[0], rule("sum", "expect_column_sum_to_be_between", column="miles", min_value=0), BAD
    )
    column = flights.column_names.index("miles")
    texts = flights.set_column(column, "miles", pa.array(["a"] * flights.num_rows))
    rows, total, on_time = audit(to_frame(texts), contract).checks
    assert (rows.success, on_time.unexpected) == (True, 1)
    assert total.success is False and total.problem and "plan" not in total.problem.lower()
    assert "\n" not in total.problem and len(total.problem) <= 200


def test_a_reference_that_cannot_be_read_is_broken(frame: nw.LazyFrame, make_contract: Any) -> None:
    contract = make_contract(*GOOD, relationships=(CARRIER,))
    result = audit(frame, contract, unreadable={CARRIER.name: "silver.airlines has no table yet"})
    check = result.checks[-1]
    assert (check.name, check.success, check.action) == (CARRIER.name, False, "warn")
    assert check.problem == "silver.airlines has no table yet"


def test_a_frame_without_a_rules_column_is_one_clear_error(
    frame: nw.LazyFrame, make_contract: Any
) -> None:
    with pytest.raises(ContractError, match=r"'distance'.*do not have"):
        audit(frame.drop("distance"), make_contract(*GOOD))


def test_data_docs_render(frame: nw.LazyFrame, make_contract: Any, tmp_path: Path) -> None:
    result = audit(frame, make_contract(*GOOD, BAD))
    index = data_docs([result, result.gx], tmp_path / "docs")
    pages = list((tmp_path / "docs" / "validations").rglob("*.html"))
    assert "silver.flights" in index.read_text()
    assert len(pages) == 2
    assert "less than or equal to" in pages[0].read_text()


def test_importing_quality_imports_no_heavy_library() -> None:
    code = (
        "import sys, lakebook.quality, lakebook.quality.quarantine\n"
        "heavy = {'great_expectations', 'narwhals', 'polars', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_program_given_on_the_command_line_is_not_ended_by_the_import() -> None:
    """PySpark, where it is installed, takes `python -c` for its doctests."""
    program = "from lakebook.quality.suite import import_gx; import_gx(); print('there')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["there"], done.stderr
