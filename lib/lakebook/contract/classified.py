"""Which columns hold values that a catalog, an incident or a report must not show.

Those of the two upper classifications, and those that no contract knows yet: a source brought them
(`promised` is False). A column of the contract without a classification counts as `internal`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..names import Dataset
from .model import Column, TableContract

CLASSIFIED = ("confidential", "restricted")
MASK = "•••"


def is_classified(column: Column) -> bool:
    return column.classification in CLASSIFIED


def is_hidden(column: Column) -> bool:
    """Whether values of a column stay hidden: it is classified, or nobody has said what it is."""
    return is_classified(column) or not column.promised


def classified_columns(table: TableContract) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if is_classified(column))


def hidden_columns(table: TableContract) -> frozenset[str]:
    """The columns of a table whose values stay hidden."""
    return frozenset(column.name for column in table.columns if is_hidden(column))


def hidden_among(
    names: Iterable[str], table: TableContract, ours: Collection[str] = ()
) -> frozenset[str]:
    """Those of some names whose values stay hidden: also all that the contract does not know.

    `ours` are names of columns that Lakebook itself adds to a table.
    """
    open_names = {column.name for column in table.columns if not is_hidden(column)}
    return frozenset(name for name in names if name not in open_names and name not in ours)


def with_inherited(
    table: TableContract,
    find: Callable[[Dataset], TableContract | None],
    above: frozenset[Dataset] = frozenset(),
) -> TableContract:
    """The table with the classification of what its columns refer to: they hold the same values.

    `find` gives the contract of another dataset; `above` are those that refer here in turn.
    """
    inherited: dict[str, str] = {}
    for relation in table.relationships:
        if relation.to_dataset in above or relation.to_dataset == table.dataset:
            continue
        target = find(relation.to_dataset)
        if target is None:
            continue
        target = with_inherited(target, find, above | {table.dataset})
        for mine, theirs in zip(relation.columns, relation.to_columns, strict=True):
            known = next((c for c in target.columns if c.name == theirs), None)
            if known is not None and is_classified(known):
                inherited[mine] = known.classification
    if not inherited:
        return table
    columns = tuple(
        replace(column, classification=inherited[column.name])
        if column.name in inherited and not is_classified(column)
        else column
        for column in table.columns
    )
    return replace(table, columns=columns)


def touches_classified(tables: Iterable[TableContract]) -> bool:
    """Whether any column is classified: the text of an error about them may then hold a value."""
    return any(classified_columns(table) for table in tables)


def shown_observation(check: Mapping[str, Any], table: TableContract | None) -> Any:
    """What a check measured (a maximum, a mean); None where it may be a classified value.

    A check that names no single column may be about any, and so may one of an unknown table.
    """
    hidden = classified_columns(table) if table else None
    column = check.get("column")
    if hidden is None or column in hidden or (column is None and hidden):
        return None
    return check.get("observed")
