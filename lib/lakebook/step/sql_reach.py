"""Whether a SELECT needs rows of other partitions than those that it makes: then its result would
depend on how much is run at once.

By the text alone, and on the safe side: what names no column of time to stay within may reach over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

_LONGEST = 60


@dataclass(frozen=True)
class Times:
    """`columns`: names of time columns, of what is read and of what is made. `units`: to which a
    time may be cut and still lies in one partition. `tables`: schema and name of those cut by time.
    """

    columns: Collection[str]
    units: Collection[str]
    tables: Collection[tuple[str, str]]


def reaching(sql: str, times: Times) -> str:
    """The first part of a SELECT that may need rows of other partitions; empty if there is none."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError:
        return ""  # the columns of such a model are not followed either, which is said
    known = replace(times, columns={*times.columns} - _made_anew(tree, times))
    return next(_found(tree, known, _Timed(tree, times.tables)), "")


def _made_anew(tree: Any, times: Times) -> set[str]:
    """Names of time columns that a query inside gives to something else: another day, a number."""
    from sqlglot import exp

    found: set[str] = set()
    for select in tree.find_all(exp.Select):
        if select.parent is not None:
            found |= {
                one.alias.lower()
                for one in select.expressions
                if isinstance(one, exp.Alias) and not _stays(one.this, times)
            }
    for named in tree.find_all(exp.TableAlias):
        found |= {column.name.lower() for column in named.columns}
    return found


class _Timed:
    """Which tables that are cut by time a part of a query reads, itself or through CTEs."""

    def __init__(self, tree: Any, tables: Collection[tuple[str, str]]) -> None:
        from sqlglot import exp

        self._tables = {(schema.lower(), name.lower()) for schema, name in tables}
        self._ctes: dict[str, set[tuple[str, str]]] = {}
        for cte in tree.find_all(exp.CTE, bfs=False):
            self._ctes[cte.alias.lower()] = self.of(cte.this)

    def of(self, node: Any) -> set[tuple[str, str]]:
        from sqlglot import exp

        found: set[tuple[str, str]] = set()
        for table in node.find_all(exp.Table):
            name = _name(table)
            found |= {name} & self._tables if table.db else self._ctes.get(name[1], set())
        return found

    def reads(self, node: Any) -> bool:
        return bool(self.of(node))


def _found(tree: Any, times: Times, timed: _Timed) -> Iterator[str]:
    from sqlglot import exp

    for window in tree.find_all(exp.Window):
        if not any(_stays(one, times) for one in window.args.get("partition_by") or ()):
            yield _short(window)
    for select in tree.find_all(exp.Select):
        if not timed.reads(_without_ctes(select)):
            continue
        if (distinct := select.args.get("distinct")) is not None and distinct.args.get("on"):
            yield _short(distinct)
        for cut in (select.args.get("limit"), select.args.get("offset")):
            if cut is not None:
                yield _short(cut)
        aggregates = [*_aggregates(select)]
        if aggregates and not any(_stays(key, times) for key in _keys(select)):
            yield _short(aggregates[0])
        yield from _self_joins(select, times, timed)
        yield from _looks_back(select, times, timed)
    for both in tree.find_all(exp.SetOperation):
        if timed.reads(both) and not _compares_days(both, times):
            yield _short(both)


def _compares_days(both: Any, times: Times) -> bool:
    """Whether rows that are held against each other have a time at the same place: of a set
    operation that takes out equal ones."""
    from sqlglot import exp

    if isinstance(both, exp.Union) and not both.args.get("distinct"):
        return True
    left, right = both.left.selects, both.right.selects
    if any(isinstance(one, exp.Star) for one in (*left, *right)):
        return True
    return any(
        _stays(one.unalias(), times) and _stays(other.unalias(), times)
        for one, other in zip(left, right, strict=False)
    )


def _without_ctes(select: Any) -> Any:
    copy = select.copy()
    for name in ("with", "with_"):
        copy.set(name, None)
    return copy


def _aggregates(select: Any) -> Iterator[Any]:
    """Aggregates of a SELECT itself: neither of a query inside it, nor over a window."""
    from sqlglot import exp

    for part in (*select.expressions, select.args.get("having")):
        for found in part.find_all(exp.AggFunc) if part is not None else ():
            above = found.parent
            if isinstance(above, exp.Filter):
                above = above.parent
            if not isinstance(above, exp.Window) and found.parent_select is select:
                yield found


