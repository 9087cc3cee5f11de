"""Random row conditions and frames, in what pandas can evaluate as well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

NAN = float("nan")
FIRST = datetime(2024, 1, 1)
OPERATORS = ["==", "!=", "<", "<=", ">", ">="]
TEXTS = ["US", "DE", "", "a'b", "&|"]

_numbers = st.one_of(st.none(), st.integers(-20, 20))
_floats = st.one_of(
    st.none(),
    st.just(NAN),
    st.sampled_from([0.0, -0.0, 0.1, 0.3, 10.0, -7.5, float("inf"), float("-inf")]),
)
_times = st.one_of(st.none(), st.integers(0, 96).map(lambda h: FIRST + timedelta(minutes=30 * h)))
COLUMNS: dict[str, tuple[pa.DataType, Any]] = {
    "n": (pa.int64(), _numbers),
    "m": (pa.int32(), _numbers),
    "d": (pa.float64(), _floats),
    "f": (pa.float32(), _floats),
    "c": (pa.string(), st.one_of(st.none(), st.sampled_from(TEXTS))),
    "t": (pa.timestamp("us"), _times),
    "b": (pa.bool_(), st.booleans()),
}


@st.composite
def frames(draw: Any) -> pa.Table:
    rows = draw(st.integers(1, 12))
    return pa.table(
        {
            name: pa.array(
                draw(st.lists(values, min_size=rows, max_size=rows)), kind, from_pandas=False
            )
            for name, (kind, values) in COLUMNS.items()
        }
    )


_constants = st.one_of(
    st.integers(-20, 20).map(str), st.sampled_from(["0.1", "10.0", "-7.5", "0.5", "1e3"])
)
_whole = st.sampled_from(["n", "m", "n + m", "n * 2 - m", "-n", "n % 3", "m % 7 + 1"])
_number = st.one_of(
    _whole,
    st.sampled_from(["d", "d + n", "d * 2 - m", "n / m", "d / n", "(n + d) / 2", "n * 0.1"]),
)


def _operator() -> Any:
    return st.sampled_from(OPERATORS)


def _texts() -> Any:
    return st.sampled_from([repr(text) for text in TEXTS])


def _moments() -> Any:
    written = ["2024-01-01", "2024-01-02", "2024-01-01 12:30", "2024-01-02T00:30:00"]
    return st.sampled_from([f'"{one}"' for one in written])


_leaves = st.one_of(
    st.tuples(_number, _operator(), st.one_of(_constants, _number)).map(" ".join),
    st.tuples(_constants, _operator(), _number).map(" ".join),
    st.tuples(st.just("f"), _operator(), _constants).map(" ".join),
    st.tuples(st.just("c"), st.sampled_from(["==", "!="]), _texts()).map(" ".join),
    st.tuples(st.just("t"), _operator(), _moments()).map(" ".join),
    st.tuples(
        st.sampled_from(["n", "c", "d", "f", "t"]),
        st.sampled_from([".isnull()", ".notnull()", ".isna()", ".notna()"]),
    ).map("".join),
    st.tuples(
        st.just("c"),
        st.sampled_from([" in ", " not in "]),
        st.lists(_texts(), min_size=1, max_size=3).map(lambda one: f"[{', '.join(one)}]"),
    ).map("".join),
    st.tuples(
        st.sampled_from(["n", "m", "d"]),
        st.sampled_from([" in ", " not in "]),
        st.lists(_constants, min_size=1, max_size=3).map(lambda one: f"[{', '.join(one)}]"),
    ).map("".join),
    st.tuples(_constants, st.just("<"), _number, st.just("<="), _constants).map(" ".join),
    st.just("b"),
    st.just("b == True"),
)


def _join(parts: Any) -> Any:
    return st.one_of(
        st.tuples(parts, st.sampled_from([" and ", " or ", " & ", " | "]), parts).map("".join),
        parts.map(lambda one: f"({one})"),
        parts.map(lambda one: f"not ({one})"),
        parts.map(lambda one: f"~({one})"),
    )


conditions = st.recursive(_leaves, _join, max_leaves=5)


_sql_number = st.sampled_from(
    [
        *("n", "m", "d", "n + m", "n * 2 - m", "-n", "n % 3", "d + n", "n / m", "abs(m)"),
        *("abs(d)", "coalesce(n, m)", "coalesce(d, 0)", "length(c)", "n * 0.5"),
        *("n - n % 3", "n % 3 * 2", "n + m * 2 % 5"),
    ]
)
_sql_constants = st.one_of(
    st.integers(-20, 20).map(str), st.sampled_from(["0.1", "10.0", "-7.5", "1e3"])
)
_sql_texts = st.sampled_from(["'US'", "'DE'", "''", "'a''b'", "'&|'"])
_sql_operator = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "!="])
_sql_leaves = st.one_of(
    st.tuples(_sql_number, _sql_operator, st.one_of(_sql_constants, _sql_number)).map(" ".join),
    st.tuples(st.just("c"), _sql_operator, _sql_texts).map(" ".join),
    st.tuples(st.just("t"), _sql_operator, st.sampled_from(["'2024-01-02'", "t"])).map(" ".join),
    st.tuples(
        st.sampled_from(["n", "c", "d", "n / m"]), st.sampled_from([" is null", " is not null"])
    ).map("".join),
    st.tuples(
        st.sampled_from(["c in (", "c not in ("]), st.lists(_sql_texts, min_size=1, max_size=3)
    ).map(lambda one: f"{one[0]}{', '.join(one[1])})"),
    st.tuples(_sql_number, _sql_constants, _sql_constants).map(
        lambda one: f"{one[0]} between {one[1]} and {one[2]}"
    ),
    st.sampled_from(["c like 'U%'", "c not like '_E'", "c like '%''%'", "b", "not b"]),
)
expressions = st.recursive(
    _sql_leaves,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from([" and ", " or "]), parts).map("".join),
        parts.map(lambda one: f"({one})"),
        parts.map(lambda one: f"not ({one})"),
    ),
    max_leaves=5,
)
