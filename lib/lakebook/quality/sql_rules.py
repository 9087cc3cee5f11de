"""Rules whose query DuckDB evaluates: one value (`type: sql`), or unexpected rows.

Each is a query of its own over the rows, beside the one pass of the other rules; a rule with the
scope `partition` is one for each partition.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..contract.classified import hidden_columns
from ..contract.expectations import ALLOWED, BY_SQL, QUERY
from ..contract.model import Rule, TableContract
from ..contract.sql_rules import check_query, connected, filled, name_rows, rows_query
from ..contract.thresholds import Threshold
from .results import CheckResult
from .suite import rule_place
from .wording import failing_text

if TYPE_CHECKING:
    import narwhals as nw

    from .cut import Cut

_SAMPLE_ROWS = 20


@dataclass(frozen=True)
class _Found:
    """What a query gave: a value, or how many rows of how many."""

    success: bool
    observed: Any = None
    unexpected: int | None = None
    evaluated: int | None = None
    sample: tuple[Any, ...] = ()

    @property
    def result(self) -> Mapping[str, Any]:
        """In Great Expectations' words, for a text about partitions."""
        if self.unexpected is None:
            return {"observed_value": self.observed}
        return {"element_count": self.evaluated, "unexpected_count": self.unexpected}


def by_sql(contract: TableContract) -> list[Rule]:
    return [rule for rule in contract.rules if rule.expectation in BY_SQL]


def sql_checks(
    frame: nw.LazyFrame,
    whole: nw.LazyFrame,
    contract: TableContract,
    cut: Cut | None,
    only: tuple[str, ...],
) -> tuple[CheckResult, ...]:
    """The verdicts of the rules by SQL. `only`: the one partition that `frame` lies in, if it does.

    `whole` are the rows of the whole table.
    """
    from .measures import reason_of

    found = []
    for rule in by_sql(contract):
        try:
            found.append(_check(rule, frame, whole, contract, cut, only))
        except Exception as problem:  # of the engine: this rule cannot be evaluated, others can
            reason = reason_of(problem)
            if hidden_columns(contract):
                reason = "DuckDB could not compute its query; why may tell a classified value"
            found.append(CheckResult.of(rule, False, problem=reason))
    return tuple(found)


def _check(
    rule: Rule,
    frame: nw.LazyFrame,
    whole: nw.LazyFrame,
    contract: TableContract,
    cut: Cut | None,
    only: tuple[str, ...],
) -> CheckResult:
    if rule.scope == "table" or cut is None:
        rows = whole if rule.scope == "table" else frame
        parts = {"": _evaluate(rule, rows, contract)}
    else:
        keyed = cut.of(frame)
        parts = {
            name: _evaluate(rule, keyed.filter(cut.among([name])), contract) for name in cut.names
        }
    failing = tuple(name for name, one in parts.items() if not one.success)
    counts = [one for one in parts.values() if one.unexpected is not None]
    observed = parts[failing[0]].observed if failing else next(iter(parts.values())).observed
    if cut is not None and rule.scope != "table":
        observed = None
        if failing:
            observed = failing_text(failing, {name: parts[name].result for name in failing[:3]})
    elif failing:
        failing = () if rule.scope == "table" else only
    return CheckResult.of(
        rule,
        all(one.success for one in parts.values()),
        observed=None if hidden_columns(contract) else observed,
        unexpected=sum(one.unexpected or 0 for one in counts) if counts else None,
        evaluated=sum(one.evaluated or 0 for one in counts) if counts else None,
        sample=tuple(row for one in parts.values() for row in one.sample)[:_SAMPLE_ROWS],
        partitions=failing,
    )


def _evaluate(rule: Rule, rows: nw.LazyFrame, contract: TableContract) -> _Found:
    where = rule_place(contract, rule)
    if rule.expectation == QUERY:
        text = filled(str(rule.kwargs["query"]), contract.dataset, rule.column, where=where)
    else:
        text = rows_query(rule.kwargs["unexpected_rows_query"], contract.dataset, where=where)
    types = {column.name: column.type for column in contract.columns}
    check_query(text, contract.dataset, types, where=where)  # also of a contract without a file
    with _opened(rows, contract) as connection:
        if rule.expectation == QUERY:
            given = connection.execute(text).fetchmany(2)
            if len(given) > 1:
                raise ValueError("the query gives more than one row")
            value = given[0][0] if given else None
            holds = Threshold.of(rule.kwargs[ALLOWED]).holds(value)
            return _Found(holds, observed=_plain(value))
        (evaluated,) = connection.execute("select count(*) from main._rows").fetchone() or (0,)
        (unexpected,) = connection.execute(f"select count(*) from ({text})").fetchone() or (0,)
        sample: tuple[Any, ...] = ()
        # A name in the query may stand for a hidden value.
        if unexpected and not hidden_columns(contract):
            shown = connection.execute(f"select * from ({text}) limit {_SAMPLE_ROWS}")
            names = [column[0] for column in shown.description]
            sample = tuple(dict(zip(names, row, strict=True)) for row in shown.fetchall())
        return _Found(not unexpected, None, unexpected, evaluated, sample)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return "NaN" if value != value else value  # in words, which JSON has


@contextlib.contextmanager
def _opened(rows: nw.LazyFrame, contract: TableContract) -> Iterator[Any]:
    """A DuckDB that sees these rows under the dataset's names, and nothing else."""
    given: Any
    if rows.implementation.is_polars():
        from ..engines.arrow_stream import FrameDataset

        given = FrameDataset(rows.select(*contract.names).to_native())
    else:
        given = rows.select(*contract.names).collect().to_arrow()
    with tempfile.TemporaryDirectory(prefix="lakebook-rules-") as spill, connected() as connection:
        connection.execute(f"set temp_directory = '{spill}'")
        connection.register("_given", given)
        # A filter stays above an offset: PyArrow, to which it would be handed, loses NaN.
        connection.execute("create view _rows as from _given offset 0")
        name_rows(connection, contract.dataset)
        yield connection
