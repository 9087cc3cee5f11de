"""A contract's rules and references as a Great Expectations suite of standard expectations."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contract.arguments import UnfitArgument, bind
from ..contract.expectations import ALLOWED, KEYS_THERE, KNOWN, OWN
from ..contract.model import Action, Relationship, Rule, Scope, TableContract
from ..errors import ContractError, did_you_mean
from .references import value_set

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

META = "lakebook"
_SEVERITY: dict[Action, str] = {"fail": "critical", "quarantine": "warning", "warn": "info"}


def build_suite(
    contract: TableContract,
    references: Mapping[str, Any] | None = None,
    *,
    scopes: Collection[Scope] = ("row", "partition", "table"),
) -> ExpectationSuite:
    """The suite of a contract's rules in `scopes`, references as column values in a set.

    `references` has the distinct keys by `Relationship.name`; one that is missing there is left
    out. Raises ContractError for a rule that Great Expectations refuses or Lakebook cannot compute.
    """
    gx = import_gx()
    rules = bound_rules(contract, references or {}, scopes).values()
    expectations = [_expectation(rule) for rule in rules]
    return gx.ExpectationSuite(name=str(contract.dataset), expectations=expectations)


def bound_rules(
    contract: TableContract,
    references: Mapping[str, Any],
    scopes: Collection[Scope] = ("row", "partition", "table"),
) -> dict[str, Rule]:
    """Rules and references by name, with the arguments by which the audit counts rows and the split
    sets them aside. Raises ContractError for one that does not fit the contract."""
    bound = [bound_rule(contract, rule) for rule in contract.rules if rule.scope in scopes]
    if "row" in scopes:
        bound += reference_rules(contract, references)  # whose keys are values of a column already
    return {rule.name: rule for rule in bound}


def bound_rule(contract: TableContract, rule: Rule) -> Rule:
    """A rule of the contract with bound arguments."""
    check_rule(contract, rule)
    try:
        kwargs = bind(rule.expectation, rule.kwargs, {c.name: c.type for c in contract.columns})
    except UnfitArgument as problem:
        raise ContractError(
            f"rule {rule.name!r} has a wrong argument of {rule.expectation}: {problem.found}",
            where=rule_place(contract, rule),
            fix=problem.fix,
        ) from None
    return replace(rule, kwargs=kwargs)


def reference_rules(contract: TableContract, references: Mapping[str, Any]) -> list[Rule]:
    """The contract's relationships as rules, as far as their keys are given."""
    return [
        _reference_rule(relationship)
        for relationship in contract.relationships
        if relationship.name in references
    ]


def _reference_rule(relationship: Relationship) -> Rule:
    expectation = "expect_column_values_to_be_in_set"
    kwargs = {"column": relationship.column, "value_set": value_set(relationship)}
    if relationship.others:
        expectation = KEYS_THERE
        kwargs = {"column_list": list(relationship.columns), "reference": relationship.name}
    return Rule(
        name=relationship.name,
        expectation=expectation,
        kwargs=kwargs,
        action=relationship.action,
        scope="row",
        reason=relationship.reason,
        dimension="consistency",
        line=relationship.line,
    )


def import_gx() -> Any:
    """Great Expectations, without its usage statistics. The import takes seconds when it is new."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _no_doctests():
        import great_expectations

    return great_expectations


@contextlib.contextmanager
def _no_doctests() -> Iterator[None]:
    """Keep PySpark, which comes along where it is installed, from taking `python -c` for a run of
    its own doctests: without gRPC it would end the process, with status 0."""
    main = sys.modules["__main__"]
    is_taken = main.__spec__ is None and not hasattr(main, "__file__") and not hasattr(sys, "ps1")
    if is_taken:
        sys.ps1 = ""
    try:
        yield
    finally:
        if is_taken:
            del sys.ps1


def rule_place(contract: TableContract, rule: Rule) -> str:
    """Where a rule stands, for errors."""
    return f"{contract.path}:{rule.line}" if rule.line else str(contract.path)


def check_rule(contract: TableContract, rule: Rule) -> None:
    """Raise ContractError for an expectation or a column that is not there; no heavy import."""
    where = rule_place(contract, rule)
    known = KNOWN.get(rule.expectation)
    if known is None:  # a contract that was read from a file was refused there
        raise ContractError(
            f"rule {rule.name!r} has the unknown expectation {rule.expectation!r}"
            f"{did_you_mean(rule.expectation, KNOWN)}",
            where=where,
            fix="docs/reference/contracts.md lists those that Lakebook computes",
        )
    for key in rule.kwargs:
        if key not in (*known.arguments, ALLOWED):
            raise ContractError(
                f"{rule.expectation} has no argument {key!r}{did_you_mean(key, known.arguments)}",
                where=where,
                fix=f"it takes {', '.join(known.arguments)}",
            )
    if rule.action == "quarantine" and not known.maps:
        raise ContractError(
            f"rule {rule.name!r} cannot quarantine: {rule.expectation} judges no single rows",
            where=where,
            fix="use the action fail or warn",
        )
    # `expect_column_to_exist` is about a column that may be absent.
    if rule.expectation != "expect_column_to_exist":
        for name in rule_columns(rule):
            if name not in contract.names:
                raise ContractError(
                    f"rule {rule.name!r} names the unknown column {name!r}"
                    f"{did_you_mean(name, contract.names)}",
                    where=where,
                )


def rule_columns(rule: Rule) -> tuple[str, ...]:
    """The columns whose values a rule is about."""
    named = [rule.kwargs.get(key) for key in ("column", "column_A", "column_B")]
    return (*(str(n) for n in named if n), *rule.kwargs.get("column_list", ()))


EXACT = ("min_value", "max_value", "sum_total", "value")
"""What Great Expectations would make a float of, or a date of a timestamp."""


def _expectation(rule: Rule) -> Any:
    """A bound rule as an instance of its class, which judges by the bound arguments themselves."""
    from great_expectations.expectations.registry import get_expectation_impl

    meta: dict[str, dict[str, Any]] = {
        META: {
            "rule": rule.name,
            "action": rule.action,
            "scope": rule.scope,
            "reason": rule.reason,
            "dimension": rule.dimension,
        }
    }
    kwargs: dict[str, Any] = {**rule.kwargs, "meta": meta, "severity": _SEVERITY[rule.action]}
    if isinstance(kwargs.get("row_condition"), str):
        kwargs.setdefault("condition_parser", "pandas")
    if ALLOWED in kwargs:
        meta[META][ALLOWED] = kwargs.pop(ALLOWED)
    if rule.expectation in OWN:
        from .gx_own import register_classes

        register_classes()
    made = get_expectation_impl(rule.expectation)(**kwargs)
    for key in EXACT:
        if kwargs.get(key) is not None:
            vars(made)[key] = kwargs[key]  # past its coercion, which is done
    return made
