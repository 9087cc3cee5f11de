"""Random frames and rules: every class, on columns of every type, with nulls, NaN and extremes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from lakebook.contract.arguments import UnfitArgument, bind
from lakebook.contract.expectations import EXPECTATIONS
from lakebook.contract.model import Column, Rule, TableContract, TimeColumn
from lakebook.contract.types import arrow_type
from lakebook.names import Dataset

NAN, INF = float("nan"), float("inf")
POOLS: dict[str, list[Any]] = {
    "int32": [0, 1, 2, 3, -5, 2**31 - 1, -(2**31), 2_000_000_000],
    "int64": [0, 1, 2, 3, -5, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**62],
    "float32": [0.0, -0.0, 1.5, 0.1, 3.0, -7.25, NAN, 16777216.0],
    "float64": [0.0, -0.0, 1.5, 0.1, 3.0, -7.25, NAN, INF, -INF, 9007199254740992.0, 1e300],
    "decimal(10,2)": [Decimal(text) for text in ("0.00", "0.10", "1.50", "3.00", "-7.25")]
    + [Decimal("99999999.99")],
    "string": ["", "a", "A1", "é", "a\nb", "٣", "N1", "N22", " x", "𝄞", "a.b", "x_y", "50%"],
    "boolean": [True, False],
    "date": [*(date(2013, 1, day) for day in (1, 2, 3)), date(1, 1, 1), date(9999, 12, 31)],
    "timestamp": [
        *(datetime(2013, 1, 1), datetime(2013, 1, 1, 6), datetime(2013, 1, 2)),
        *(datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2013, 1, 1, 0, 0, 0, 1)),
    ],
}
COLUMNS = {f"{kind.split('(')[0]}_{place}": kind for kind in POOLS for place in ("a", "b")}
DAYS = [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 3)]
PARTITIONS = (*(day.isoformat() for day in DAYS), "null")
TYPES = {"id": "int64", "day": "date", **COLUMNS}


def contract_of(*rules: Rule) -> TableContract:
    return TableContract(
        dataset=Dataset("silver", "drawn"),
        path=Path("notebooks/silver/drawn.contract.yaml"),
        version="1.0.0",
        description="",
        columns=tuple(
            Column(name, kind, key_position=1 if name == "id" else None)
            for name, kind in TYPES.items()
        ),
        write="replace",
        time=TimeColumn("day", "UTC", "day"),
        rules=rules,
    )


@st.composite
def tables(draw: Any) -> pa.Table:
    """Rows of some partitions; each column draws from a few of its values, so that some repeat."""
    rows = draw(st.integers(0, 14))
    arrays = {"id": pa.array(range(rows), pa.int64())}
    days = draw(st.lists(st.sampled_from([*DAYS, None]), min_size=rows, max_size=rows))
    arrays["day"] = pa.array(days, pa.date32())
    for name, kind in COLUMNS.items():
        some = st.sampled_from(POOLS[kind])
        pool = draw(st.lists(some, min_size=1, max_size=4))
        values = st.one_of(st.sampled_from(pool), st.none()) if draw(st.booleans()) else st.none()
        if values is not st.none() and draw(st.booleans()):
            values = st.sampled_from(pool)
        drawn = draw(st.lists(values, min_size=rows, max_size=rows))
        arrays[name] = pa.array(drawn, arrow_type(kind), from_pandas=False)
    return pa.table(arrays)


def written(kind: str, value: Any) -> Any:
    """A value as YAML has it."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _value(kind: str) -> Any:
    return st.sampled_from(POOLS[kind]).map(lambda value: written(kind, value))


_FIGURES = st.sampled_from([-5, 0, 0.5, 1, 1.5, 2, 3, 2**53 + 1, 4_000_000_001, 1e300])
_SHARES = st.sampled_from([0, 0.25, 0.5, 1])
_COUNTS = st.sampled_from([0, 1, 2, 3])
_REGEXES = st.sampled_from(
    [
        r"^N[0-9]+$",
        r"\d",
        r"^\w+$",
        r"a.b",
        r"\s",
        r"[^\W]" r"|^$",
        r"^[\w ]*$",
        r"(?i)^n",
        r"(?s)^a.b",
    ]
)
_LIKES = st.sampled_from(["N%", "_", "%", "", "a%b", "x!_y", "50!%"])
_CONDITIONS = st.sampled_from(
    ["id > 3", 'string_a == "a"', 'string_a != "a"', "float64_a > 1.0", "not (float64_a <= 1.5)",
     "string_b.isnull()", "float64_b.notnull() and id % 2 == 0"]
)  # fmt: skip
"""What pandas evaluates as it stands; conditions have a comparison of their own."""
_COLUMN = "expect_column_values_to_be_between"


