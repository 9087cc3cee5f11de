"""Each row of a source is in the table, or is named: nothing disappears between."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import narwhals as nw
import polars as pl
import pytest
import sampling
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_checkout import COLUMNS, LANDING, POSITIVE, Checkout, in_prod, rule
from value_oracle import REFUSED, oracle, texts

from lakebook import Step
from lakebook.contract.lookup import find_table
from lakebook.contract.model import Column, TableContract, TimeColumn
from lakebook.delta import open_snapshot
from lakebook.engines.plan_origin import hidden_columns
from lakebook.errors import ContractError, SourceError
from lakebook.ingest import open_source
from lakebook.intervals import Interval
from lakebook.names import Dataset, tier_tables
from lakebook.quality.quarantine import shown_paths
from lakebook.run.single import rows_in
from lakebook.settings import Settings, load_settings
from lakebook.step.told import told

DAY = "2013-01-02"
SOURCE = """id,seen,amount
1,2013-01-01T10:00:00Z,10
2,2013-01-02T11:00:00Z,-5
3,2013-01-02T23:59:59Z,30
4,2013-01-04T10:00:00Z,40
5,2013-01-04T11:00:00Z,40
6,,50
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = in_prod(tmp_path, monkeypatch)
    made.contract("bronze.events", COLUMNS.replace(", required: true", "") + LANDING)
    made.source(SOURCE)
    return made


def step_of(start: str = DAY, end: str = "2013-01-03") -> Step:
    return Step("bronze.events", start=start, end=end)


def account_of(step: Step) -> dict[str, Any]:
    (entry,) = step._context.outcome.inputs
    return entry["rows"]


def test_rows_outside_the_interval_are_counted_by_day_in_record_and_card(checkout: Checkout):
    step = step_of()
    card = step.write(step.ingest("file://events.csv"))
    rows = account_of(step)
    assert (rows["total"], rows["landed"], rows["without_time"]) == (6, 3, 1)
    assert rows["outside_by_day"] == {"2013-01-01": 1, "2013-01-04": 2}
    said = (
        "6 rows, 3 landed (1 without a time); 3 outside the interval: "
        "1 before (2013-01-01: 1), 2 after (2013-01-04: 2)"
    )
    assert f"file://events.csv: {said}" in repr(card)
    assert said in card._repr_html_()


def test_the_plan_of_a_landing_shows_which_columns_are_whose(checkout: Checkout):
    raw = step_of().ingest("file://events.csv")
    assert hidden_columns(raw.to_native(), lambda *_: frozenset({"seen"})) == {"seen"}


def test_a_source_that_lies_in_the_interval_is_not_counted_a_second_time(checkout: Checkout):
    step = step_of("2013-01-01", "2013-01-05")
    card = step.write(step.ingest("file://events.csv"))
    assert account_of(step)["outside_by_day"] == {}
    assert "6 rows, 6 landed (1 without a time)" in repr(card)
    memo = checkout.root / ".lake/.cache/sources"
    assert not [path for path in memo.iterdir() if path.suffix == ".rows"]


def test_a_run_that_no_row_lies_in_says_so(checkout: Checkout):
    checkout.source(SOURCE.replace("6,,50\n", ""))
    step = step_of("2014-01-01", "2014-01-02")
    card = step.write(step.ingest("file://events.csv"))
    assert "note: no row of file://events.csv lies in [2014-01-01, 2014-01-02): 5 rows" in repr(
        card
    )


def test_what_the_notebook_leaves_out_is_named(checkout: Checkout):
    step = step_of()
    raw = step.ingest("file://events.csv")
    card = step.write(raw.filter(nw.col("amount") > 0))
    assert "3 rows landed and 2 were written: the notebook left out 1" in repr(card)


def test_a_row_that_gets_lost_on_the_way_stops_the_step(checkout: Checkout, monkeypatch):
    from lakebook.ingest import files

    cut = files.within
    monkeypatch.setattr(files, "within", lambda *it: cut(*it) & (pl.col("id") != 3))
    step = step_of()
    raw = step.ingest("file://events.csv")
    with pytest.raises(SourceError, match=r"3 rows of the source belong .* and 2 arrived"):
        step.write(raw)


