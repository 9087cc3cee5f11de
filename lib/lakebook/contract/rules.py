"""Quality rules and relationships of one table, read from a contract into `model.Rule`s."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from ..errors import ContractError, did_you_mean
from ..names import LAYERS, Dataset
from .arguments import UnfitArgument, bind
from .expectations import ALLOWED, EXPECTATIONS, KNOWN, REFUSED, UNEXPECTED_ROWS, Expectation
from .library import translate
from .model import Action, Column, Relationship, Rule, Scope
from .promises import promised_rules
from .reader import Reader
from .thresholds import Threshold

ENGINE = "greatExpectations"
_ENGINES = (ENGINE, "great-expectations")
ACTIONS = ("fail", "quarantine", "warn")
SCOPES = ("row", "partition", "table")
SEVERITIES: dict[str, tuple[str, ...]] = {
    "error": ("fail", "quarantine"),
    "warning": ("warn", "quarantine"),
    "info": ("warn",),
}
"""ODCS's words for a rule's severity, and the actions that agree with each: the first is meant
where the rule has none. The standard gives the words as examples and says no more of them."""


def read_rules(table: Reader, columns: tuple[Column, ...], dataset: Dataset) -> tuple[Rule, ...]:
    """All rules of a table, its columns' included, in the file's order; names are unique."""
    rules: dict[str, Rule] = {}
    for raw, column in _quality(table):
        if raw["type"] == "text":
            continue  # words for people, by the standard's own definition
        rule = _rule(raw, column, columns, dataset)
        if rule.name in rules:
            raise raw.error(
                f"two rules are named {rule.name!r} (the other in line {rules[rule.name].line})",
                "name",
                fix="give each rule of a table a name of its own",
            )
        rules[rule.name] = rule
    for rule in promised_rules(table, columns):
        if rule.name in rules:
            what = rule.reason.removeprefix("The contract says ").removesuffix(".")
            raise ContractError(
                f"{rule.name!r} is the name of a rule and of what {what} checks",
                where=f"{table.document.where}:{rule.line}",
                fix="rename the rule",
            )
        rules[rule.name] = rule
    return tuple(sorted(rules.values(), key=lambda rule: rule.line))


def _quality(table: Reader) -> Iterator[tuple[Reader, str | None]]:
    for raw in table.items("quality"):
        yield raw, None
    for column in table.items("properties"):
        for raw in column.items("quality"):
            yield raw, column["name"]


def _rule(raw: Reader, column: str | None, columns: tuple[Column, ...], dataset: Dataset) -> Rule:
    kind = raw["type"] or "library"
    if kind == "sql":
        from .sql_rules import read_sql_rule

        expectation, kwargs = read_sql_rule(raw, column, dataset, columns)
    elif kind == "library":
        if raw["metric"] is None:
            raise raw.error(
                f"rule {raw['name'] or raw.name()} has neither a type nor a metric",
                fix="write metric: nullValues, or type: custom, sql or text",
            )
        expectation, kwargs = translate(raw.value, column, where=raw.where("metric"))
    else:
        expectation, kwargs = _implementation(raw, column)
    known = KNOWN[expectation]
    _check_arguments(raw, expectation, known, kwargs, columns)
    if expectation == UNEXPECTED_ROWS:
        from .sql_rules import check_unexpected_rows

        check_unexpected_rows(raw, kwargs, dataset, columns)
    own = raw.properties()
    action = _action(raw, own)
    scope = _choice(raw, own, "scope", known.scope, SCOPES)
    _check_action(raw, expectation, known, action, scope, own)
    if action == "quarantine" and ALLOWED in kwargs:
        allowed = Threshold.of(kwargs[ALLOWED])
        if not allowed.holds(0, 0):
            raise own["action"][1].error(
                f"{allowed} does not hold of no rows, which a quarantine leaves",
                fix="use the action fail or warn",
            )
    if not raw.text("description"):
        raise raw.error(
            f"rule {raw['name'] or expectation} gives no reason",
            fix="say why in its description",
        )
    return Rule(
        name=raw.text("name") or _default_name(expectation, column),
        expectation=expectation,
        kwargs=kwargs,
        action=cast(Action, action),
        scope=cast(Scope, scope),
        reason=raw.text("description"),
        dimension=raw.text("dimension"),
        line=raw.line,
    )


def _choice(raw: Reader, own: dict[str, Any], what: str, default: str, of: tuple[str, ...]) -> str:
    if what not in own:
        return default
    value, item = own[what]
    return str(item.choice(value, of, what, "value"))


def _action(raw: Reader, own: dict[str, Any]) -> str:
    """What the rule does: as its action says, or else its severity."""
    severity = raw["severity"]
    if severity is None:
        return _choice(raw, own, "action", "fail", ACTIONS)
    agreeing = SEVERITIES[raw.choice(severity, SEVERITIES, "severity", "severity")]
    action = _choice(raw, own, "action", agreeing[0], ACTIONS)
    if action not in agreeing:
        raise own["action"][1].error(
            f"rule {raw['name'] or raw.name()} has the severity {severity} and the action {action}",
            "value",
            fix=f"keep one of them: {severity} is the action {' or '.join(agreeing)}",
        )
    return action


def _default_name(expectation: str, column: str | None) -> str:
    short = expectation.removeprefix("expect_")
    for prefix in ("column_values_to_", "column_", "table_"):
        short = short.removeprefix(prefix)
    return f"{column}_{short}" if column else short


def _implementation(raw: Reader, column: str | None) -> tuple[str, dict[str, Any]]:
    if raw["engine"] not in _ENGINES:
        raise raw.error(
            f"engine {raw['engine']!r} is unknown{did_you_mean(str(raw['engine']), _ENGINES)}",
            "engine",
            fix=f"use {ENGINE}",
        )
    given = raw["implementation"]
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        raise raw.error(
            "implementation is not a mapping with the key type",
            "implementation",
            fix="write {type: expect_…, kwargs: {…}}",
        )
    for key in given:
        if key not in ("type", "kwargs"):
            raise raw.error(
                f"unknown key {key!r} in implementation{did_you_mean(key, ('type', 'kwargs'))}",
                "implementation",
                key,
            )
    name = _snake(given["type"])
    if name in REFUSED:
        raise raw.error(f"{name} cannot be audited", "implementation", "type", fix=REFUSED[name])
    if name not in EXPECTATIONS and name != UNEXPECTED_ROWS:
        raise raw.error(
            f"unknown expectation {given['type']!r}{did_you_mean(name, EXPECTATIONS)}",
            "implementation",
            "type",
            fix="docs/reference/contracts.md lists those that can be used",
        )
    kwargs = given.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        raise raw.error("kwargs is not a mapping", "implementation", "kwargs")
    if column and "column" in KNOWN[name].required:
        if kwargs.get("column", column) != column:
            raise raw.error(
                f"a rule of column {column!r} names the column {kwargs['column']!r}",
                "implementation",
                "kwargs",
                "column",
                fix="leave column out",
            )
        kwargs = {"column": column, **kwargs}
    return name, dict(kwargs)


def _snake(name: str) -> str:
    """`ExpectColumnValuesToBeBetween` is the same class as `expect_column_values_to_be_between`."""
    if name[:1].isupper():
        # Capitals that follow one another are one word: KLDivergence.
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return name


def _check_arguments(
    raw: Reader,
    expectation: str,
    known: Expectation,
    kwargs: dict[str, Any],
    columns: tuple[Column, ...],
) -> None:
    place = ("implementation", "kwargs") if raw["implementation"] else ("arguments",)
    for key in kwargs:
        if key not in known.arguments and (key != ALLOWED or raw["implementation"]):
            raise raw.error(
                f"{expectation} has no argument {key!r}{did_you_mean(key, known.arguments)}",
                *place,
                key,
                fix=f"it takes {', '.join(known.arguments)}",
            )
    for key in known.required:
        if key not in kwargs:
            raise raw.error(f"{expectation} needs the argument {key!r}", *place)
    types = {c.name: c.type for c in columns}
    if "row_condition" in kwargs:
        from .row_text import read_condition

        read_condition(kwargs["row_condition"], types, where=raw.where(*place, "row_condition"))
    names = [c.name for c in columns]
    for key in ("column", "column_A", "column_B", "column_list"):
        given = kwargs.get(key, [])
        for name in given if isinstance(given, list) else [given]:
            if name not in names:
                raise raw.error(
                    f"rule {raw['name'] or expectation} is on the unknown column {name!r}"
                    f"{did_you_mean(str(name), names)}",
                    *place,
                    key,
                )
    try:
        bind(expectation, kwargs, types)
    except UnfitArgument as problem:
        at = (*place, problem.argument) if problem.argument else place
        raise raw.error(f"{expectation}: {problem.found}", *at, fix=problem.fix) from None


def _check_action(
    raw: Reader,
    expectation: str,
    known: Expectation,
    action: str,
    scope: str,
    own: dict[str, Any],
) -> None:
    scope_at = own["scope"][1] if "scope" in own else raw
    if scope == "row" and known.scope != "row":
        raise scope_at.error(
            f"{expectation} cannot have the scope row: it looks at more than one row",
            fix="use partition or table",
        )
    if action != "quarantine":
        return
    if not known.maps:
        raise own["action"][1].error(
            f"{expectation} cannot quarantine: it does not say which rows are bad",
            fix="use the action fail or warn",
        )
    if scope == "table":
        raise scope_at.error(
            f"rule {raw['name'] or expectation} quarantines with the scope table",
            fix="use partition: only rows of the run can be set aside",
        )


def read_relationships(
    table: Reader, dataset: Dataset, columns: tuple[Column, ...], rules: tuple[Rule, ...]
) -> tuple[Relationship, ...]:
    """Foreign keys of columns (`relationships` of a property) and of the table (with `from`)."""
    found: list[Relationship] = []
    for column in table.items("properties"):
        for raw in column.items("relationships"):
            if not isinstance(raw["to"], str):
                raise raw.error(
                    "a key of several columns at one column",
                    "to",
                    fix="move it to the table's relationships: from: [a, b], to: [t.a, t.b]",
                )
            found.append(_relationship(raw, (column["name"],), dataset))
    for raw in table.items("relationships"):
        names = tuple(_own_column(raw, name, dataset) for name in _several(raw["from"]))
        for name in names:
            if name not in [c.name for c in columns]:
                raise raw.error(
                    f"relationship from the unknown column {name!r}"
                    f"{did_you_mean(name, [c.name for c in columns])}",
                    "from",
                )
        if len(set(names)) < len(names):
            raise raw.error(f"a column stands twice in {list(names)}", "from")
        found.append(_relationship(raw, names, dataset))
    taken = {rule.name for rule in rules}
    for one in found:
        if one.name in taken:
            raise ContractError(
                f"{one.name!r} is the name of a relationship and of another rule",
                where=f"{table.document.where}:{one.line}",
                fix="rename the rule, or keep one of the relationships",
            )
        taken.add(one.name)
    return tuple(found)


def _own_column(raw: Reader, given: str, dataset: Dataset) -> str:
    table, _, column = given.rpartition(".")
    if table not in ("", dataset.name, str(dataset)):
        raise raw.error(
            f"a relationship of {dataset} is from {given!r}",
            "from",
            fix=f"write {dataset.name}.{column}, or move it to the table that it is from",
        )
    return column


def _several(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _relationship(raw: Reader, columns: tuple[str, ...], dataset: Dataset) -> Relationship:
    targets = [_target(raw, to, dataset) for to in _several(raw["to"])]
    if len(targets) != len(columns):
        raise raw.error(
            f"{len(columns)} columns refer to {len(targets)}", "to", fix="name as many of each"
        )
    if len({one for one, _ in targets}) > 1:
        raise raw.error("one key refers to several tables", "to", fix="make a relationship of each")
    own = raw.properties()
    action = _choice(raw, own, "action", "fail", ACTIONS)
    reason = str(own["reason"][0]) if "reason" in own else ""
    if action != "fail" and not reason:
        raise raw.error(
            f"the reference of {', '.join(map(repr, columns))} to {targets[0][0]} has the action "
            f"{action} and no reason",
            fix="add the customProperty reason",
        )
    return Relationship(
        column=columns[0],
        to_dataset=targets[0][0],
        to_column=targets[0][1],
        action=cast(Action, action),
        reason=reason,
        line=raw.line,
        others=tuple(zip(columns[1:], (to for _, to in targets[1:]), strict=True)),
    )


def _target(raw: Reader, to: Any, dataset: Dataset) -> tuple[Dataset, str]:
    parts = to.split(".") if isinstance(to, str) and "/" not in to else []
    if len(parts) not in (2, 3):
        raise raw.error(
            f"reference to {to!r}", "to", fix="write table.column or layer.table.column"
        )
    layer = parts[0] if len(parts) == 3 else dataset.layer
    if layer not in LAYERS:
        raise raw.error(
            f"reference to the unknown layer {layer!r}{did_you_mean(layer, LAYERS)}", "to"
        )
    target = Dataset.parse(f"{layer}.{parts[-2]}", where=raw.where("to"))
    if target == dataset:  # whose keys of the same run are not published when it is judged
        raise raw.error(
            f"{dataset} refers to itself",
            "to",
            fix="write a rule of type: sql with mustBe: 0, such as select count(*) from ${table} "
            f"where parent not in (select {parts[-1]} from ${{table}})",
        )
    return target, parts[-1]
