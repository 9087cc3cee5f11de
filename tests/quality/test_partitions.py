"""Rules judge each partition of a write by itself, by the queries of one audit, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest
from quality_cases import CASES, LIKE

from lakebook.contract.model import Rule, TableContract, TimeColumn
from lakebook.errors import ContractError
from lakebook.quality import FAILED_RULES, audit, data_docs, flag
from lakebook.quality.conditions import MAP_METRIC
from lakebook.quality.cut import PART, cut_of
from lakebook.quality.suite import import_gx

PARTS = {
    "2013-01": [0, 1, 2, 3, 4, 5, 6, 7],
    "2013-02": [0, 2, 2, 4, 5, 6, 7],
    "2013-03": [],
    "null": [1, 3, 6, 7],
}
ALL = {**CASES, **LIKE}
MONTHS = TimeColumn("flight_date", "UTC", "month")


def rule(name: str, expectation: str, action: str = "fail", **kwargs: Any) -> Rule:
    return Rule(name, expectation, kwargs, action, "partition", reason="it matters")  # type: ignore


HAS_ROWS = rule("has_rows", "expect_table_row_count_to_be_between", min_value=1)
MOSTLY = rule(
    "near",
    "expect_column_values_to_be_between",
    "quarantine",
    column="id",
    max_value=6,
    mostly=0.65,
)


@pytest.fixture(scope="module")
def parts(flights: pa.Table) -> dict[str, pa.Table]:
    """Rows of some months, of a month without any, and of no time."""
    days = {"2013-01": date(2013, 1, 31), "2013-02": date(2013, 2, 1), "null": None}
    at = flights.schema.get_field_index("flight_date")
    found = {}
    for name, places in PARTS.items():
        taken = flights.take(pa.array(places, pa.int64()))
        day = pa.array([days.get(name)] * len(places), pa.date32())
        found[name] = taken.set_column(at, "flight_date", day)
    return found


@pytest.fixture(scope="module")
def whole(parts: dict[str, pa.Table]) -> pa.Table:
    # In one chunk: Spark drops what comes after an empty one.
    return pa.concat_tables(parts.values()).combine_chunks()


@pytest.fixture(scope="module")
def monthly(make_contract: Any) -> Callable[..., TableContract]:
    return lambda *rules: replace(make_contract(*rules), time=MONTHS)


@pytest.fixture(scope="module")
def on_pandas(parts: dict[str, pa.Table], make_contract: Any) -> dict[str, dict[str, Any]]:
    """What Great Expectations says of each partition on pandas, by case; of none, our own audit."""
    gx = import_gx()
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("flights")
    definition = asset.add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(
        name="all",
        expectations=[
            get_expectation_impl(expectation)(**kwargs, meta={"case": name})
            for name, (expectation, kwargs) in CASES.items()
        ],
    )
    found: dict[str, dict[str, Any]] = {name: {} for name in ALL}
    for part, table in parts.items():
        if not table.num_rows:
            continue
        batch = definition.get_batch({"dataframe": table.to_pandas()})
        for one in batch.validate(suite, result_format="SUMMARY").to_json_dict()["results"]:
            assert not one["exception_info"]["raised_exception"]
            found[one["expectation_config"]["meta"]["case"]][part] = one
    for part, table in parts.items():
        frame = nw.from_native(pl.from_arrow(table).lazy())
        document = audit(frame, make_contract(*_rules("warn"))).gx
        for one in document["results"]:
            found[one["expectation_config"]["meta"]["lakebook"]["rule"]].setdefault(part, one)
    return found


def _rules(action: str) -> list[Rule]:
    return [Rule(name, *case, action=action, scope="row") for name, case in ALL.items()]  # type: ignore


@pytest.fixture(scope="module")
def at_once(to_frame: Any, whole: pa.Table, monthly: Any) -> dict[str, Any]:
    result = audit(to_frame(whole), monthly(*_rules("warn")), partitions=PARTS)
    assert result.rows == whole.num_rows
    documents = {
        one["expectation_config"]["meta"]["lakebook"]["rule"]: one for one in result.gx["results"]
    }
    return {check.name: (check, documents[check.name]) for check in result.checks}


ENGINES = ["polars", "duckdb", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.slow])]


@pytest.mark.parametrize("to_frame", ENGINES, indirect=True, scope="session")
@pytest.mark.parametrize("case", ALL)
def test_each_partition_has_the_verdict_that_great_expectations_gives_its_rows(
    case: str, at_once: dict[str, Any], on_pandas: dict[str, Any]
) -> None:
    check, document = at_once[case]
    expected = {part: on_pandas[case][part] for part in PARTS}
    failing = [part for part, one in expected.items() if not one["success"]]
    assert check.success == (not failing)
    if len({one["success"] for one in expected.values()}) > 1 or check.partitions:
        assert list(check.partitions) == failing  # a rule about the schema names none
    if check.evaluated is not None:
        results = [one["result"] for one in expected.values()]
        assert check.unexpected == sum(r["unexpected_count"] for r in results)
        assert document["result"]["element_count"] == sum(r["element_count"] for r in results)
    elif failing:
        first = expected[failing[0]]["result"]
        for values in ("partial_missing_list", "partial_unexpected_list"):
            assert sorted(document["result"].get(values) or ()) == sorted(first.get(values) or ())
        if isinstance(first.get("observed_value"), int | float):
            assert document["result"]["observed_value"] == pytest.approx(first["observed_value"])


ROW_CASES = [name for name, (expectation, _) in ALL.items() if expectation in MAP_METRIC]


@pytest.fixture(scope="module")
def flagged(whole: pa.Table, monthly: Any) -> pl.DataFrame:
    rules = [Rule(n, *ALL[n], action="quarantine", scope="row") for n in ROW_CASES]  # type: ignore
    contract = monthly(*rules)
    frame = nw.from_native(pl.from_arrow(whole).lazy())
    broken = audit(frame, contract, partitions=PARTS).broken()
    found = flag(frame, contract, broken, partitions=PARTS).collect().to_native()
    assert PART not in found.columns
    return found


@pytest.mark.parametrize("case", ROW_CASES)
def test_rows_of_the_failing_partitions_are_flagged_and_no_others(
    case: str, flagged: pl.DataFrame, on_pandas: dict[str, Any]
) -> None:
    failed = flagged.filter(pl.col(FAILED_RULES).str.split(",").list.contains(case))
    months = failed["flight_date"].dt.strftime("%Y-%m").fill_null("null").to_list()
    for part in PARTS:
        one = on_pandas[case][part]
        count = 0 if one["success"] else one["result"]["unexpected_count"]
        assert months.count(part) == count, part


def test_rows_are_flagged_alike_on_every_engine(
    to_frame: Any, whole: pa.Table, monthly: Any
) -> None:
    names = ("unique", "compound_any", "outliers", "z_score", "between_mostly", "in_set")
    rules = [Rule(n, *CASES[n], action="quarantine", scope="row") for n in names]  # type: ignore
    contract = monthly(*rules)

    def flagged(frame: nw.LazyFrame) -> list[str]:
        broken = audit(frame, contract, partitions=PARTS).broken()
        rows = flag(frame, contract, broken, partitions=PARTS)
        shown = rows.select("flight_date", "id", "tailnum", FAILED_RULES).collect().to_arrow()
        return sorted(map(repr, shown.to_pylist()))

    assert flagged(to_frame(whole)) == flagged(nw.from_native(pl.from_arrow(whole).lazy()))


def test_a_partition_without_a_row_breaks_a_row_count(
    to_frame: Any, whole: pa.Table, monthly: Any
) -> None:
    (check,) = audit(to_frame(whole), monthly(HAS_ROWS), partitions=PARTS).checks
    assert (check.success, check.partitions) == (False, ("2013-03",))
    assert check.observed == "2013-03: 0"
    there = [name for name in PARTS if name != "2013-03"]
    (check,) = audit(to_frame(whole), monthly(HAS_ROWS), partitions=there).checks
    assert (check.success, check.partitions, check.observed) == (True, (), "4 to 8")


def test_one_partition_is_named_like_one_of_many(parts: dict[str, pa.Table], monthly: Any) -> None:
    empty = nw.from_native(pl.from_arrow(parts["2013-03"]).lazy())
    (check,) = audit(empty, monthly(HAS_ROWS), partitions=["2013-03"]).checks
    assert (check.partitions, check.observed) == (("2013-03",), "2013-03: 0")


def test_a_share_of_rows_is_one_of_each_partition(
    to_frame: Any, whole: pa.Table, monthly: Any
) -> None:
    frame = to_frame(whole)
    result = audit(frame, monthly(MOSTLY), partitions=PARTS)
    (check,) = result.checks
    assert (check.unexpected, check.evaluated) == (6, 19)  # 68 % of all hold
    assert check.partitions == ("null",)
    assert check.observed == "null: 2 of 4 rows"
    assert len(check.sample) == 2 and all(row["id"] == 7 for row in check.sample)
    assert result.broken() == {"near": {"null": 2}}


def test_many_failing_partitions_are_counted_and_the_first_are_named(monthly: Any) -> None:
    frame = nw.from_native(pl.LazyFrame(schema={"flight_date": pl.Date}))
    months = [f"2013-{month:02d}" for month in range(1, 13)]
    (check,) = audit(frame, monthly(HAS_ROWS), partitions=months).checks
    assert check.partitions == tuple(months)
    assert check.observed == "2013-01: 0; 2013-02: 0; 2013-03: 0; 9 more partitions"


def test_a_rule_that_does_not_fit_is_one_clear_error(whole: pa.Table, monthly: Any) -> None:
    frame = nw.from_native(pl.from_arrow(whole).lazy())
    bad = rule("bad", "expect_column_values_to_match_regex", column="tailnum", regex="(")
    with pytest.raises(ContractError, match=r"'bad' has a wrong argument .*regular expression"):
        audit(frame, monthly(bad), partitions=PARTS)
    high = rule("high", "expect_column_max_to_be_between", column="carrier", max_value=3)
    with pytest.raises(ContractError, match="'carrier' is string, and the class is about"):
        audit(frame, monthly(high), partitions=PARTS)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_a_partition_begins_at_midnight_of_its_zone(
    to_frame: Any, make_contract: Any, zone: str
) -> None:
    """Around the days on which New York's clocks change, an hour is one day's or the other's."""
    from zoneinfo import ZoneInfo

    utc = ZoneInfo("UTC")
    times = [
        datetime(2013, month, day, hour, 30)
        for month, day in ((3, 10), (3, 11), (11, 3), (11, 4))
        for hour in range(24)
    ]
    days = [
        time.replace(tzinfo=utc).astimezone(ZoneInfo(zone)).date().isoformat() for time in times
    ]
    contract = replace(make_contract(HAS_ROWS), time=TimeColumn("landed", zone, "day"))
    frame = to_frame(pa.table({"landed": pa.array([*times, None], pa.timestamp("us"))}))
    cut = cut_of(frame, contract, {*days, "null"})
    assert cut is not None and cut.names == (*sorted(set(days)), "null")
    rows = cut.of(frame).group_by(PART).agg(nw.len().alias("rows")).collect().to_arrow()
    numbers = {number: name for name, number in cut.numbers.items()}
    found = {numbers[row[PART]]: row["rows"] for row in rows.to_pylist()}
    assert found == {**{day: days.count(day) for day in days}, "null": 1}


