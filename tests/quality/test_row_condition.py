"""A row condition keeps the rows that pandas keeps, on every engine; exact numbers stay exact."""

from __future__ import annotations

import operator
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest
import row_conditions
import sampling
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from lakebook.contract import row_sql
from lakebook.contract.types import EXACT
from lakebook.errors import ContractError
from lakebook.quality.row_condition import row_condition, row_test

NAN = float("nan")
CONNECTION = duckdb.connect()


def engines(table: pa.Table) -> dict[str, nw.LazyFrame]:
    return {
        "polars": nw.from_native(pl.from_arrow(table).lazy()),
        "duckdb": nw.from_native(CONNECTION.from_arrow(table)),
    }


def evaluated(frame: nw.LazyFrame, expression: nw.Expr) -> list[bool | None]:
    """In the rows' order."""
    numbered = frame.select("row", kept=expression).sort("row").collect()
    return [None if one is None else bool(one) for one in numbered["kept"].to_arrow().to_pylist()]


def numbered(table: pa.Table) -> pa.Table:
    return table.append_column("row", pa.array(range(table.num_rows)))


def kept(condition: str, table: pa.Table, read: Any = row_condition) -> list[bool | None]:
    """What every engine says of each row; they must agree."""
    found = {
        name: evaluated(frame, read(condition, frame.collect_schema()))
        for name, frame in engines(numbered(table)).items()
    }
    assert found["polars"] == found["duckdb"], (condition, found)
    return found["polars"]


