"""The audit: a frame against its contract, in one query for the whole suite.

Great Expectations is imported when `audit` runs and at no other time; its context is made once per
process.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contract.expectations import ALLOWED, BY_SQL, COMMON, KEYS_THERE, KNOWN
from ..contract.model import Relationship, Rule, Scope, TableContract
from ..errors import ContractError, did_you_mean
from .references import Keys, bound_keys
from .results import AuditResult, CheckResult
from .sql_rules import by_sql, sql_checks
from .suite import META, bound_rules, build_suite, rule_columns, rule_place
from .wording import failing_text, observed_in, row_counts

if TYPE_CHECKING:
    import narwhals as nw

    from .cut import Cut
    from .partitioned import Verdict

SAMPLE_ROWS = 20
_ONE_AT_A_TIME = threading.Lock()  # the context has one asset, whose engine has one frame


def audit(
    frame: nw.LazyFrame,
    contract: TableContract,
    *,
    references: Mapping[str, Any] | None = None,
    table_frame: nw.LazyFrame | None = None,
    partitions: Collection[str] = (),
    unreadable: Mapping[str, str] | None = None,
) -> AuditResult:
    """Check the rules of a contract on a frame of any engine; data is read once if all hold.

    `references` has the distinct keys of each relationship by its name (a list, Arrow array or
    Narwhals series; a frame of the same engine for a key of several columns), and `unreadable`
    those that have none, with the reason: they are broken. `partitions` names those that the frame
    is written to, also if they have no row: rules judge each by itself (none: all rows together).
    Rules with scope `table` run on `table_frame` (the batch and the rest of the live table), or on
    `frame` if it is None. A rule that cannot be evaluated has a `problem`, and the others are
    judged. Raises ContractError for one that does not fit the contract or the frame.
    """
    from .cut import cut_of

    began = time.perf_counter()
    keys = bound_keys(contract, references)
    cut = cut_of(frame, contract, partitions)
    whole = frame if table_frame is None else table_frame
    only = tuple(partitions) if contract.time and len(partitions) == 1 else ()
    beside = sql_checks(frame.lazy(), whole.lazy(), contract, cut, only) if by_sql(contract) else ()
    order = {rule.name: number for number, rule in enumerate(contract.rules)}
    plain = tuple(rule for rule in contract.rules if rule.expectation not in BY_SQL)
    contract = replace(contract, rules=plain)
    of_table = any(rule.scope == "table" for rule in contract.rules)
    together = not of_table or (table_frame is None and cut is None)
    found = _validate(frame, contract, keys, _ALL if together else _BATCH, cut, partitions)
    checks, document = found.checks, found.gx
    if not together:
        second = _validate(whole, contract, {}, ("table",), None, ())
        checks, document = (*checks, *second.checks), _merged(dict(document), dict(second.gx))
    lost = [
        _unread(one, unreadable[one.name])
        for one in contract.relationships
        if unreadable and one.name in unreadable
    ]
    if beside:  # in the contract's order
        checks = tuple(sorted((*checks, *beside), key=lambda c: order.get(c.name, len(order))))
    return AuditResult(
        found.rows, (*checks, *lost), time.perf_counter() - began, document, found.counted
    )


def _unread(relationship: Relationship, reason: str) -> CheckResult:
    """The verdict of a reference to what cannot be read."""
    return CheckResult(
        name=relationship.name,
        expectation=(KEYS_THERE if relationship.others else "expect_column_values_to_be_in_set"),
        column=None if relationship.others else relationship.column,
        action=relationship.action,
        scope="row",
        success=False,
        reason=relationship.reason,
        dimension="consistency",
        problem=reason,
    )


_BATCH: tuple[Scope, ...] = ("row", "partition")
_ALL: tuple[Scope, ...] = (*_BATCH, "table")


def _validate(
    frame: nw.LazyFrame,
    contract: TableContract,
    keys: Mapping[str, Keys],
    scopes: tuple[Scope, ...],
    cut: Cut | None,
    partitions: Collection[str],
) -> AuditResult:
    from .measures import count_true, measure

    if not contract.rules and not keys:
        return AuditResult(measure(frame.lazy(), [count_true(None)])[0], (), 0.0)
    suite = build_suite(contract, keys, scopes=scopes)
    from .gx_engine import AuditInput
    from .partitioned import validate

    lazy = frame.lazy()
    _check_columns(contract, scopes, lazy.collect_schema().names())
    if not suite.expectations:
        return AuditResult(measure(lazy, [count_true(None)])[0], (), 0.0)
    result_format = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": SAMPLE_ROWS,
        "unexpected_index_column_names": list(contract.key),
    }
    with _ONE_AT_A_TIME:
        asset = _asset()
        request = asset.build_batch_request({"dataframe": AuditInput(lazy, keys, cut)})
        batch = asset.get_batch(request)
        document, verdicts = validate(batch, suite, cut, result_format)
        # Not batch.data: validating loads the batch anew.
        data = batch.data.execution_engine.batch_data({})
        rows = data.rows
        if rows is None:  # all rules were about the schema
            rows = measure(lazy, [count_true(None)])[0]
        data.release()
    rules = bound_rules(contract, keys, scopes)
    found = {one["expectation_config"]["meta"][META]["rule"]: one for one in document["results"]}
    only = tuple(partitions) if contract.time and len(partitions) == 1 else ()
    # In the contract's order; Great Expectations answers by columns.
    checks = tuple(
        _check(rule, found[name], verdicts[name] if cut else None, only)
        for name, rule in rules.items()
        if name in found
    )
    counted = {
        check.name: verdicts[check.name].counted if cut else _counted(check, only)
        for check in checks
        if not check.success and check.unexpected is not None
    }
    return AuditResult(rows, checks, 0.0, document, counted)


def _counted(check: CheckResult, only: tuple[str, ...]) -> dict[str, int]:
    return {only[0] if only else "": check.unexpected or 0}


def _check_columns(contract: TableContract, scopes: tuple[Scope, ...], present: list[str]) -> None:
    for rule in contract.rules:
        if rule.scope not in scopes or rule.expectation == "expect_column_to_exist":
            continue
        for name in rule_columns(rule):
            if name not in present:
                raise ContractError(
                    f"rule {rule.name!r} needs the column {name!r}, which the audited rows of "
                    f"{contract.dataset} do not have{did_you_mean(name, present)}",
                    where=rule_place(contract, rule),
                )


@functools.cache
def _asset() -> Any:
    """The one asset of the one context of this process."""
    from .suite import import_gx

    gx = import_gx()
    from .gx_engine import NarwhalsDatasource
    from .gx_metrics import register

    register()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context.data_sources.add_narwhals(name=NarwhalsDatasource.__name__).add_frame_asset(
        "audited"
    )


def _check(
    rule: Rule,
    found: Mapping[str, Any],
    verdict: Verdict | None,
    only: tuple[str, ...],
) -> CheckResult:
    """One of Great Expectations' results in our words. `only`: the one partition it is about."""
    result = found.get("result") or {}
    of_all = ALLOWED in rule.kwargs  # whose percentage is one of all rows
    unexpected, evaluated = row_counts(result, of_all=of_all)
    sample = result.get("partial_unexpected_index_list")
    if sample is None:
        sample = result.get("partial_unexpected_list") or ()
    failing: tuple[str, ...] = ()
    observed = observed_in(result)
    if verdict:
        failing, observed = verdict.failing, verdict.observed
    elif not found["success"] and rule.scope != "table" and _looks_at_rows(rule):
        failing = only
    if failing:
        shown = verdict.shown if verdict else {only[0]: result}
        observed = failing_text(failing, shown, of_all=of_all)
    return CheckResult.of(
        rule,
        bool(found["success"]),
        observed=observed,
        unexpected=unexpected,
        evaluated=evaluated,
        sample=tuple(sample),
        partitions=failing,
        problem=_exception(found.get("exception_info") or {}),
    )


def _looks_at_rows(rule: Rule) -> bool:
    """Whether rows decide it; the others are about the schema, which all partitions share."""
    return COMMON[0] in KNOWN[rule.expectation].arguments


def _exception(info: Mapping[str, Any]) -> str:
    """Why a rule could not be evaluated; mostly nothing."""
    return str(info.get("exception_message") or "") if info.get("raised_exception") else ""


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """One document of the suite's two parts, the batch's and the whole table's."""
    if not first or not second:
        return first or second
    results = [*first["results"], *second["results"]]
    successful = sum(bool(r["success"]) for r in results)
    return {
        **first,
        "results": results,
        "success": first["success"] and second["success"],
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": successful,
            "unsuccessful_expectations": len(results) - successful,
            "success_percent": 100.0 * successful / len(results),
        },
    }
