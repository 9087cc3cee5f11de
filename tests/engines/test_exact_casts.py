"""A frame's value stands in the table as it was, or the run fails: by exact arithmetic."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sampling
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakebook.contract.model import Column, TableContract
from lakebook.engines.polars_cast import LOSS, exact_casts, stopped_at
from lakebook.engines.polars_misfits import misfit
from lakebook.errors import ContractError
from lakebook.names import Dataset

EPOCH = datetime(1970, 1, 1)
FIRST, LAST = -62_135_596_800 * 10**6, 253_402_300_800 * 10**6 - 1
"""Microseconds since 1970 of the first and last timestamp of the years 1 to 9999."""


class LossError(Exception):
    """Of a value that a type of the contract cannot hold."""


INTEGERS = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt32, pl.UInt64]
TICKS = {"ns": 1000, "us": 1, "ms": Fraction(1, 1000)}
HAVE: list[Any] = [
    *INTEGERS, pl.Float16, pl.Float32, pl.Float64, pl.Decimal(10, 2), pl.Decimal(38, 0), pl.Boolean,
    pl.String, pl.Binary, pl.Date, pl.Time, pl.Duration("us"), pl.Categorical, pl.List(pl.Int64),
    *(pl.Datetime(unit, zone) for unit in TICKS for zone in (None, "America/New_York")),
]  # fmt: skip
WANTED = (
    "string", "int64", "int32", "float64", "float32", "boolean", "date", "timestamp", "binary",
    "decimal(4,2)", "decimal(38,0)", "decimal(38,20)",
)  # fmt: skip


def exact(value: Any, have: Any, wanted: str) -> Any:
    """A physical value of a type as the contract's type has it; LossError if it does not fit.

    Raises TypeError where no value of the type should ever be cast.
    """
    if isinstance(have, pl.Datetime) and wanted == "timestamp":
        micros = value / Fraction(TICKS[have.time_unit])
        if micros.denominator != 1 or not FIRST <= micros <= LAST:
            raise LossError
        return EPOCH + timedelta(microseconds=int(micros))
    if have == pl.Date and wanted == "date":
        if not FIRST <= value * 86_400 * 10**6 <= LAST:
            raise LossError
        return date(1970, 1, 1) + timedelta(days=value)
    is_integer = any(have == one for one in INTEGERS)
    if is_integer and wanted.startswith("int"):
        if not -(1 << (int(wanted[3:]) - 1)) <= value < 1 << (int(wanted[3:]) - 1):
            raise LossError
        return value
    if wanted.startswith("decimal") and (is_integer or isinstance(have, pl.Decimal)):
        precision, scale = map(int, wanted[8:-1].split(","))
        if not is_integer and have.scale > scale:
            raise TypeError
        unscaled = Fraction(value) * 10**scale
        if abs(unscaled) >= 10**precision:
            raise LossError
        return Fraction(value)
    widths = {pl.Float16: 16, pl.Float32: 32, pl.Float64: 64}
    if wanted.startswith("float") and have in widths:
        if widths[have] > int(wanted[5:]):
            raise TypeError
        return str(value + 0.0)  # which has no negative zero, and one NaN
    same = {"string": (pl.String, pl.Categorical), "boolean": (pl.Boolean,), "binary": (pl.Binary,)}
    if any(have == one for one in same.get(wanted, ())):
        return value
    raise TypeError


def is_near(have: Any, wanted: str) -> bool:
    """Whether some value of a type might be cast."""
    try:
        exact(Decimal(0) if isinstance(have, pl.Decimal) else 0, have, wanted)
    except TypeError:
        return False
    return True


def physical(have: Any) -> st.SearchStrategy[Any]:
    whole = st.one_of(st.integers(-200, 200), st.integers(-(2**63), 2**63 - 1))
    if any(have == one for one in INTEGERS):
        bits = int("".join(filter(str.isdigit, str(have))))
        low, high = (0, 2**bits - 1) if str(have)[0] == "U" else (-(2 ** (bits - 1)), None)
        high = high if high is not None else 2 ** (bits - 1) - 1
        edges = [e for n in (31, 32, 63) for e in (2**n - 1, 2**n, -(2**n)) if low <= e <= high]
        return st.one_of(st.integers(low, high), st.sampled_from([0, low, high, *edges]))
    if isinstance(have, pl.Datetime):
        edges = [
            int(edge * TICKS[have.time_unit]) + i for edge in (FIRST, LAST) for i in (-1, 0, 1)
        ]
        return st.one_of(whole, st.sampled_from([0, *(n for n in edges if abs(n) < 2**63)]))
    if have == pl.Date:
        return st.sampled_from([-(2**31), -719_163, -719_162, 0, 2_932_896, 2_932_897, 2**31 - 1])
    if isinstance(have, pl.Decimal):
        return st.integers(-(10**have.precision) + 1, 10**have.precision - 1).map(
            lambda n: Decimal(n).scaleb(-have.scale, Context(prec=60))
        )
    if have in (pl.Float16, pl.Float32, pl.Float64):
        width = {pl.Float16: 16, pl.Float32: 32}.get(have, 64)
        return st.one_of(st.floats(width=width), st.sampled_from([0.0, -0.0]))
    if have == pl.Boolean:
        return st.booleans()
    if have == pl.Binary:
        return st.binary(max_size=4)
    if have in (pl.String, pl.Categorical):
        return st.text(st.characters(codec="utf-8"), max_size=4)
    if have == pl.List(pl.Int64):
        return st.lists(st.integers(-5, 5), max_size=2)
    return st.integers(0, 1000)


def series(values: list[Any], have: Any) -> pl.Series:
    if have == pl.Time or isinstance(have, pl.Duration | pl.Datetime):
        return pl.Series("c", values, dtype=pl.Int64).cast(have)
    if have == pl.Date:
        return pl.Series("c", values, dtype=pl.Int32).cast(have)
    return pl.Series("c", values, dtype=have)


def shown(value: Any, wanted: str) -> Any:
    if value is None:
        return None
    if wanted.startswith("decimal"):
        return Fraction(value)
    return str(value) if wanted.startswith("float") else value


@pytest.mark.parametrize("wanted", WANTED)
def test_a_cast_gives_the_value_or_fails(wanted: str) -> None:
    promise = TableContract(
        Dataset("silver", "x"), Path("x"), "1", "", (Column("c", wanted),), "snapshot"
    )

    near = [have for have in HAVE if is_near(have, wanted)]

    @settings(
        max_examples=sampling.examples(40, 3000),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        have = data.draw(st.sampled_from(near) | st.sampled_from(HAVE))
        values = data.draw(st.lists(st.none() | physical(have), min_size=1, max_size=4))
        frame = series(values, have).to_frame().lazy()
        try:
            wanted_values = [v if v is None else exact(v, have, wanted) for v in values]
        except LossError:
            with pytest.raises(pl.exceptions.InvalidOperationError) as raised:
                frame.select(exact_casts(frame.collect_schema(), promise)).collect(
                    engine="streaming"
                )
            assert stopped_at(raised.value, LOSS) == "c"
            assert "not fit" in str(misfit(frame, promise, "c"))
            return
        except TypeError:
            with pytest.raises(ContractError, match=r"in the result and .* in the contract"):
                exact_casts(frame.collect_schema(), promise)
            return
        if all(v is None for v in values):
            return  # whether the types fit does not depend on values: other draws say
        found = frame.select(exact_casts(frame.collect_schema(), promise)).collect()
        assert [shown(v, wanted) for v in found["c"]] == wanted_values

    holds()


def test_the_edges_of_the_calendar_are_pythons() -> None:
    assert EPOCH + timedelta(microseconds=FIRST) == datetime.min
    assert EPOCH + timedelta(microseconds=LAST) == datetime.max
    assert datetime.min.replace(tzinfo=UTC).timestamp() * 10**6 == FIRST