def _of_column(draw: Any, expectation: str, kind: str, key: str) -> Any:
    own = expectation in (
        _COLUMN,
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
    )
    if key in ("min_value", "max_value"):
        if own:
            return draw(_value(kind))
        if "proportion" in expectation:
            return draw(_SHARES)
        return draw(_COUNTS if "count" in expectation or "length" in expectation else _FIGURES)
    if key == "value_set":
        return draw(st.lists(_value(kind), min_size=1, max_size=4))
    drawn: dict[str, Any] = {
        "value": _COUNTS, "regex": _REGEXES, "like_pattern": _LIKES,
        "regex_list": st.lists(_REGEXES, min_size=1, max_size=3),
        "like_pattern_list": st.lists(_LIKES, min_size=1, max_size=3),
        "match_on": st.sampled_from(["any", "all"]), "escape": st.just("!"),
        "threshold": st.sampled_from([0.5, 1, 1.5]), "double_sided": st.booleans(),
        "method": st.sampled_from(["iqr", "std"]), "multiplier": st.sampled_from([0, 0.5, 1.5]),
        "ties_okay": st.booleans(), "or_equal": st.booleans(), "strict_min": st.booleans(),
        "strict_max": st.booleans(), "mostly": st.sampled_from([0.3, 0.5, 0.8, 1]),
        "sum_total": _FIGURES, "column_index": _COUNTS, "exact_match": st.booleans(),
        "allow_relative_error": st.sampled_from(["linear", "lower", "higher", "nearest"]),
        "quantile_ranges": st.fixed_dictionaries(
            {"quantiles": st.just([0.25, 0.5]),
             "value_ranges": st.just([[None, 2], [0, 3]])}),
    }  # fmt: skip
    return draw(drawn[key])


@st.composite
def rules(draw: Any, expectation: str, name: str) -> Rule:
    """A rule of a class that fits the columns that it draws."""
    known = EXPECTATIONS[expectation]
    kind = draw(st.sampled_from(sorted(POOLS)))
    stem = kind.split("(")[0]
    other = draw(st.sampled_from(sorted(COLUMNS)))
    pair = [f"{stem}_a", draw(st.sampled_from([f"{stem}_b", other]))]
    kwargs: dict[str, Any] = {}
    for key in known.arguments:
        if key == "condition_parser" or (key not in known.required and draw(st.booleans())):
            continue
        if key == "row_condition":
            if draw(st.booleans()):
                kwargs[key] = draw(_CONDITIONS)
            continue
        if key == "column":
            kwargs[key] = f"{stem}_a"
        elif key in ("column_A", "column_B"):
            kwargs[key] = pair[key == "column_B"]
        elif key in ("column_list", "column_set"):
            names = [*pair, draw(st.sampled_from([f"{stem}_b", other]))]
            kwargs[key] = list(dict.fromkeys(names))
        elif key == "value_pairs_set":
            one, two = (_value(TYPES[n]) for n in pair)
            kwargs[key] = draw(st.lists(st.tuples(one, two).map(list), min_size=1, max_size=3))
        elif key == "ignore_row_if":
            ways = ["both_values_are_missing", "either_value_is_missing", "neither"]
            if "column_list" in known.required:
                ways = ["all_values_are_missing", "any_value_is_missing", "never"]
            kwargs[key] = draw(st.sampled_from(ways))
        else:
            kwargs[key] = _of_column(draw, expectation, kind, key)
    action = "quarantine" if known.maps else "warn"
    return Rule(name, expectation, kwargs, action, known.scope)


def fits(rule: Rule) -> bool:
    try:
        bind(rule.expectation, rule.kwargs, TYPES)
    except UnfitArgument:
        return False
    return True


@st.composite
def suites(draw: Any, size: int) -> tuple[Rule, ...]:
    """Several rules of drawn classes, each of which a contract could have."""
    found: list[Rule] = []
    names = sorted(EXPECTATIONS)
    for place in range(size * 3):
        expectation = draw(st.sampled_from(names))
        rule = draw(rules(expectation, f"rule {place}, drawn"))
        if fits(rule):
            found.append(rule)
        if len(found) == size:
            break
    return tuple(found)
