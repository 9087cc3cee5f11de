"""Figures of a column that grow batch by batch, in memory that does not grow with the rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

KEPT = 4096
"""Hashes that are kept of a column: up to so many distinct values the count is exact, above it is
an estimate with an error of about 1.6 per cent (k minimum values, Bar-Yossef et al. 2002)."""

CELLS = 64
_SHOWN_CELLS = 24
_HASHES = 2.0**64


@dataclass
class Distinct:
    """How many different values there were: the smallest hashes tell."""

    smallest: NDArray[np.uint64] | None = None
    is_exact: bool = True

    def add(self, values: pl.Series) -> None:
        import numpy as np

        hashes = values.hash(seed=1).to_numpy()
        if self.smallest is not None:
            if not self.is_exact:  # most are too large to matter, and no sort is needed to see it
                hashes = hashes[hashes < self.smallest[-1]]
                if not len(hashes):
                    return
            hashes = np.concatenate([self.smallest, hashes])
        found = np.unique(hashes)
        self.is_exact = self.is_exact and len(found) <= KEPT
        self.smallest = found[:KEPT]

    @property
    def count(self) -> int:
        if self.smallest is None:
            return 0
        if self.is_exact:
            return len(self.smallest)
        return round((KEPT - 1) / (float(self.smallest[-1]) / _HASHES))


@dataclass
class Bins:
    """Counts in cells of equal width, which doubles whenever a value lies outside.

    `width` is a power of two and the first cell begins at `first * width`, so doubling joins
    neighbours and no value has to be seen again.
    """

    least: float = 0.0  # width at least: 1 for whole numbers, or their picture is a comb
    width: float = 0.0
    first: int = 0
    counts: NDArray[np.int64] | None = None

    def add(self, values: NDArray[np.float64]) -> None:
        """Take in finite values."""
        import numpy as np

        if not len(values):
            return
        low, high = float(values.min()), float(values.max())
        if self.counts is None:
            span = max(high - low, max(abs(high), abs(low)) * 1e-12, 1e-300)
            self.width = 2.0 ** math.ceil(math.log2(min(span, 1e308) / (CELLS // 2)))
            self.width = max(self.width, self.least)
            self.first = math.floor(low / self.width)
            self.counts = np.zeros(CELLS, dtype=np.int64)
        while not self._holds(low, high):
            self._double(low)
        at = np.floor(values / self.width).astype(np.int64) - self.first
        self.counts += np.bincount(at, minlength=CELLS)[:CELLS]

    def _holds(self, low: float, high: float) -> bool:
        inside = self.first <= math.floor(low / self.width)
        return inside and math.floor(high / self.width) < self.first + CELLS

    def _double(self, low: float) -> None:
        """Join the cells in pairs, and leave what is free where the values go."""
        import numpy as np

        assert self.counts is not None
        begins = self.first // 2
        places = (self.first + np.arange(CELLS)) // 2 - begins
        joined = np.bincount(places, weights=self.counts, minlength=CELLS).astype(np.int64)
        self.width *= 2
        self.first, self.counts = begins, joined[:CELLS]
        used = int(np.max(np.flatnonzero(self.counts), initial=0)) + 1
        room = CELLS - used
        shift = min(room, max(0, self.first - math.floor(low / self.width)))
        if shift:
            self.first -= shift
            self.counts = np.concatenate([np.zeros(shift, np.int64), self.counts[: CELLS - shift]])

    def shown(self) -> list[int]:
        """From the first cell with a value to the last, joined until they fit a small picture."""
        import numpy as np

        if self.counts is None:
            return []
        filled = np.flatnonzero(self.counts)
        kept = self.counts[filled[0] : filled[-1] + 1]
        while len(kept) > _SHOWN_CELLS:
            kept = np.pad(kept, (0, len(kept) % 2)).reshape(-1, 2).sum(axis=1)
        return [int(count) for count in kept]


@dataclass
class Measured:
    """Figures of one column. `hides`: no value of it may be kept, only how many there are."""

    name: str
    kind: pl.DataType
    hides: bool = False
    nulls: int = 0
    measured: int = 0  # values that `total` is of: neither null nor NaN
    low: Any = None
    high: Any = None
    total: float = 0.0
    distinct: Distinct = field(default_factory=Distinct)
    bins: Bins = field(default_factory=Bins)

    def __post_init__(self) -> None:
        is_whole = self.kind.is_integer() or str(self.kind) in ("Date", "Boolean")
        self.bins.least = 1.0 if is_whole else 0.0

    @property
    def mean(self) -> float | None:
        return self.total / self.measured if self.measured else None

    def add(self, column: pl.Series) -> None:
        values = column.drop_nulls()
        self.nulls += len(column) - len(values)
        if not len(values):
            return
        self.distinct.add(values)
        if self.hides or self.kind.is_nested():
            return
        if self.kind.is_float():
            values = values.drop_nans()
        if len(values) and not _is_text(self.kind):
            self._measure(values)
        elif len(values):
            self._bounds(values)

    def _bounds(self, values: pl.Series) -> None:
        low, high = values.min(), values.max()
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def _measure(self, values: pl.Series) -> None:
        import numpy as np
        import polars as pl

        self._bounds(values)
        physical = values.to_physical() if self.kind.is_temporal() else values
        figures = physical.cast(pl.Float64).to_numpy()
        self.total += float(figures.sum())
        self.measured += len(figures)
        self.bins.add(figures[np.isfinite(figures)])


def _is_text(kind: pl.DataType) -> bool:
    import polars as pl

    return not (kind.is_numeric() or kind.is_temporal() or kind == pl.Boolean)
