"""How the rows of one write are cut into partitions, so that a rule can judge each by itself.

A row's partition is an integer column of the frame, derived from the contract's time column: a
query can group by it, and no partition needs a scan of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw

from ..contract.model import TableContract, TimeColumn
from ..contract.time import local_time, spans
from ..intervals import NULL, Interval, merge_partitions, partition_interval

PART = "__partition"
_NO_TIME = 2**31 - 1


@dataclass(frozen=True)
class Cut:
    """Partitions by name, in order, each with its number in the column `PART`.

    `key` makes that column of the frame's rows. `maps`: the engine looks values up by a table.
    """

    numbers: Mapping[str, int]
    key: nw.Expr
    maps: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.numbers)

    def of(self, frame: nw.LazyFrame) -> nw.LazyFrame:
        """The frame with the column `PART`."""
        return frame.with_columns(**{PART: self.key})

    def among(self, names: Iterable[str]) -> nw.Expr:
        """The rows of some partitions, of a frame that has `PART`."""
        return nw.col(PART).is_in([self.numbers[name] for name in names])

    def look_up(self, values: Sequence[float | None]) -> nw.Expr:
        """One number for each partition, as a column."""
        numbers = list(self.numbers.values())
        if self.maps:
            return nw.col(PART).replace_strict(numbers, list(values), return_dtype=nw.Float64)
        leaves = [nw.lit(value).cast(nw.Float64) for value in values]
        return _halved(nw.col(PART), numbers, leaves)


class ByPartition(list[Any]):
    """A metric's values, one for each partition of a cut in its order."""

    def __init__(self, values: Iterable[Any], cut: Cut) -> None:
        super().__init__(values)
        self.cut = cut


def cut_of(frame: nw.LazyFrame, contract: TableContract, partitions: Iterable[str]) -> Cut | None:
    """The cut of a frame whose rows lie in `partitions`; None if there are less than two."""
    names = sorted(set(partitions), key=lambda name: (name == NULL, name))
    if contract.time is None or len(names) < 2:
        return None
    maps = frame.implementation.is_polars()
    dated = [name for name in names if name != NULL]
    value = nw.col(contract.time.column)
    if maps:
        numbers = {name: _number(name, contract.time) for name in dated}
        days = merge_partitions(dated)
        within = Interval(days[0].start, days[-1].end) if days else None
        key = _number_of(value, contract, within)
    else:
        # Not every engine converts zones; all compare, with edges that Python has converted.
        numbers = {name: number for number, name in enumerate(dated)}
        begins = sorted(
            (low, number)
            for name, number in numbers.items()
            for low, _ in spans(contract, partition_interval(name))
        )
        edges = [low for low, _ in begins]
        key = _halved(value, edges, [nw.lit(n) for _, n in begins]) if begins else nw.lit(_NO_TIME)
    key = nw.when(~value.is_null()).then(key).otherwise(nw.lit(_NO_TIME)).cast(nw.Int32)
    if NULL in names:
        numbers[NULL] = _NO_TIME
    return Cut(numbers, key, maps)


def _number(name: str, time: TimeColumn) -> int:
    first = partition_interval(name).start
    if time.unit == "month":
        return first.year * 12 + first.month
    return (first - date(1970, 1, 1)).days


def _number_of(value: nw.Expr, contract: TableContract, within: Interval | None) -> nw.Expr:
    """The same number of each row's day, in the contract's zone."""
    assert contract.time is not None
    if contract.column(contract.time.column).type != "date":
        value = local_time(value, contract, within, nw).dt.date()
    if contract.time.unit == "month":
        return value.dt.year().cast(nw.Int32) * 12 + value.dt.month().cast(nw.Int32)
    return value.cast(nw.Int32)


def _halved(value: nw.Expr, edges: Sequence[Any], leaves: Sequence[nw.Expr]) -> nw.Expr:
    """The leaf of the last edge that is not above the value, by halving: shallow for many."""
    if len(leaves) == 1:
        return leaves[0]
    middle = len(leaves) // 2
    return (
        nw.when(value < edges[middle])
        .then(_halved(value, edges[:middle], leaves[:middle]))
        .otherwise(_halved(value, edges[middle:], leaves[middle:]))
    )
