"""The audit: a frame against its contract, in one query for the whole suite.

Great Expectations is imported when `audit` runs and at no other time; its context is made once per
process.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..contract.expectations import COMMON, EXPECTATIONS
from ..contract.model import Rule, Scope, TableContract
from ..errors import ContractError, did_you_mean
from .references import key_values
from .results import AuditResult, CheckResult
from .suite import META, build_suite, reference_rules, rule_columns, rule_place
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
) -> AuditResult:
    """Check the rules of a contract on a frame of any engine; data is read once if all hold.

    `references` has the distinct keys of each relationship by its name (a list, Arrow array or
    Narwhals series); a relationship without keys is not checked. `partitions` names those that the
    frame is written to, also if they have no row: rules judge each by itself (none: all rows
    together). Rules with scope `table` run on `table_frame` (the batch and the rest of the live
    table), or on `frame` if it is None. Raises ContractError for a rule that does not fit the
    contract or the frame.
    """
    from .cut import cut_of

    began = time.perf_counter()
    keys = {name: key_values(given) for name, given in (references or {}).items()}
    cut = cut_of(frame, contract, partitions)
    of_table = any(rule.scope == "table" for rule in contract.rules)
    together = not of_table or (table_frame is None and cut is None)
    rows, checks, document = _validate(
        frame, contract, keys, _ALL if together else _BATCH, cut, partitions
    )
    if not together:
        whole = frame if table_frame is None else table_frame
        _, more, second = _validate(whole, contract, {}, ("table",), None, ())
        checks = (*checks, *more)
        document = _merged(document, second)
    return AuditResult(rows, checks, time.perf_counter() - began, document)


_BATCH: tuple[Scope, ...] = ("row", "partition")
_ALL: tuple[Scope, ...] = (*_BATCH, "table")


def _validate(
    frame: nw.LazyFrame,
    contract: TableContract,
    keys: Mapping[str, Sequence[Any]],
    scopes: tuple[Scope, ...],
    cut: Cut | None,
    partitions: Collection[str],
) -> tuple[int, tuple[CheckResult, ...], dict[str, Any]]:
    suite = build_suite(contract, keys, scopes=scopes)
    from .gx_engine import AuditInput
    from .measures import count_true, measure

    lazy = frame.lazy()
    _check_columns(contract, scopes, lazy.collect_schema().names())
    if not suite.expectations:
        return measure(lazy, [count_true(None)])[0], (), {}
    result_format = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": SAMPLE_ROWS,
        "unexpected_index_column_names": list(contract.key),
    }
    verdicts: dict[str, Verdict] = {}
    with _ONE_AT_A_TIME:
        asset = _asset()
        request = asset.build_batch_request({"dataframe": AuditInput(lazy, keys, cut)})
        batch = asset.get_batch(request)
        if cut is None:
            document = batch.validate(suite, result_format=result_format).to_json_dict()
        else:
            from .partitioned import validate_partitions

            document, verdicts = validate_partitions(batch, suite, cut, result_format)
        # Not batch.data: validating loads the batch anew.
        data = batch.data.execution_engine.batch_data({})
        rows = data.rows
        if rows is None:  # all rules were about the schema
            rows = measure(lazy, [count_true(None)])[0]
        data.release()
    rules = {r.name: r for r in (*contract.rules, *reference_rules(contract, keys))}
    found = {one["expectation_config"]["meta"][META]["rule"]: one for one in document["results"]}
    only = tuple(partitions) if contract.time and len(partitions) == 1 else ()
    # In the contract's order; Great Expectations answers by columns.
    checks = tuple(
        _check(contract, rule, found[name], verdicts.get(name), only)
        for name, rule in rules.items()
        if name in found
    )
    return rows, checks, document


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
    contract: TableContract,
    rule: Rule,
    found: Mapping[str, Any],
    verdict: Verdict | None,
    only: tuple[str, ...],
) -> CheckResult:
    """One of Great Expectations' results in our words. `only`: the one partition it is about."""
    problem = _exception(found.get("exception_info") or {})
    if problem:
        raise ContractError(
            f"rule {rule.name!r} could not be evaluated: {' '.join(problem.split())}",
            where=rule_place(contract, rule),
            fix="check that its arguments fit the column's type",
        )
    result = found.get("result") or {}
    unexpected, evaluated = row_counts(result)
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
        observed = failing_text(failing, shown)
    return CheckResult(
        name=rule.name,
        expectation=rule.expectation,
        column=rule.column,
        action=rule.action,
        scope=rule.scope,
        success=bool(found["success"]),
        observed=observed,
        unexpected=unexpected,
        evaluated=evaluated,
        sample=tuple(sample),
        reason=rule.reason,
        dimension=rule.dimension,
        partitions=failing,
    )


def _looks_at_rows(rule: Rule) -> bool:
    """Whether rows decide it; the others are about the schema, which all partitions share."""
    return COMMON[0] in EXPECTATIONS[rule.expectation].arguments


def _exception(info: Mapping[str, Any]) -> str:
    """The first error that Great Expectations caught, which it nests by metric; or nothing."""
    if "raised_exception" in info:
        return str(info.get("exception_message")) if info["raised_exception"] else ""
    for nested in info.values():
        if isinstance(nested, Mapping) and (text := _exception(nested)):
            return text
    return ""


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
