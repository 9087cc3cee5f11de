"""Marks the rows that break failing quarantine rules, so that the step can split them by row."""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..contract.model import Rule, TableContract
from ..errors import ContractError, did_you_mean
from .references import Keys, bound_keys, marked, resolve_reference, without_marks
from .suite import bound_rules, rule_columns, rule_place

if TYPE_CHECKING:
    import narwhals as nw

    from .cut import Cut

FAILED_RULES = "_failed_rules"


def flag(
    frame: nw.LazyFrame,
    contract: TableContract,
    broken: Mapping[str, Collection[str]] | Iterable[str],
    references: Mapping[str, Any] | None = None,
    *,
    partitions: Collection[str] = (),
) -> nw.LazyFrame:
    """Add the text column `_failed_rules`: the names, comma separated, that a row breaks, or null.

    `broken` are rules or relationships with the action `quarantine` that failed the audit, with the
    partitions in which they did (see `AuditResult.broken`); `partitions`, those that the frame's
    rows lie in. A row is flagged exactly if the audit counted it as unexpected, in a partition in
    which the rule does not hold. Raises ContractError for other names.
    """
    import narwhals as nw

    from .cut import PART, cut_of
    from .typed import value

    failed = broken if isinstance(broken, Mapping) else dict.fromkeys(broken, ())
    keys = bound_keys(contract, references)
    rules = bound_rules(contract, keys)
    lazy = frame.lazy()
    if not failed:
        return lazy.with_columns(**{FAILED_RULES: nw.lit(None).cast(nw.String)})
    schema = lazy.collect_schema()
    cut = cut_of(lazy, contract, partitions)
    wanted = {name: _rule(contract, rules, name) for name in failed}
    keyed = {_key(name): value(name, schema) for name in _floats(wanted.values(), schema)}
    joined = marked(lazy, {name: one for name, one in keys.items() if name in failed})
    rows = cut.of(joined) if cut else joined
    rows = rows.with_columns(**keyed) if keyed else rows
    marks = {}
    for number, (name, where) in enumerate(failed.items()):
        mark = _broken(rows, wanted[name], schema, keys, cut)
        there = [partition for partition in where if cut and partition in cut.numbers]
        marks[f"__broken_{number}"] = mark & cut.among(there) if cut and there else mark
    told = rows.with_columns(**marks)
    parts = [
        nw.when(nw.col(mark)).then(nw.lit(name)) for mark, name in zip(marks, failed, strict=True)
    ]
    any_failed = functools.reduce(operator.or_, (nw.col(mark) for mark in marks))
    text = nw.concat_str(*parts, separator=",", ignore_nulls=True)
    # A text of no parts is empty, not null.
    flagged = told.with_columns(**{FAILED_RULES: nw.when(any_failed).then(text)})
    flagged = without_marks(flagged, {n: k for n, k in keys.items() if n in failed})
    return flagged.drop(*marks, *keyed, *([PART] if cut else ()))


def _floats(rules: Iterable[Rule], schema: nw.Schema) -> list[str]:
    named = dict.fromkeys(name for rule in rules for name in rule_columns(rule))
    return [name for name in named if schema[name].is_float()]


def _key(name: str) -> str:
    """The column that has NaN as null: what is missing is alike, as the audit groups it."""
    return f"__key_{name}"


def _rule(contract: TableContract, rules: Mapping[str, Rule], name: str) -> Rule:
    if name not in rules:
        raise ContractError(
            f"{contract.dataset} has no rule {name!r}{did_you_mean(name, rules)}",
            where=str(contract.path),
        )
    rule = rules[name]
    if rule.action != "quarantine":
        raise ContractError(
            f"rule {name!r} has the action {rule.action}, so its rows are not quarantined",
            where=rule_place(contract, rule),
        )
    return rule


def _broken(
    frame: nw.LazyFrame,
    rule: Rule,
    schema: nw.Schema,
    keys: Mapping[str, Keys],
    cut: Cut | None,
) -> nw.Expr:
    """The rows that break a rule; with a cut, `frame` has its column."""
    from .conditions import MAP_METRIC, condition
    from .cut import PART
    from .measures import measure, measure_by_partition
    from .statistics import needed, statistic

    metric = MAP_METRIC[rule.expectation]

    kwargs = dict(rule.kwargs)
    if "value_set" in kwargs:
        kwargs["value_set"] = resolve_reference(kwargs["value_set"], keys)
    if wanted := needed(metric, kwargs):
        measures = [statistic(one, {**kwargs, **own}, schema) for one, own in wanted.items()]
        found: list[Any] = (
            list(measure_by_partition(frame, measures, cut)) if cut else measure(frame, measures)
        )
        kwargs["statistics"] = dict(zip(wanted, found, strict=True))
    alike = {name: _key(name) for name in _floats([rule], schema)}
    broken = condition(metric, kwargs, schema).broken_over_rows((PART,) if cut else (), alike)
    return broken.fill_null(False)
