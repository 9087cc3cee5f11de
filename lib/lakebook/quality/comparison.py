"""What differs between two frames of the same dataset: rows by key, with counts and examples.

Streaming on Polars; the join holds one of the two frames, so bring what may differ alone. It knows
neither tables nor environments: `lakebook.run.environment_diff` and others bring the frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .measures import collect

if TYPE_CHECKING:
    import narwhals as nw

_OLD, _NEW = "old:", "new:"  # no column of a contract has a colon
_COUNT = "rows:"


@dataclass(frozen=True)
class Example:
    """A row that differs. A changed one has only the columns that changed, beside its key."""

    kind: Literal["added", "removed", "changed"]
    key: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Rows that are on one side alone, differ, or are the same.

    `key`: empty where whole rows were compared, so that a changed row is one removed and one added.
    `doubled`: why, if a key was given: how many rows too many it has, before and after.
    `changed_columns`: in how many changed rows each column differs. `uncompared`: columns that both
    have with types that cannot be compared.
    """

    key: tuple[str, ...]
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    same: int
    changed_columns: Mapping[str, int]
    uncompared: tuple[str, ...] = ()
    doubled: tuple[int, int] = (0, 0)
    examples: tuple[Example, ...] = ()

    @property
    def is_equal(self) -> bool:
        return not (self.added or self.removed or self.changed)


def compare(
    before: nw.LazyFrame[Any],
    after: nw.LazyFrame[Any],
    key: Sequence[str] = (),
    *,
    examples: int = 5,
) -> Comparison:
    """Compare two frames over the columns that both have; null equals null, NaN equals NaN.

    Parameters
    ----------
    key: columns that tell a row from all others; where they do not, whole rows are compared.
    examples: rows of each kind at most, the first by key.
    """
    shared, uncompared = _columns(before, after)
    known = all(name in shared for name in key)
    doubled = (_doubles(before, key), _doubles(after, key)) if key and known else (0, 0)
    if not key or not known or any(doubled):
        return _by_row(before, after, shared, uncompared, doubled, examples)
    return _by_key(before, after, tuple(key), shared, uncompared, examples)


def _columns(before: nw.LazyFrame[Any], after: nw.LazyFrame[Any]) -> tuple[list[str], list[str]]:
    """Names of the columns that can be compared, and of those that both have and cannot be."""
    old, new = before.collect_schema(), after.collect_schema()
    both = [name for name in new.names() if name in old.names()]
    alike = [n for n in both if old[n] == new[n] or (old[n].is_numeric() and new[n].is_numeric())]
    return alike, [name for name in both if name not in alike]


def _doubles(frame: nw.LazyFrame[Any], key: Sequence[str]) -> int:
    """Rows that would have to go so that each key is there once."""
    import narwhals as nw

    counted = frame.group_by(*key).agg(nw.len().alias(_COUNT))
    totals = counted.select(nw.col(_COUNT).sum().alias("rows"), nw.len().alias("keys"))
    rows, keys = collect(totals).row(0)
    return int(rows or 0) - int(keys)


def _by_key(
    before: nw.LazyFrame[Any],
    after: nw.LazyFrame[Any],
    key: tuple[str, ...],
    shared: Sequence[str],
    uncompared: Sequence[str],
    most: int,
) -> Comparison:
    import narwhals as nw

    joined = _marked(before, _OLD).join(
        _marked(after, _NEW),
        left_on=[_OLD + name for name in key],
        right_on=[_NEW + name for name in key],
        how="full",
    )
    added, removed = nw.col(_OLD).is_null(), nw.col(_NEW).is_null()
    values = [name for name in shared if name not in key]
    # Columns beside the join: an expression would be evaluated for every count that has it.
    differs = {f"is:{name}": _differs(name) & ~added & ~removed for name in values}
    judged = joined.with_columns(**differs) if differs else joined
    changed = nw.any_horizontal(*differs, ignore_nulls=True) if differs else nw.lit(False)
    judged = judged.with_columns(**{"is:": changed & ~added & ~removed})
    counts = {"added": added, "removed": removed, "changed": nw.col("is:")}
    counts |= {name: nw.col(name) for name in differs}
    sums = {name: each.cast(nw.Int64).sum() for name, each in counts.items()}
    found = collect(judged.select(nw.len().alias("all"), **sums))
    got = {name: int(value or 0) for name, value in zip(found.columns, found.row(0), strict=True)}
    same = got["all"] - got["added"] - got["removed"] - got["changed"]
    kinds = [kind for kind in ("removed", "added", "changed") if got[kind] and most]
    return Comparison(
        key=key,
        rows_before=got["all"] - got["added"],
        rows_after=got["all"] - got["removed"],
        added=got["added"],
        removed=got["removed"],
        changed=got["changed"],
        same=same,
        changed_columns={n: got[f"is:{n}"] for n in values if got[f"is:{n}"]},
        uncompared=tuple(uncompared),
        examples=tuple(
            one
            for kind in kinds
            for one in _examples(judged.filter(counts[kind]), kind, key, values, most)
        ),
    )