def test_a_time_that_the_notebook_computes_limits_the_rows_at_the_write(checkout: Checkout):
    checkout.source("id,day,amount\n1,1.1.2013,1\n2,2.1.2013,2\n3,2.1.2013,3\n4,9.2.2013,4\n")
    step = step_of()
    raw = step.ingest("file://events.csv").to_native()
    seen = pl.col("day").str.to_datetime("%-d.%-m.%Y", time_unit="ms")
    card = step.write(raw.with_columns(seen=seen).drop("day"))
    assert step.result().select("id").collect()["id"].to_list() == [2, 3]
    assert "4 rows, 2 landed; 2 outside the interval: 1 before (2013-01-01: 1)" in repr(card)


def test_a_time_that_neither_source_nor_notebook_has_is_named(checkout: Checkout):
    checkout.source("id,sen,amount\n1,2013-01-02T11:00:00Z,1\n")
    step = step_of()
    raw = step.ingest("file://events.csv")
    with pytest.raises(SourceError) as raised:
        step.write(raw)
    assert "source file://events.csv has no column 'seen' (did you mean 'sen'?), and the" in str(
        raised.value
    )


def test_a_text_is_null_only_where_the_contract_says_so(checkout: Checkout):
    checkout.source("id,seen,amount,code,name\n1,2013-01-02T11:00:00Z,NA,NA,NA\n")
    code = "      - {name: code, logicalType: string, physicalType: string%s}\n"
    text = "      - {name: name, logicalType: string, physicalType: string}\n"
    nulls = "{property: nullValues, value: %s}"
    kept = code % f", customProperties: [{nulls % '[]'}]"
    path = checkout.contract("bronze.events", COLUMNS + kept + text + LANDING)
    with pytest.raises(SourceError, match=r"line 2: column 'amount' has 'NA', which is no int64"):
        step = step_of()
        step.write(step.ingest("file://events.csv"))
    write = "      - {property: write, value: replace}\n"
    path.write_text(path.read_text().replace(write, f"{write}      - {nulls % '[NA]'}\n"))
    step = step_of()
    step.write(step.ingest("file://events.csv"))
    found = step.result().select("amount", "code", "name").collect().rows()
    assert found == [(None, "NA", None)]


def test_a_decimal_a_zoned_time_and_a_year_land_exactly_or_are_named(checkout: Checkout):
    price = "      - {name: price, logicalType: number, physicalType: 'decimal(10,2)'}\n"
    checkout.contract("bronze.events", COLUMNS + price + LANDING)
    header = "id,seen,amount,price\n"
    checkout.source(
        f"{header}1,2013-01-02T01:00:00+02:00,1,0.10\n2,2013-01-02T00:30:00Z,1,99999999.99\n"
    )
    step = step_of("2013-01-01", "2013-01-03")
    step.write(step.ingest("file://events.csv", timestamp_format="%Y-%m-%dT%H:%M:%S%z"))
    found = step.result().select("seen", "price").sort("price").collect().rows()
    assert [(str(seen), str(value)) for seen, value in found] == [
        ("2013-01-01 23:00:00", "0.10"),
        ("2013-01-02 00:30:00", "99999999.99"),
    ]
    checkout.source(f"{header}1,13-01-02T01:00:00Z,1,0.10\n")
    with pytest.raises(SourceError, match="line 2: column 'seen' has '13-01-02T01:00:00Z'"):
        step.write(step.ingest("file://events.csv"))


KINDS = {
    "at": "timestamp", "n": "int64", "m": "int32", "x": "float64", "y": "float32",
    "d": "decimal(10,2)", "b": "boolean", "day": "date", "t": "string", "raw": "binary",
}  # fmt: skip
JANUARY = Interval.parse("2013-01-01", "2013-02-01")
GOOD = {
    "at": st.datetimes(datetime(2012, 12, 25), datetime(2013, 2, 7)).map(
        lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}"
    ),
    "n": st.integers(-(2**63), 2**63 - 1).map(str),
    "m": st.integers(-(2**31), 2**31 - 1).map(str),
    "x": st.floats().map(repr),
    "y": st.floats(width=32).map(lambda x: f"{x:.9g}"),
    "d": st.decimals(-99999999, 99999999, places=2).map(str),
    "b": st.sampled_from(["true", "False", "1"]),
    "day": st.dates().map(str),
    "t": st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=5),
    "raw": st.binary(max_size=3).map(bytes.hex),
}
FAULTY = {
    name: st.one_of(*[good] * 15, st.just(""), texts(KINDS[name])) if name != "t" else good
    for name, good in GOOD.items()
}


def expected(row: dict[str, str]) -> dict[str, Any]:
    """What each text of a row is worth; an empty field is null."""
    return {
        name: None if row[name] == "" else row[name] if name == "t" else oracle(row[name], kind)
        for name, kind in KINDS.items()
    }


