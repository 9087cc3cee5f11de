"""Rows of two sides by their key: which are new, gone and changed.

One pass groups both sides by key, with a hash of the other columns; a row itself is looked at only
if it changed, or as an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

EXAMPLES = 5
_OLD, _NEW, _SIDE = "\0before", "\0now", "\0side"


@dataclass(frozen=True)
class Keys:
    """Counts, and tables of keys: all that changed, some that are new or gone.

    `repeated`: the side on which a key stands in two rows, "before" or "now"; then nothing else
    counts. Empty: none does.
    """

    before: int
    now: int
    added: int
    removed: int
    repeated: str
    changed: pl.DataFrame
    some_added: pl.DataFrame
    some_removed: pl.DataFrame


@dataclass(frozen=True)
class Changed:
    """`columns`: names and how many rows changed in them; `pairs`: rows as they were and are."""

    columns: tuple[tuple[str, int], ...] = ()
    pairs: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = ()


def group_keys(
    old: pl.LazyFrame, new: pl.LazyFrame, key: Sequence[str], *, examples: int = EXAMPLES
) -> Keys:
    """Both sides have the same columns. Null is a key like any other."""
    import polars as pl

    values = [name for name in old.collect_schema() if name not in key]
    rest = pl.struct(values).hash(seed=1) if values else pl.lit(0, pl.UInt64)
    none = pl.lit(None, pl.UInt64)
    sides = [
        old.select(*key, rest.alias(_OLD), none.alias(_NEW), pl.lit(0, pl.Int64).alias(_SIDE)),
        new.select(*key, none.alias(_OLD), rest.alias(_NEW), pl.lit(1, pl.Int64).alias(_SIDE)),
    ]
    grouped = (
        pl.concat(sides)
        .group_by(key)
        .agg(
            pl.col(_OLD, _NEW).max(),
            pl.col(_SIDE).sum().alias("now"),
            (1 - pl.col(_SIDE)).sum().alias("before"),
        )
    )
    before, now = pl.col("before"), pl.col("now")
    is_changed = (before > 0) & (now > 0) & (pl.col(_OLD) != pl.col(_NEW))
    counts, changed, added, removed = pl.collect_all(
        [
            grouped.select(
                before.sum(),
                now.sum(),
                (before == 0).sum().alias("added"),
                (now == 0).sum().alias("removed"),
                (before > 1).any().alias("twice before"),
                (now > 1).any().alias("twice now"),
            ),
            grouped.filter(is_changed).select(key),
            grouped.filter(before == 0).select(key).sort(key).head(examples),
            grouped.filter(now == 0).select(key).sort(key).head(examples),
        ],
        engine="streaming",
    )
    rows_before, rows_now, plus, minus, twice_before, twice_now = counts.row(0)
    repeated = "before" if twice_before else "now" if twice_now else ""
    return Keys(rows_before, rows_now, plus, minus, repeated, changed, added, removed)


def changed_rows(
    old: pl.LazyFrame,
    new: pl.LazyFrame,
    key: Sequence[str],
    keys: pl.DataFrame,
    *,
    examples: int = EXAMPLES,
) -> Changed:
    """In which columns the rows with these keys differ, and the first of them in both states."""
    import polars as pl

    values = [name for name in old.collect_schema() if name not in key]
    if not keys.height:
        return Changed()

    def both(wanted: pl.DataFrame) -> pl.LazyFrame:
        was, is_now = (_with(side, key, wanted) for side in (old, new))
        return is_now.join(was, on=key, how="inner", suffix=_OLD, nulls_equal=True)

    differs = [pl.col(name).ne_missing(pl.col(name + _OLD)).sum().alias(name) for name in values]
    counts = both(keys).select(differs).collect(engine="streaming").row(0)
    counted = sorted(zip(values, counts, strict=True), key=lambda one: -one[1])
    few = both(keys.sort(key).head(examples)).sort(key).collect(engine="streaming")
    pairs = tuple(
        (
            {name: row[name if name in key else name + _OLD] for name in (*key, *values)},
            {name: row[name] for name in (*key, *values)},
        )
        for row in few.to_dicts()
    )
    return Changed(tuple((name, count) for name, count in counted if count), pairs)


def rows_with(side: pl.LazyFrame, key: Sequence[str], keys: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of some keys, in the order of the key."""
    if not keys.height:
        return []
    return _with(side, key, keys).sort(key).collect(engine="streaming").to_dicts()


def _with(side: pl.LazyFrame, key: Sequence[str], keys: pl.DataFrame) -> pl.LazyFrame:
    return side.join(keys.lazy(), on=key, how="semi", nulls_equal=True)