def test_any_number_of_partitions_takes_one_query_and_failing_rows_one_more(
    monkeypatch: pytest.MonkeyPatch, make_contract: Any
) -> None:
    seen: list[int] = []
    run = nw.LazyFrame.collect

    def counted(self: nw.LazyFrame, *args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(nw.LazyFrame, "collect", counted)
    days = pl.date_range(date(2013, 1, 1), date(2013, 12, 31), eager=True)
    frame = nw.from_native(pl.DataFrame({"flight_date": days, "id": range(365)}).lazy())
    unique = rule("unique", "expect_column_values_to_be_unique", column="id")
    top = rule("top", "expect_column_max_to_be_between", column="id", max_value=364)
    low = rule("low", "expect_column_values_to_be_between", column="id", min_value=9)
    names = [day.isoformat() for day in days]
    daily = replace(
        make_contract(HAS_ROWS, unique, top), time=TimeColumn("flight_date", "UTC", "day")
    )
    assert audit(frame, daily, partitions=names).success
    assert len(seen) == 1
    result = audit(frame, replace(daily, rules=(*daily.rules, low)), partitions=names)
    assert result.checks[-1].partitions == tuple(names[:9])
    assert len(seen) == 3


def test_a_table_rule_sees_all_partitions_together(whole: pa.Table, monthly: Any) -> None:
    frame = nw.from_native(pl.from_arrow(whole).lazy())
    of_table = replace(
        rule("all", "expect_table_row_count_to_equal", value=whole.num_rows), scope="table"
    )
    result = audit(frame, monthly(HAS_ROWS, of_table), partitions=PARTS)
    assert [(c.name, c.success) for c in result.checks] == [("has_rows", False), ("all", True)]


def test_data_docs_of_several_partitions_render(
    whole: pa.Table, monthly: Any, tmp_path: Path
) -> None:
    frame = nw.from_native(pl.from_arrow(whole).lazy())
    result = audit(frame, monthly(*_rules("warn")), partitions=PARTS)
    data_docs([result], tmp_path / "docs")
    (page,) = (tmp_path / "docs" / "validations").rglob("*.html")
    assert "less than or equal to" in page.read_text()