def test_rows_of_any_file_are_landed_outside_or_the_file_is_refused(tmp_path: Path):
    contract = TableContract(
        Dataset("bronze", "any"),
        tmp_path / "any.contract.yaml",
        "1",
        "",
        tuple(Column(name, kind) for name, kind in KINDS.items()),
        "replace",
        TimeColumn("at", "UTC", "month"),
    )
    source = open_source("file://any.csv", Settings(root=tmp_path, lake=tmp_path / "lake"))

    @settings(
        max_examples=sampling.examples(40, 1500),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.fixed_dictionaries(FAULTY), min_size=1, max_size=8))
    def holds(rows: list[dict[str, str]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(KINDS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (tmp_path / "any.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
        wanted = [expected(row) for row in rows]
        landing = source.land(contract, JANUARY, {})
        if any(value is REFUSED for row in wanted for value in row.values()):
            with pytest.raises(Exception) as raised:
                landing.frame.collect()
            said = str(landing.fault(raised.value))
            name = said.split("column '")[1].split("'")[0]
            shown = [row[name] for row, w in zip(rows, wanted, strict=True) if w[name] is REFUSED]
            assert any(f"has {text!r}, which" in said for text in shown), said
            return
        found = landing.frame.select(list(KINDS)).collect().rows(named=True)
        inside = [w for w in wanted if w["at"] is None or _in_january(w["at"].date())]
        assert [_shown(row) for row in found] == [_shown(row) for row in inside]
        counted = landing.count()
        assert counted.total == len(rows)
        assert counted.landed(JANUARY) == len(found)
        assert len(rows) - len(found) == sum(counted.outside(JANUARY).values())

    holds()


def _in_january(day: date) -> bool:
    return JANUARY.start <= day < JANUARY.end


def _shown(row: dict[str, Any]) -> str:
    return json.dumps({name: repr(value) for name, value in row.items()})


def test_a_year_that_no_table_has_is_named_by_a_card_and_by_the_write(checkout: Checkout):
    step = step_of()
    raw = step.ingest("file://events.csv").to_native()
    early = pl.lit(-70_000_000_000_000_000).cast(pl.Datetime("us"))
    with pytest.raises(ValueError, match="out of range") as raised:
        repr(step.preview(raw.with_columns(seen=early)))
    assert "outside of the years 1 to 9999" in str(told(raised.value, []))
    raw = step.ingest("file://events.csv", whole=True).to_native()
    with pytest.raises(ContractError, match=r"has 6 values that .*\(-249-10-15 19:33:20; years"):
        step.write(raw.with_columns(seen=early))


def test_a_decimal_without_its_digits_is_explained(checkout: Checkout):
    raw = step_of().ingest("file://events.csv")
    with pytest.raises(TypeError) as raised:
        raw.select(nw.col("amount").cast(nw.Decimal)).collect()
    assert "write nw.Decimal(precision, scale)" in str(told(raised.value, []))


KNOWN = rule("known", "expect_column_values_to_not_be_null", "quarantine", column="seen")


@pytest.mark.parametrize(
    ("rules", "without_time"),
    [
        (POSITIVE, {"published": 1, "quarantined": 1}),
        (POSITIVE + KNOWN, {"published": 0, "quarantined": 2}),
        ("", {"published": 2, "quarantined": 0}),
    ],
)
def test_rows_without_a_time_count_once_for_all_runs_of_a_command(
    checkout: Checkout, rules: str, without_time: dict[str, int]
) -> None:
    """Each day's run replaces them; the sums are what the tables hold."""
    columns = COLUMNS.replace(", required: true", "") + LANDING
    checkout.contract("bronze.events", columns, quality=rules)
    checkout.source(f"{SOURCE}7,,-60\n8,2013-01-03T10:00:00Z,-1\n")
    runs = []
    for day in range(1, 5):
        step = step_of(f"2013-01-0{day}", f"2013-01-0{day + 1}")
        step.write(step.ingest("file://events.csv"))
        (output,) = step._context.outcome.outputs
        assert output.without_time == without_time
        runs.append(SimpleNamespace(outputs=[asdict(output)]))
    settings, dataset = load_settings(checkout.root), Dataset("bronze", "events")
    live = open_snapshot(tier_tables(settings.roots, dataset).hot)
    aside = shown_paths(settings, find_table(settings, dataset), live.partitions)
    assert rows_in(runs, "published") == live.rows
    assert rows_in(runs, "quarantined") == sum(pl.read_parquet(path).height for path in aside)
