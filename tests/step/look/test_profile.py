"""A preview computes what it shows; a profile passes once over the rows, in bounded memory."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from lakebook.step.look.measures import CELLS, KEPT, Bins, Distinct
from lakebook.step.look.preview import preview
from lakebook.step.look.profile import measure, profile


class Source:
    """Rows that count how often they are asked for."""

    def __init__(self, batches: int, rows: int = 1_000) -> None:
        self.batches, self.rows, self.scans, self.made = batches, rows, 0, 0

    def frame(self) -> pl.LazyFrame:
        def read(columns: Any, predicate: Any, n_rows: int | None, size: Any) -> Iterator[Any]:
            self.scans += 1
            for at in range(self.batches):
                self.made += 1
                batch = pl.DataFrame({"n": range(at * self.rows, (at + 1) * self.rows)})
                if n_rows is not None:
                    yield batch.head(n_rows)
                    return
                yield batch

        return register_io_source(read, schema={"n": pl.Int64})


def test_a_preview_computes_no_more_than_it_shows() -> None:
    source = Source(batches=1_000)
    shown = preview(source.frame(), 3, (), ())
    assert repr(shown).splitlines()[0] == "The first 3 rows, 1 column"
    assert source.made == 1


def test_a_preview_has_types_and_tells_null_from_text() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x" * 200, "null"], "d": [date(2013, 1, 1), None]})
    text = repr(preview(frame, 10, (), ())).splitlines()
    assert text[1].split("  ")[0].strip() == "a (int64)" and "b (string)" in text[1]
    assert f"{'x' * 79}…" in text[2]
    html = preview(frame, 10, (), ()).html
    assert html.count("null</i>") == 2, "the text is no null"


def test_a_profile_passes_once(tmp_path: Path) -> None:
    source = Source(batches=300)
    rows, (column,) = measure(source.frame(), ())
    assert (source.scans, source.made, rows) == (1, 300, 300_000)
    assert (column.low, column.high, column.nulls) == (0, 299_999, 0)
    assert column.mean == 149_999.5
    assert abs(column.distinct.count / 300_000 - 1) < 0.06
    assert sum(column.bins.shown()) == 300_000
    assert len(column.distinct.smallest) <= KEPT  # type: ignore[arg-type]


def test_figures_of_every_kind_of_column(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "f": [1.0, float("nan"), None, 3.0],
            "s": ["b", "a", None, None],
            "t": [True, False, True, None],
            "l": [[1], [2], [1], None],
            "none": pl.Series([None] * 4, dtype=pl.Int64),
            "inf": [math.inf, 1.0, 2.0, 3.0],
        }
    )
    rows, found = measure(frame.lazy(), ())
    by_name = {one.name: one for one in found}
    assert rows == 4
    assert (by_name["f"].mean, by_name["f"].low, by_name["f"].high) == (2.0, 1.0, 3.0)
    assert (by_name["s"].low, by_name["s"].high, by_name["s"].nulls) == ("a", "b", 2)
    assert by_name["t"].mean == pytest.approx(2 / 3)
    assert (by_name["l"].distinct.count, by_name["l"].low) == (2, None)
    assert (by_name["none"].nulls, by_name["none"].mean, by_name["none"].low) == (4, None, None)
    assert sum(by_name["inf"].bins.shown()) == 3, "what is infinite is in no bar"
    assert "spread of f from 1 to 3" in profile(frame, tmp_path, (), ()).html


def test_a_profile_of_no_rows_is_one(tmp_path: Path) -> None:
    shown = profile(pl.DataFrame(schema={"a": pl.Int64, "b": pl.String}), tmp_path, (), ())
    assert repr(shown).startswith("0 rows, 2 columns")


def test_distinct_values_are_exact_up_to_what_is_kept() -> None:
    for real in (1, 100, KEPT, 50_000):
        counted = Distinct()
        values = list(range(real)) * 2
        random.Random(1).shuffle(values)
        for start in range(0, len(values), 7_000):
            counted.add(pl.Series(values[start : start + 7_000]))
        if real <= KEPT:
            assert (counted.count, counted.is_exact) == (real, True)
        else:
            assert abs(counted.count / real - 1) < 0.06 and not counted.is_exact


@pytest.mark.parametrize("seed", range(8))
def test_no_value_is_lost_when_the_range_grows(seed: int) -> None:
    dice = random.Random(seed)
    bins, total = Bins(), 0
    parts = []
    for _ in range(30):
        scale = 10 ** dice.uniform(-6, 9)
        middle = dice.uniform(-1, 1) * scale
        values = np.array([dice.gauss(middle, scale) for _ in range(dice.randint(0, 40))])
        bins.add(values)
        parts.append(values)
        total += len(values)
    assert bins.counts is not None and len(bins.counts) == CELLS
    whole = np.concatenate(parts)
    edges = (bins.first + np.arange(CELLS + 1)) * bins.width
    assert bins.counts.tolist() == np.histogram(whole, edges)[0].tolist()
    assert sum(bins.shown()) == total and 1 <= len(bins.shown()) <= 24