@pytest.mark.soak
@pytest.mark.timeout(3000)
@settings(
    max_examples=sampling.examples(250, 3000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@seeded(sampling.seed("row conditions"))
@given(table=row_conditions.frames(), condition=row_conditions.conditions)
def test_a_condition_keeps_the_rows_that_pandas_keeps(table: pa.Table, condition: str) -> None:
    frame = table.to_pandas()
    rows = set(frame.query(condition, engine="python").index)

    assert kept(condition, table) == [row in rows for row in range(len(frame))], condition


@pytest.mark.soak
@pytest.mark.timeout(3000)
@settings(
    max_examples=sampling.examples(100, 2000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@seeded(sampling.seed("row expressions"))
@given(given_rows=row_conditions.frames(), expression=row_conditions.expressions)
def test_an_expression_is_true_false_or_unknown_as_in_sql(
    given_rows: pa.Table, expression: str
) -> None:
    rows = numbered(given_rows)
    # NaN is missing; DuckDB's own is a number, and x / 0 of floats has no place in SQL's own logic.
    relation = CONNECTION.from_arrow(rows)
    missing = relation.select("* replace (case when isnan(d) then null else d end as d)")
    sql = expression.replace("n / m", "nullif(n / m, 'nan'::double)")  # 0 / 0 is missing as well
    found = missing.select(f"row, coalesce({sql}, null) as kept").order("row").fetchall()

    assert kept(expression, given_rows, row_test) == [one for _, one in found], expression


@pytest.mark.parametrize(
    "expression",
    [
        "c like '_E'",
        "c in ('DE', 'UE')",
        "n between 2 and 3",
        "c is null",
        "b",
        "n = 2",
        "n > 1",
        "length(c) = 1",
        "c ~~ 'U%'",
    ],
)
def test_a_negation_is_the_opposite_wherever_it_is_written(expression: str) -> None:
    given = pa.table(
        {
            "c": pa.array(["US", None, "DE", "E"]),
            "n": pa.array([1, 2, None, 3]),
            "b": pa.array([True, False, None, True]),
        }
    )
    rows = numbered(given)
    written = {f"not {expression}", f"not ({expression})", f"not not not {expression}"}
    for word, negated in (
        (" like ", " not like "),
        (" in ", " not in "),
        (" between ", " not between "),
        (" is ", " is not "),
        (" = ", " != "),
        (" = ", " <> "),
        (" > ", " <= "),
        (" ~~ ", " !~~ "),
    ):
        if word in expression:
            written.add(expression.replace(word, negated))
    for one in (expression, *sorted(written)):
        found = CONNECTION.from_arrow(rows).select(f"row, {one} as kept").order("row").fetchall()
        assert kept(one, given, row_test) == [each for _, each in found], one


@pytest.mark.parametrize(
    "expression",
    [
        "n between symmetric 3 and 1",
        "c like 'a!%' escape '!'",
        "c ilike 'us'",
        "c not ilike 'us'",
        "c like any ('U%')",
        "c not similar to 'U.*'",
        "n is not distinct from 1",
    ],
)
def test_what_is_not_read_is_refused_and_not_left_out(expression: str) -> None:
    given = pa.table({"c": ["US"], "n": [1]})
    with pytest.raises(ContractError, match="cannot be computed on a row"):
        kept(expression, given, row_test)


@pytest.mark.parametrize("expression", ["c like '_E'", "c in ('DE', 'UE')", "n between 2 and 3"])
def test_a_negation_is_read_of_every_node_that_may_say_it(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an argument, which sqlglot has of LIKE today and may have of others tomorrow."""
    given = pa.table({"c": ["US", None, "DE", "E"], "n": [1, 2, None, 3]})
    plain = kept(expression, given, row_test)
    parse = sqlglot.parse_one

    def negated(*of: Any, **options: Any) -> Any:
        tree = parse(*of, **options)
        tree.expressions[0].set("negate", True)
        return tree

    monkeypatch.setattr(sqlglot, "parse_one", negated)
    monkeypatch.setattr(row_sql, "_read", row_sql._read.__wrapped__)  # nothing of it is cached
    assert kept(expression, given, row_test) == [None if one is None else not one for one in plain]


def test_the_generated_conditions_reach_every_kind_of_value() -> None:
    assert set(row_conditions.COLUMNS) == {"n", "m", "d", "f", "c", "t", "b"}
    table = pa.table({"d": pa.array([11.0, NAN, None, 5.0], from_pandas=False)})
    assert kept("d > 10", table) == [True, False, False, False]
    assert kept("d.notnull()", table) == [True, False, False, True]
    assert kept("d.isnull()", table) == [False, True, True, False]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('c != "US"', [False, True, True]),
        ('not (c == "US")', [False, True, True]),
        ('c not in ["US"]', [False, True, True]),
        ('c == "US"', [True, False, False]),
        ('~(c == "DE") & c.notnull()', [True, False, False]),
    ],
)
def test_a_null_is_unlike_every_value(condition: str, expected: list[bool]) -> None:
    assert kept(condition, pa.table({"c": ["US", None, "DE"]})) == expected


DATED = pa.table(
    {
        "y": pa.array([date(2023, 12, 31), date(2024, 1, 1), None, date(2024, 1, 2)]),
        "t": pa.array(
            [datetime(2024, 1, 1), datetime(2024, 1, 1, 5), datetime(2024, 1, 2), None],
            pa.timestamp("us"),
        ),
        "x": pa.array([1, 2, 3, 2]),
    }
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('y > "2024-01-01"', [False, False, False, True]),
        ('y == "2024-01-01"', [False, True, False, False]),
        ('"2024-01-01" <= y', [False, True, False, True]),
        ('y in ["2024-01-01", "2024-01-02"]', [False, True, False, True]),
        ('y in ["2024-01-01 00:00", "2024-01-02"]', [False, True, False, True]),
        ('t in ["2024-01-01", "2024-01-01 05:00"]', [True, True, False, False]),
        ('y > "2024-01-01 12:00"', [False, False, False, True]),
        ('t > "2024-01-01"', [False, True, True, False]),
        ('t <= "2024-01-01T05:00:00"', [True, True, False, False]),
        ("y < t", [True, True, False, False]),
        ('col("y") > date("2024-01-01")', [False, False, False, True]),
        ("x > 1 & y.notnull()", [False, True, False, True]),
        ("`x` > 1 | col('y').notNull()", [True, True, True, True]),
    ],
)
def test_dates_and_timestamps_are_compared_with_texts(condition: str, expected: Any) -> None:
    assert kept(condition, DATED) == expected


HUGE = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0])
)
OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@settings(max_examples=sampling.examples(60, 2000), deadline=None, database=None)
@seeded(sampling.seed("exact row conditions"))
@given(
    rows=st.lists(
        st.tuples(HUGE, HUGE, st.decimals(-99_999_999, 99_999_999, places=2)), min_size=1
    ),
    left=st.sampled_from(["a", "a + b", "a - b", "a * b", "a + 1", "-a", "p", "p + p", "p * p"]),
    op=st.sampled_from(list(OPERATORS)),
    right=st.one_of(
        st.sampled_from(["a", "b", "p", "0.105", "0.10", "1e30", "-1e30", "2.5"]), HUGE.map(str)
    ),
)
def test_integers_and_decimals_are_neither_rounded_nor_overflow(
    rows: Any, left: str, op: str, right: str
) -> None:
    table = pa.table(
        {
            "a": pa.array([a for a, _, _ in rows], pa.int64()),
            "b": pa.array([b for _, b, _ in rows], pa.int64()),
            "p": pa.array([p for _, _, p in rows], pa.decimal128(10, 2)),
        }
    )
    condition = f"{left} {op} {right}"
    if (left, right) == ("a * b", "p"):  # 38 digits before the point, and two behind it
        with pytest.raises(ContractError, match="the digits of both are more than 38"):
            kept(condition, table)
        return
    expected = []
    for a, b, p in rows:
        names = {"a": a, "b": b, "p": p}
        limit = names.get(right, Decimal(right) if right not in names else None)
        expected.append(OPERATORS[op](eval(left, {}, names), limit))

    assert kept(condition, table) == expected


@st.composite
def wide(draw: Any) -> tuple[pa.DataType, list[Decimal]]:
    """A decimal of any width, with the greatest values of its type among its rows."""
    precision = draw(st.one_of(st.integers(1, 38), st.just(38)))
    scale = draw(st.integers(0, precision))
    most = 10**precision - 1
    digits = st.one_of(
        st.integers(-most, most),
        st.sampled_from([most, -most, 0, 10 ** (precision - 1), -(10 ** (precision - 1))]),
    )
    values = draw(st.lists(digits, min_size=4, max_size=4))
    return pa.decimal128(precision, scale), [Decimal(one).scaleb(-scale, EXACT) for one in values]


@settings(max_examples=sampling.examples(150, 4000), deadline=None, database=None)
@seeded(sampling.seed("wide decimals"))
@given(
    x=wide(),
    y=wide(),
    left=st.sampled_from(["x", "y", "x + y", "x - y", "x * y", "-x", "x * 0.5", "x * 3", "x + n"]),
    op=st.sampled_from([*OPERATORS, "in", "not in"]),
    right=st.one_of(
        st.sampled_from(["x", "y", "0.105", "1e30", "-1e38", "9999999999999999999.5", "of x"]),
        st.decimals(-(10**38), 10**38, places=3, allow_nan=False).map(lambda one: f"{one:f}"),
    ),
)
def test_decimals_of_38_digits_are_neither_rounded_nor_overflow(
    x: Any, y: Any, left: str, op: str, right: str
) -> None:
    table = pa.table(
        {
            "x": pa.array(x[1], x[0]),
            "y": pa.array(y[1], y[0]),
            "n": pa.array([2**63 - 1, -(2**63), 0, None], pa.int64()),
        }
    )
    right = f"{x[1][0]:f}" if right == "of x" else right
    is_list = op.endswith("in")
    if is_list and right in ("x", "y"):
        right = f"{y[1][1]:f}"
    condition = f"{left} {op} [{right}, 7]" if is_list else f"{left} {op} {right}"
    expected = []
    with localcontext(EXACT):
        for names in table.to_pylist():
            limit = names.get(right, Decimal(right) if right not in names else None)
            if None in (names["n"] if "n" in left else 0, limit):
                expected.append(op in ("!=", "not in"))
                continue
            value = eval(left.replace("0.5", "Decimal('0.5')"), {"Decimal": Decimal}, names)
            is_in = value in (limit, 7)
            found = is_in == (op == "in") if is_list else OPERATORS[op](value, limit)
            expected.append(found)
    try:
        assert kept(condition, table) == expected, condition
    except ContractError as refused:  # before any row is read: what no type of an engine holds
        assert "more than 38" in refused.found
        assert left not in ("x", "y") or right in ("x", "y")


def test_a_list_may_be_long_and_of_any_numbers() -> None:
    table = pa.table(
        {
            "a": pa.array([1, 2**63 - 1, None, -7]),
            "p": pa.array([Decimal("0.10"), None, Decimal("9.99"), Decimal("1.00")]),
        }
    )
    many = ", ".join(map(str, range(5000)))
    assert kept(f"a in [{many}]", table) == [True, False, False, False]
    assert kept(f"a not in [{many}]", table) == [False, True, True, True]
    assert kept("a in [1.5, 1e30, 9223372036854775807]", table) == [False, True, False, False]
    assert kept("a in [1.5, 1e30]", table) == [False] * 4
    assert kept("p in [0.1, 1, 0.001]", table) == [True, False, False, True]
    assert kept("p * p in [0.01]", table) == [True, False, False, False]


def test_a_remainder_has_the_sign_of_its_language() -> None:
    table = pa.table({"a": pa.array([-7, 7, None, -6])})
    assert kept("a % 3 == 2", table) == [True, False, False, False]
    assert kept("a % 3 = -1", table, row_test) == [True, False, None, False]


@pytest.mark.parametrize(
    "expression",
    [
        "a - a % 3 = 6",
        "a % 3 * 2 = 2",
        "a % 100 / 2 > 1",
        "1 + a * 2 % 5 - a % 3 * a = 3",
        "-a % 4 * -1 + a % 4 = 6",
        "a - (a - 1) % 3 = 7",
        "(a - a % 3) * 2 % 4 = 0",
        "a / 2 / 2 * 4 - a = 0",
    ],
)
def test_a_remainder_binds_as_a_product_does(expression: str) -> None:
    table = pa.table({"a": pa.array([-7, 7, None, -6, 10, 205], pa.int32())})
    found = CONNECTION.from_arrow(numbered(table)).select(f"row, {expression}").order("row")
    assert kept(expression, table, row_test) == [one for _, one in found.fetchall()]


TYPES = pa.schema(
    {
        "x": pa.int64(),
        "c": pa.string(),
        "y": pa.date32(),
        "t": pa.timestamp("us"),
        "b": pa.bool_(),
        "raw": pa.binary(),
    }
)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("x >", "not understood"),
        ("xx > 1", r"unknown column 'xx' \(did you mean 'x'\?\)"),
        ("x > '5'", "'x' .int64. is a number and '5' is a text"),
        ("c > 1", "is a text and 1 is a number"),
        ("y > 2024", "is a date and 2024 is a number"),
        ("y > '2024'", "write it as 2024-01-31"),
        ("t > '2024-01-01T00:00:00Z'", "has a zone"),
        ("x == None", "None equals nothing"),
        ("c in ['a', None]", "None equals nothing"),
        ("c in x", "is no list"),
        ("b > False", "have no order"),
        ("x", "stands for a condition"),
        ("raw == 'a'", "may ask whether it is null"),
        ("x * x * x > 1", "more than 38 digits"),
        ("x % 0 == 1", "positive integer constant"),
        ("y - y > 1", "is for numbers"),
        ("1 < 2", "compares two constants"),
        ("x ** 2 > 1", "is not understood"),
        ("c.str.len() > 2", "is not understood"),
        ("__import__('os').system('true')", "is not understood"),
    ],
)
def test_what_does_not_fit_is_refused(condition: str, found: str) -> None:
    frame = nw.from_native(pl.from_arrow(TYPES.empty_table()).lazy())
    with pytest.raises(ContractError, match=found):
        row_condition(condition, frame.collect_schema())
