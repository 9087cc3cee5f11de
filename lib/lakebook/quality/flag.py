"""Marks the rows that break failing quarantine rules, so that the step can split them by row."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..contract.model import Rule, TableContract
from ..errors import ContractError, did_you_mean
from .references import key_values, resolve_reference
from .suite import check_rule, reference_rules, rule_place

if TYPE_CHECKING:
    import narwhals as nw

FAILED_RULES = "_failed_rules"


def flag(
    frame: nw.LazyFrame,
    contract: TableContract,
    names: Sequence[str],
    references: Mapping[str, Any] | None = None,
) -> nw.LazyFrame:
    """Add the text column `_failed_rules`: the names, comma separated, that a row breaks, or null.

    `names` are rules or relationships with the action `quarantine` that failed the audit. A row is
    flagged exactly if the audit counted it as unexpected. Raises ContractError for other names.
    """
    import narwhals as nw

    keys = {name: key_values(given) for name, given in (references or {}).items()}
    rules = {r.name: r for r in (*contract.rules, *reference_rules(contract, keys))}
    lazy = frame.lazy()
    if not names:
        return lazy.with_columns(**{FAILED_RULES: nw.lit(None).cast(nw.String)})
    schema = lazy.collect_schema()
    marks = {
        f"__broken_{number}": _broken(lazy, _rule(contract, rules, name), schema, keys)
        for number, name in enumerate(names)
    }
    marked = lazy.with_columns(**marks)
    parts = [
        nw.when(nw.col(mark)).then(nw.lit(name)) for mark, name in zip(marks, names, strict=True)
    ]
    failed = functools.reduce(operator.or_, (nw.col(mark) for mark in marks))
    text = nw.concat_str(*parts, separator=",", ignore_nulls=True)
    # A text of no parts is empty, not null.
    return marked.with_columns(**{FAILED_RULES: nw.when(failed).then(text)}).drop(*marks)


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
    check_rule(contract, rule)
    return rule


def _broken(
    frame: nw.LazyFrame, rule: Rule, schema: nw.Schema, keys: Mapping[str, list[Any]]
) -> nw.Expr:
    from .conditions import MAP_METRIC, condition
    from .measures import measure
    from .statistics import needed, statistic

    metric = MAP_METRIC[rule.expectation]

    kwargs = dict(rule.kwargs)
    if "value_set" in kwargs:
        kwargs["value_set"] = resolve_reference(kwargs["value_set"], keys)
    if wanted := needed(metric, kwargs):
        measures = [statistic(one, {**kwargs, **own}, schema) for one, own in wanted.items()]
        kwargs["statistics"] = dict(zip(wanted, measure(frame, measures), strict=True))
    found = condition(metric, kwargs, schema)
    return found.broken_over_rows().fill_null(False)
