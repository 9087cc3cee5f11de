"""Makes what the tests of delta/ share importable here, and gives a dataset with three months."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

SHARED = str(Path(__file__).parents[1] / "delta")
sys.path.insert(0, SHARED)
os.environ["PYTHONPATH"] = os.pathsep.join(  # for the server that the workers are forked from
    [SHARED, str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
)

import delta_worker as w  # noqa: E402
from tiers.aged import Aged  # noqa: E402

from lakebook.intervals import Interval  # noqa: E402
from lakebook.names import Roots, TierTables, tier_tables  # noqa: E402

QUARTER = Interval.parse("2013-01-01", "2013-04-01")


@pytest.fixture
def tables(tmp_path: Path) -> TierTables:
    """Where `silver.events` is; nothing is written yet."""
    return tier_tables(Roots.at(tmp_path / "lake"), w.make_contract().dataset)


@pytest.fixture
def quarter(tables: TierTables) -> TierTables:
    """`silver.events` with January, February and March 2013 in hot."""
    w.write(tables.hot, w.make_contract(), QUARTER)
    return tables


@pytest.fixture
def aged(tmp_path: Path) -> Aged:
    """`silver.events` with the months of 2013 in hot; hot for 60 d, warm until 180 d."""
    return Aged.year(tmp_path)
