"""Which columns of a SELECT are made of values that must stay hidden: followed by sqlglot.

As in `plan_origin`, a column counts as open only if it is sure that no hidden column enters its
value; what cannot be followed is hidden. A filter, a join and a count are no value of a column.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_FRAMES = "_frames"  # the schema that frames of a step's SQL get, which have none
_MADE_UP = "_col_"  # how sqlglot names an output without a name


@dataclass(frozen=True)
class Source:
    """A table or frame that SQL may name: its columns, and those of them that stay hidden."""

    columns: Sequence[str]
    hidden: Collection[str]


class NotFollowed(Exception):
    """The SQL has something whose columns cannot be told apart."""


def hidden_outputs(
    sql: str, names: Sequence[str], tables: Mapping[str, Source], frames: Mapping[str, Source]
) -> tuple[bool, ...]:
    """Of each output of a SELECT, whether it stays hidden.

    Parameters
    ----------
    names: the outputs as the engine names them.
    tables: by `layer.name`; frames: by their name in the SQL.
    """
    if re.match(r"\s*explain\b", sql, re.IGNORECASE):  # a plan may quote bounds of the rows
        return (True,) * len(names)
    try:
        return follow(sql, names, tables, frames)
    except Exception:  # also what sqlglot stumbles over: who cannot tell must hide
        return (True,) * len(names)


def follow(
    sql: str, names: Sequence[str], tables: Mapping[str, Source], frames: Mapping[str, Source]
) -> tuple[bool, ...]:
    """As `hidden_outputs`. Raises NotFollowed, and what sqlglot raises for SQL it cannot read."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import traverse_scope

    known = {key.lower(): source for key, source in tables.items()}
    known |= {f"{_FRAMES}.{key}".lower(): source for key, source in frames.items()}
    tree = sqlglot.parse_one(sql, read="duckdb")
    if isinstance(tree, exp.Describe):  # of which names and types come, and no value
        return (False,) * len(names)
    if not isinstance(tree, exp.Query) or tree.find(exp.Pivot, exp.Columns, exp.PositionalColumn):
        raise NotFollowed("no plain SELECT")
    for table in list(tree.find_all(exp.Table)):
        if table.alias_column_names and isinstance(table.this, exp.Identifier):
            raise NotFollowed("a table whose columns have other names here, by their order")
        if not table.db and table.name.lower() in {name.lower() for name in frames}:
            table.set("db", exp.to_identifier(_FRAMES))
    tree = qualify(
        tree,
        dialect="duckdb",
        schema=_schema(known),
        validate_qualify_columns=False,
        quote_identifiers=False,
    )
    scopes = traverse_scope(tree)
    if not scopes:
        raise NotFollowed("no SELECT")
    walk = _Walk(known, {id(scope.expression): scope for scope in scopes}, {})
    for scope in scopes:
        walk.made[id(scope)] = list(walk.outputs(scope))
    found = walk.made[id(scopes[-1])]
    if len(found) != len(names) or not all(map(_is_same, (name for name, _ in found), names)):
        raise NotFollowed("its outputs are not those of the engine")
    return tuple(hidden for _, hidden in found)


def _is_same(ours: str, theirs: str) -> bool:
    return ours.startswith(_MADE_UP) or ours.lower() == theirs.lower()


def _schema(known: Mapping[str, Source]) -> dict[str, object]:
    found: dict[str, dict[str, dict[str, str]]] = {}
    for key, source in known.items():
        layer, _, name = key.partition(".")
        # The types decide nothing here.
        found.setdefault(layer, {})[name] = dict.fromkeys(source.columns, "VARCHAR")
    return dict(found)


@dataclass
class _Walk:
    """`made`: name and verdict of each output of the scopes that were followed so far."""

    known: Mapping[str, Source]
    by_query: Mapping[int, Any]
    made: dict[int, list[tuple[str, bool]]]

    def outputs(self, scope: Any) -> Iterator[tuple[str, bool]]:
        from sqlglot import exp

        query = scope.expression
        if isinstance(query, exp.SetOperation):
            if query.args.get("by_name"):
                raise NotFollowed("a union by name")
            left, right = (self.made[id(one)] for one in scope.union_scopes)
            for (name, one), (_, other) in zip(left, right, strict=True):
                yield name, one or other
        elif isinstance(query, exp.Select):
            aliased = [(one.alias_or_name, self._holds(one, scope)) for one in query.selects]
            for made, (name, hidden) in zip(query.selects, aliased, strict=True):
                yield name, hidden or self._names_hidden_alias(made, name, aliased)
        elif isinstance(query, exp.Values | exp.Unnest) and not query.find(exp.Column):
            for name in query.alias_column_names:
                yield name, False
        # Of other tables made on the way no column is known, so that all of them are hidden.

    def _names_hidden_alias(self, one: Any, name: str, aliased: list[tuple[str, bool]]) -> bool:
        """Whether an output may be made of another by its alias: DuckDB has a rule for which."""
        from sqlglot import exp

        hidden = {alias.lower() for alias, is_hidden in aliased if is_hidden and alias != name}
        return any(column.name.lower() in hidden for column in one.find_all(exp.Column))

    def _holds(self, one: Any, scope: Any) -> bool:
        """Whether a hidden column enters the value of an expression."""
        from sqlglot import exp

        for node in one.walk(prune=lambda node: isinstance(node, exp.Count)):
            if isinstance(node, exp.Count):
                continue
            if isinstance(node, exp.Star | exp.TableColumn):
                raise NotFollowed("a whole row")
            if isinstance(node, exp.Column) and self._is_hidden(node, scope):
                return True
            if isinstance(node, exp.Identifier) and not _is_only_a_name(node):
                return True
        return False

    def _is_hidden(self, column: Any, scope: Any) -> bool:
        here = self.by_query.get(id(column.parent_select), scope)
        while here is not None:
            source = here.sources.get(column.table)
            if source is not None:
                return self._of(source, column.name)
            here = here.parent
        return True

    def _of(self, source: Any, column: str) -> bool:
        from sqlglot import exp

        if isinstance(source, exp.Table):
            table = self.known.get(f"{source.db}.{source.name}".lower())
            if table is None:
                return True
            spelled = {name.lower(): name for name in table.columns}
            name = spelled.get(column.lower())
            return name is None or name in table.hidden
        verdicts = [
            v for name, v in self.made.get(id(source), ()) if name.lower() == column.lower()
        ]
        return any(verdicts) if verdicts else True


def _is_only_a_name(word: Any) -> bool:
    """Whether an identifier is that of a column, which is looked at as such, or names nothing.

    What sqlglot reads otherwise may be a column: `email.upper()` has one.
    """
    from sqlglot import exp

    if isinstance(
        word.parent, exp.Column | exp.Alias | exp.Table | exp.TableAlias | exp.PropertyEQ
    ):
        return True
    function = word.find_ancestor(exp.Lambda)
    return function is not None and word.name in {one.name for one in function.expressions}
