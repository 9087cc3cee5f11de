"""What the default engine stages, casts and refuses."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from lakebook import delta
from lakebook.contract.model import Column, TableContract, TimeColumn
from lakebook.engines import get_engine
from lakebook.errors import ContractError, StorageError, UserError
from lakebook.intervals import Interval
from lakebook.names import Dataset

POLARS = get_engine("polars")
JANUARY = Interval.parse("2013-01-01", "2013-02-01")


def contract(*columns: Column, time: TimeColumn | None = None) -> TableContract:
    return TableContract(
        dataset=Dataset("silver", "x"),
        path=Path("x.contract.yaml"),
        version="1",
        description="",
        columns=columns,
        write="replace",
        time=time,
    )


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "x"


def staged(
    table: Path, promise: TableContract, frame: object, interval: Interval | None = None
) -> delta.Stage:
    delta.ensure_table(table, promise)
    stage = delta.begin_stage(table, "r")
    POLARS.stage(frame, stage, promise, interval=interval)
    return stage


LOCAL = contract(Column("at", "timestamp"), time=TimeColumn("at", "America/New_York", "month"))


def test_partitions_follow_the_zone_of_the_contract(table: Path) -> None:
    times = [datetime(2013, 1, 1, 5), datetime(2013, 2, 1, 4, 59), datetime(2013, 2, 1, 5), None]
    inspection = delta.inspect(staged(table, LOCAL, pl.DataFrame({"at": times})), LOCAL)
    rows = {p: sum(f.rows for f in fs) for p, fs in inspection.by_partition.items()}
    assert rows == {"2013-01": 2, "2013-02": 1, "null": 1}


def test_a_row_outside_the_interval_is_named(table: Path) -> None:
    rows = pl.DataFrame({"at": [datetime(2013, 1, 1, 5), datetime(2013, 2, 1, 5)]})
    with pytest.raises(
        UserError, match=r"at = 2013-02-01 05:00:00, outside the interval \[2013-01"
    ):
        staged(table, LOCAL, rows, JANUARY)


def test_a_null_time_is_refused_where_time_is_required(table: Path) -> None:
    strict = contract(
        Column("at", "timestamp", nullable=False), time=TimeColumn("at", "UTC", "day")
    )
    with pytest.raises(ContractError, match="'at' is null in some row"):
        staged(table, strict, pl.DataFrame({"at": [None]}, schema={"at": pl.Datetime("us")}))


EXACT = [
    ("int64", pl.Series([1, -2], dtype=pl.Int8), [1, -2]),
    ("int32", pl.Series([1, 2], dtype=pl.UInt64), [1, 2]),
    ("float64", pl.Series([0.5], dtype=pl.Float32), [0.5]),
    ("string", pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
    ("string", pl.Series([None, None]), [None, None]),
    ("decimal(10,2)", pl.Series([7]), [Decimal("7.00")]),
    ("decimal(10,2)", pl.Series([Decimal("1.5")], dtype=pl.Decimal(4, 1)), [Decimal("1.50")]),
    (
        "timestamp",
        pl.Series([datetime(2013, 1, 1)], dtype=pl.Datetime("ns")),
        [datetime(2013, 1, 1)],
    ),
    (
        "timestamp",
        pl.Series([datetime(2013, 1, 1)], dtype=pl.Datetime("ms")),
        [datetime(2013, 1, 1)],
    ),
    (
        "timestamp",
        pl.Series([datetime(2013, 1, 1)]).dt.replace_time_zone("America/New_York"),
        [datetime(2013, 1, 1, 5)],
    ),
]


@pytest.mark.parametrize(("wanted", "values", "expected"), EXACT)
def test_casts_without_loss_are_made(
    table: Path, wanted: str, values: pl.Series, expected: list[object]
) -> None:
    promise = contract(Column("c", wanted))
    stage = staged(table, promise, pl.DataFrame({"c": values}))
    assert delta.inspect(stage, promise).rows == len(expected)
    rows = POLARS.scan(stage.paths(), promise.arrow_schema()).collect()
    assert rows["c"].to_list() == expected


NEVER = [
    ("int64", pl.Series([1.0])),
    ("float64", pl.Series([1])),
    ("float32", pl.Series([1.0])),
    ("date", pl.Series(["2013-01-01"])),
    ("date", pl.Series([datetime(2013, 1, 1)])),
    ("timestamp", pl.Series([date(2013, 1, 1)])),
    ("string", pl.Series([1])),
    ("boolean", pl.Series([1])),
    ("decimal(10,1)", pl.Series([Decimal("1.50")], dtype=pl.Decimal(10, 2))),
]


@pytest.mark.parametrize(("wanted", "values"), NEVER)
def test_other_casts_are_left_to_the_notebook(table: Path, wanted: str, values: pl.Series) -> None:
    with pytest.raises(
        ContractError, match=r"column 'c' is .* in the result and .* in the contract"
    ):
        staged(table, contract(Column("c", wanted)), pl.DataFrame({"c": values}))


MISFITS = [
    ("int32", pl.Series([2**31]), r"column 'c' .*2147483648"),
    ("int64", pl.Series([2**63], dtype=pl.UInt64), "9223372036854775808"),
    ("int32", pl.Series([1, -(2**31) - 1, 2**31]), r"2 values that do not fit int32 .*-2147483649"),
    ("decimal(4,2)", pl.Series([100]), r"1 value that does not fit decimal\(4,2\) .*\(100\)"),
    ("decimal(4,2)", pl.Series([Decimal("100.1")]), r"decimal\(4,2\) .*\(100.1\)"),
    ("date", pl.Series([-719_529], dtype=pl.Int32).cast(pl.Date), "-001-12-31; years are 1 to"),
    ("date", pl.Series([2_932_897], dtype=pl.Int32).cast(pl.Date), "10000-01-01; years are 1 to"),
    ("timestamp", pl.Series([-(2**62)]).cast(pl.Datetime("us")), "years are 1 to 9999"),
    ("timestamp", pl.Series([2**62]).cast(pl.Datetime("ms")), "years are 1 to 9999"),
    (
        "timestamp",
        pl.Series([-62_135_596_800_001]).cast(pl.Datetime("ms", "Asia/Tokyo")),
        r"\(0000-12-31 23:59:59.999; years",
    ),
    ("timestamp", pl.Series([1], dtype=pl.Datetime("ns")), "fractions of a microsecond"),
]


@pytest.mark.parametrize(("wanted", "values", "sentence"), MISFITS)
def test_a_value_that_does_not_fit_fails_the_run(
    table: Path, wanted: str, values: pl.Series, sentence: str
) -> None:
    with pytest.raises(ContractError, match=sentence):
        staged(table, contract(Column("c", wanted)), pl.DataFrame({"c": values}))


def test_a_restricted_value_that_does_not_fit_is_not_shown(table: Path) -> None:
    promise = contract(Column("c", "int32", classification="restricted"))
    with pytest.raises(ContractError, match=r"1 value .*\(a \(restricted\) value\)") as raised:
        staged(table, promise, pl.DataFrame({"c": [2**40]}))
    assert str(2**40) not in f"{raised.value!r} {raised.value.__cause__!r}"


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_zero_that_is_written_has_one_sign(table: Path, kind: str) -> None:
    promise = contract(Column("c", kind))
    values = pl.Series([-0.0, 0.0, -1.5, float("nan"), None], dtype=pl.Float32)
    stage = staged(table, promise, pl.DataFrame({"c": values}))
    found = POLARS.scan(stage.paths(), promise.arrow_schema()).collect()["c"].to_list()
    assert [str(value) for value in found] == ["0.0", "0.0", "-1.5", "nan", "None"]


def test_names_must_be_the_contracts(table: Path) -> None:
    promise = contract(Column("dep_time", "int64"))
    with pytest.raises(
        ContractError, match=r"'dep_time' .*not in the result \(did you mean 'dep_tme'"
    ):
        staged(table, promise, pl.DataFrame({"dep_tme": [1]}))
    with pytest.raises(ContractError, match="'extra' is not in the contract"):
        staged(table, promise, pl.DataFrame({"dep_time": [1], "extra": [2]}))


def test_narwhals_frames_and_columns_in_any_order_are_taken(table: Path) -> None:
    promise = contract(Column("a", "int64"), Column("b", "int64"))
    stage = staged(table, promise, nw.from_native(pl.LazyFrame({"b": [2], "a": [1]})))
    assert pl.read_parquet(stage.paths()).row(0) == (1, 2)


def test_scanning_no_file_gives_an_empty_frame_with_the_schema() -> None:
    schema = pa.schema([("a", pa.int64()), ("t", pa.timestamp("us"))])
    empty = POLARS.scan([], schema).collect()
    assert (empty.shape, empty.columns) == ((0, 2), ["a", "t"])


def test_a_full_disk_while_staging_is_one_sentence(table: Path) -> None:
    promise = contract(Column("c", "int64"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        with pytest.raises(
            StorageError, match=r"file is larger than the system allows while staging"
        ):
            staged(
                table,
                promise,
                pl.DataFrame({"c": pl.Series(range(200_000)).hash()}).cast(pl.Int64, strict=False),
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    stage = delta.begin_stage(table, "again")
    assert stage.paths() == []


def test_an_unknown_engine_is_named_with_a_suggestion() -> None:
    with pytest.raises(UserError, match=r"no engine 'polar' \(did you mean 'polars'\?\)"):
        get_engine("polar")