def _marked(frame: nw.LazyFrame[Any], side: str) -> nw.LazyFrame[Any]:
    """The frame with its side before each name, and a column that is null where it has no row."""
    import narwhals as nw

    names = frame.collect_schema().names()
    return frame.select(*(nw.col(n).alias(side + n) for n in names), nw.lit(1).alias(side))


def _differs(name: str) -> nw.Expr:
    import narwhals as nw

    old, new = nw.col(_OLD + name), nw.col(_NEW + name)
    return ~((old == new).fill_null(False) | (old.is_null() & new.is_null()))


def _examples(
    rows: nw.LazyFrame[Any],
    kind: Any,
    key: tuple[str, ...],
    values: Sequence[str],
    most: int,
) -> Iterator[Example]:
    side = _OLD if kind == "removed" else _NEW
    first = collect(rows.sort(*(side + name for name in key)).head(most))
    for row in first.iter_rows(named=True):
        named = {name: row[side + name] for name in key}
        shown = [n for n in values if kind != "changed" or row[f"is:{n}"]]
        old = {n: row[_OLD + n] for n in shown} if kind != "added" else {}
        new = {n: row[_NEW + n] for n in shown} if kind != "removed" else {}
        yield Example(kind, named, old, new)


def _by_row(
    before: nw.LazyFrame[Any],
    after: nw.LazyFrame[Any],
    shared: Sequence[str],
    uncompared: Sequence[str],
    doubled: tuple[int, int],
    most: int,
) -> Comparison:
    """Whole rows, as often as each is there: a group knows null from null, a join does not."""
    import narwhals as nw

    def side(frame: nw.LazyFrame[Any], old: int) -> nw.LazyFrame[Any]:
        marks = (nw.lit(old).alias(_OLD), nw.lit(1 - old).alias(_NEW))
        types = after.collect_schema()
        columns = [nw.col(name).cast(types[name]) for name in shared]
        return frame.select(*columns, *marks)

    counted = (
        nw.concat([side(before, 1), side(after, 0)])
        .group_by(*shared)
        .agg(nw.col(_OLD).sum(), nw.col(_NEW).sum())
    )
    old, new = nw.col(_OLD), nw.col(_NEW)
    more, less = (new - old).clip(lower_bound=0), (old - new).clip(lower_bound=0)
    sums = {"old": old, "new": new, "added": more, "removed": less}
    found = collect(counted.select(**{name: each.sum() for name, each in sums.items()}))
    got = {name: int(value or 0) for name, value in zip(found.columns, found.row(0), strict=True)}
    shown = []
    for kind, which in (("removed", less > 0), ("added", more > 0)):
        if most and got[kind]:
            some = collect(counted.filter(which).sort(*shared).head(most))
            for row in some.iter_rows(named=True):
                values = {name: row[name] for name in shared}
                sides = (values, {}) if kind == "removed" else ({}, values)
                shown.append(Example(kind, {}, *sides))  # type: ignore[arg-type]
    return Comparison(
        key=(),
        rows_before=got["old"],
        rows_after=got["new"],
        added=got["added"],
        removed=got["removed"],
        changed=0,
        same=got["old"] - got["removed"],
        changed_columns={},
        uncompared=tuple(uncompared),
        doubled=doubled,
        examples=tuple(shown),
    )