def _keys(select: Any) -> list[Any]:
    """What a SELECT groups by, with positions and GROUP BY ALL as what they stand for."""
    from sqlglot import exp

    group = select.args.get("group")
    if group is None:
        return []
    shown = [one.unalias() for one in select.expressions]
    named = {one.alias.lower(): one.unalias() for one in select.expressions if one.alias}
    if group.args.get("all"):
        return [one for one in shown if one.find(exp.AggFunc) is None]
    keys = []
    for key in group.expressions:
        if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.name) <= len(shown):
            key = shown[int(key.name) - 1]
        elif isinstance(key, exp.Column) and not key.table and key.name.lower() in named:
            keys.append(named[key.name.lower()])
        keys.append(key)
    return keys


def _stays(key: Any, times: Times) -> bool:
    """Whether rows that agree in a key lie in one partition."""
    from sqlglot import exp

    if isinstance(key, exp.Paren):
        return _stays(key.this, times)
    if isinstance(key, exp.Cast):
        is_cut = key.to.this == exp.DataType.Type.DATE
        same = is_cut or key.to.this == exp.DataType.Type.TIMESTAMP
        return same and (not is_cut or "day" in times.units) and _stays(key.this, times)
    if isinstance(key, exp.DateTrunc | exp.TimestampTrunc):
        unit = key.args.get("unit")
        return str(getattr(unit, "name", unit)).lower() in times.units and _stays(key.this, times)
    return isinstance(key, exp.Column) and key.name.lower() in times.columns


def _self_joins(select: Any, times: Times, timed: _Timed) -> Iterator[str]:
    """Joins of a timed table with itself, or to the nearest row of one, over more than its time."""
    from sqlglot import exp

    first = select.args.get("from") or select.args.get("from_")
    seen = timed.of(first.this) if first is not None else set()
    for join in select.args.get("joins") or ():
        other = timed.of(join.this)
        is_nearest = str(join.args.get("method") or "").upper() == "ASOF"
        conditions = [join.args.get("on"), select.args.get("where")]
        if isinstance(join.this, exp.Lateral):
            conditions += list(join.this.find_all(exp.Where))
        if (other and is_nearest) or (other & seen and not _is_within(join, conditions, times)):
            yield _short(join)
        seen |= other


def _looks_back(select: Any, times: Times, timed: _Timed) -> Iterator[str]:
    """A query inside a condition or a value that looks into a timed table of the query around it
    (`exists`, `in`), over more than its time."""
    from sqlglot import exp

    around = select.parent_select
    if around is None or isinstance(select.parent, exp.CTE):
        return
    inside = select.parent
    while isinstance(inside, exp.Subquery | exp.Paren | exp.SetOperation):
        inside = inside.parent
    if isinstance(inside, exp.From | exp.Join | exp.CTE):
        return
    own = {_name(table) for table in _tables(select) if timed.reads(table)}
    if not own & {_name(table) for table in _tables(around)}:
        return
    where = select.args.get("where")
    is_held = where is not None and any(
        _stays(equal.left, times) and _stays(equal.right, times) for equal in where.find_all(exp.EQ)
    )
    if isinstance(inside, exp.In):
        asked = inside.this.expressions if isinstance(inside.this, exp.Tuple) else [inside.this]
        pairs = zip(asked, select.expressions, strict=False)
        is_held = is_held or any(
            _stays(one, times) and _stays(other.unalias(), times) for one, other in pairs
        )
    if not is_held:
        yield _short(inside)


def _tables(select: Any) -> Iterator[Any]:
    """The tables that a SELECT names itself."""
    from sqlglot import exp

    first = select.args.get("from") or select.args.get("from_")
    parts = [first.this] if first is not None else []
    parts += [join.this for join in select.args.get("joins") or ()]
    yield from (part for part in parts if isinstance(part, exp.Table))


def _is_within(join: Any, conditions: Iterable[Any], times: Times) -> bool:
    """Whether both sides of a join are of one time, by its USING or by one of some conditions."""
    from sqlglot import exp

    if any(column.name.lower() in times.columns for column in join.args.get("using") or ()):
        return True
    return any(
        _stays(equal.left, times) and _stays(equal.right, times)
        for condition in conditions
        if condition is not None
        for equal in condition.find_all(exp.EQ)
    )


def _name(table: Any) -> tuple[str, str]:
    return table.db.lower(), table.name.lower()


def _short(node: Any) -> str:
    text = " ".join(node.sql(dialect="duckdb").split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
