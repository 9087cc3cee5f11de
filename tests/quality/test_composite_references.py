"""Keys of several columns: a row whose key has no null should find it in the other table."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa
import pytest
import sampling

from lakebook.contract.model import Relationship, TimeColumn
from lakebook.names import Dataset
from lakebook.quality import FAILED_RULES, audit, flag

PLANE = Relationship(
    "carrier",
    Dataset("silver", "planes"),
    "owner",
    "quarantine",
    others=(("distance", "range"),),
)
MISSING = """
    select count(*) from flights f where carrier is not null and distance is not null
    and not exists (select 1 from planes p where p.owner = f.carrier and p.range = f.distance)
"""


def tables(salt: str) -> tuple[pa.Table, pa.Table]:
    """Flights of three days (the second has none) and the planes that they refer to."""
    draw = random.Random(sampling.seed(salt))
    carriers, distances = ["AA", "UA", "DL", None], [1, 2, 3, None]
    rows = [
        (n, draw.choice(carriers), draw.choice(distances), date(2013, 1, draw.choice([1, 3])))
        for n in range(60)
    ]
    flights = pa.table(
        {
            "id": pa.array([n for n, *_ in rows], pa.int64()),
            "carrier": pa.array([c for _, c, _, _ in rows], pa.string()),
            "distance": pa.array([d for _, _, d, _ in rows], pa.int64()),
            "flight_date": pa.array([day for *_, day in rows], pa.date32()),
        }
    )
    keys = [(draw.choice(carriers), draw.choice(distances)) for _ in range(8)]
    keys += keys  # a key that comes twice finds no row twice
    planes = pa.table(
        {
            "range": pa.array([d for _, d in keys], pa.int64()),
            "owner": pa.array([c for c, _ in keys], pa.string()),
            "seats": pa.array(range(16)),
        }
    )
    return flights, planes


@pytest.mark.parametrize("days", [(), ("2013-01-01", "2013-01-02", "2013-01-03")])
def test_rows_without_their_key_are_counted_and_set_aside(
    to_frame: Any, make_contract: Any, days: tuple[str, ...]
) -> None:
    flights, planes = tables("composite")
    (expected,) = duckdb.sql(MISSING).fetchone() or (0,)
    assert 0 < expected < flights.num_rows

    contract = replace(
        make_contract(relationships=(PLANE,)), time=TimeColumn("flight_date", "UTC", "day")
    )
    references = {PLANE.name: to_frame(planes)}
    result = audit(to_frame(flights), contract, references=references, partitions=days)
    (check,) = result.checks
    marked = flag(to_frame(flights), contract, result.broken(), references, partitions=days)
    flagged = marked.collect().to_arrow()

    assert (check.name, check.unexpected) == ("carrier_distance_in_planes", expected)
    assert flagged.num_rows - flagged[FAILED_RULES].null_count == expected
    assert flagged.column_names == [*flights.column_names, FAILED_RULES]
    assert set(check.sample[0]) == {"id", "carrier", "distance"}


def test_no_key_at_all_breaks_every_row_with_one(to_frame: Any, make_contract: Any) -> None:
    flights, planes = tables("composite")
    there = nw.from_native(flights).drop_nulls(["carrier", "distance"]).shape[0]
    contract = make_contract(relationships=(PLANE,))
    nothing = {PLANE.name: to_frame(planes.slice(0, 0))}

    assert audit(to_frame(flights), contract, references=nothing).checks[0].unexpected == there


def test_a_table_that_holds_all_keys_holds_the_reference(to_frame: Any, make_contract: Any) -> None:
    flights, _ = tables("composite")
    keys = flights.rename_columns(["id", "owner", "range", "flight_date"])
    contract = make_contract(relationships=(PLANE,))

    assert audit(to_frame(flights), contract, references={PLANE.name: to_frame(keys)}).success
