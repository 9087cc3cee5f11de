"""Frames of pandas and Arrow are written as they are; what would be lost of them is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import polars.testing
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_checkout import Checkout

from lakebook.errors import UserError
from lakebook.names import Dataset
from lakebook.step.foreign import as_taken

TABLE = Dataset("silver", "events")
_COLUMNS: dict[str, tuple[pa.DataType, Any]] = {
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "float": (pa.float64(), st.floats(allow_nan=False)),
    "text": (pa.string(), st.text()),
    "truth": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates(date(1, 1, 1), date(9999, 12, 31))),
    "time": (pa.timestamp("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))),
    "exact": (pa.decimal128(20, 3), st.decimals(-(10**15), 10**15, places=3)),
    "bytes": (pa.binary(), st.binary()),
}


@st.composite
def tables(draw: Any) -> pa.Table:
    size = draw(st.integers(0, 5))
    return pa.table(
        {
            name: pa.array(
                draw(st.lists(st.one_of(st.none(), values), min_size=size, max_size=size)), kind
            )
            for name, (kind, values) in _COLUMNS.items()
        }
    )


@settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(table=tables())
def test_no_value_is_another_in_polars(table: pa.Table) -> None:
    wanted = pl.from_arrow(table)
    for frame in (
        table,
        pa.RecordBatchReader.from_batches(table.schema, table.to_batches()),
        # With types that have room for null, pandas keeps every value.
        table.to_pandas(types_mapper=pd.ArrowDtype),
    ):
        polars.testing.assert_frame_equal(as_taken(frame, TABLE), wanted)


def test_missing_values_and_nan_of_pandas_are_null() -> None:
    frame = pd.DataFrame({"a": [1.5, float("nan")], "b": ["x", None], "c": [pd.NaT, pd.NaT]})
    assert as_taken(frame, TABLE).rows() == [(1.5, "x", None), (None, None, None)]


def test_rows_of_a_filter_keep_their_order_without_its_places() -> None:
    frame = pd.DataFrame({"a": [3, 1, 2]}).sort_values("a")[lambda rows: rows.a > 1]
    assert as_taken(frame, TABLE).rows() == [(2,), (3,)]


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame({"a": [1]}, index=["x"]), "has an index"),
        (pd.DataFrame({"a": [1], "id": [2]}).set_index("id"), "has an index 'id'"),
        (pd.DataFrame({"a": [1, 1], "b": [1, 2]}).groupby(["a", "b"]).sum(), "'a', 'b'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "has the column 'a' twice"),
        (
            pd.DataFrame({"a": ["secret-7", 4711]}),
            "column 'a' of the pandas frame .* several types",
        ),
        (pd.DataFrame({"a": [datetime.now(UTC), "x"]}), "several types"),
        (pd.DataFrame({"a": [Decimal("1.5"), object()]}), "several types"),
        (pa.table([[1], [2]], names=["a", "a"]), "has the column 'a' twice"),
    ],
)
def test_what_would_be_lost_is_refused(frame: Any, says: str) -> None:
    with pytest.raises(UserError, match=says) as raised:
        as_taken(frame, TABLE)
    assert "secret-7" not in str(raised.value) and "4711" not in str(raised.value)


PANDAS = [
    'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
    'rows = step.read("bronze.events").collect().to_pandas()',
    'step.write(rows[rows["amount"] > 0][["id", "seen", "amount"]])',
]


def test_a_notebook_in_pandas_is_checked_and_run(checkout: Checkout) -> None:
    checkout.notebook("silver.events", PANDAS)
    checked = checkout.lakebook("check")
    assert checked.returncode == 0, checked.stdout
    steps = checkout.run()
    assert steps["silver.events"]["status"] == "ok", steps
    found = checkout.query("select id, amount from silver.events order by id")
    assert found == [{"id": 1, "amount": 10}, {"id": 3, "amount": 30}, {"id": 4, "amount": 40}]
