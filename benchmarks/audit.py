"""The audit against one hand-written Polars query and Great Expectations on pandas.

Each runs in a process of its own on the same Parquet file of synthetic flights and prints time and
peak memory; imports are not counted. `python benchmarks/audit.py --rows 10000000` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WAYS = ("query", "audit", "pandas")
CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX"]
ORIGINS = ["EWR", "JFK", "LGA"]


def write_flights(path: Path, rows: int, batch: int = 1_000_000) -> None:
    """Flights as in silver.flights: one row per flight, 2.5 % cancelled, unique `id`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(7)
    tails = np.array([f"N{n:05d}" for n in range(4000)])
    dests = np.array([chr(65 + i // 26) + chr(65 + i % 26) + "X" for i in range(105)])
    first = np.datetime64("2013-01-01T00:00:00", "us")
    writer = None
    for start in range(0, rows, batch):
        n = min(batch, rows - start)
        cancelled = random.random(n) < 0.025
        delay = random.gamma(1.0, 20.0, n) - 10.0
        table = pa.table(
            {
                "id": np.arange(start, start + n),
                "sched_dep_time": first + np.sort(random.integers(0, 365 * 86_400, n)) * 1_000_000,
                "carrier": pa.array(np.array(CARRIERS)[random.integers(0, len(CARRIERS), n)]),
                "flight": random.integers(1, 8500, n),
                "tailnum": pa.array(tails[random.integers(0, 4000, n)], mask=cancelled),
                "origin": pa.array(np.array(ORIGINS)[random.integers(0, 3, n)]),
                "dest": pa.array(dests[random.integers(0, len(dests), n)]),
                "dep_delay_min": pa.array(delay, mask=cancelled),
                "arr_delay_min": pa.array(delay + random.normal(0, 10, n), mask=cancelled),
                "distance_mi": random.integers(17, 4983, n),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


# Ten rules: name of the expectation and its arguments. All hold.
RULES: list[tuple[str, dict[str, Any]]] = [
    ("expect_table_row_count_to_be_between", {"min_value": 1}),
    ("expect_column_values_to_not_be_null", {"column": "carrier"}),
    ("expect_column_values_to_not_be_null", {"column": "tailnum", "mostly": 0.9}),
    ("expect_column_values_to_be_in_set", {"column": "origin", "value_set": ORIGINS}),
    ("expect_column_values_to_be_in_set", {"column": "carrier", "value_set": CARRIERS}),
    ("expect_column_values_to_match_regex", {"column": "tailnum", "regex": "^N[0-9]+$"}),
    (
        "expect_column_values_to_be_between",
        {"column": "distance_mi", "min_value": 1, "max_value": 10000},
    ),
    (
        "expect_column_values_to_be_between",
        {"column": "dep_delay_min", "min_value": -120, "max_value": 2880},
    ),
    ("expect_column_mean_to_be_between", {"column": "arr_delay_min", "max_value": 60}),
    ("expect_column_values_to_be_unique", {"column": "id"}),
]


def run_query(path: Path) -> bool:
    """What somebody would write by hand for the same ten verdicts."""
    import polars as pl

    c = pl.col
    began = clocks()
    row = (
        pl.scan_parquet(path)
        .select(
            rows=pl.len(),
            carrier_null=c("carrier").is_null().sum(),
            tailnum_null=c("tailnum").is_null().sum(),
            origin=(~c("origin").is_in(ORIGINS)).sum(),
            carrier=(~c("carrier").is_in(CARRIERS)).sum(),
            tailnum=(~c("tailnum").str.contains("^N[0-9]+$")).sum(),
            distance=(~c("distance_mi").is_between(1, 10000)).sum(),
            delay=(~c("dep_delay_min").is_between(-120, 2880)).sum(),
            arr=c("arr_delay_min").mean(),
            ids=c("id").n_unique(),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    ok = (
        row["rows"] >= 1
        and row["tailnum_null"] <= 0.1 * row["rows"]
        and row["arr"] <= 60
        and row["ids"] == row["rows"]
        and not any(row[k] for k in ("carrier_null", "origin", "carrier", "tailnum", "distance"))
        and not row["delay"]
    )
    report(began)
    return ok


def run_audit(path: Path) -> bool:
    import narwhals as nw
    import polars as pl

    from lakebook.contract.model import Column, Rule, TableContract
    from lakebook.contract.types import type_of
    from lakebook.names import Dataset
    from lakebook.quality import audit

    fields = pl.scan_parquet(path).head(0).collect().to_arrow().schema
    contract = TableContract(
        dataset=Dataset("silver", "flights"),
        path=Path("flights.contract.yaml"),
        version="1.0.0",
        description="",
        columns=tuple(Column(f.name, type_of(f.type) or "string") for f in fields),
        write="replace",
        rules=tuple(
            Rule(f"rule_{i}", name, kwargs, "fail", "row") for i, (name, kwargs) in enumerate(RULES)
        ),
    )
    # The first audit of a process imports Great Expectations and makes its context.
    audit(nw.from_native(pl.scan_parquet(path).head(10)), contract)
    began = clocks()
    result = audit(nw.from_native(pl.scan_parquet(path)), contract)
    report(began)
    return result.success


def run_pandas(path: Path) -> bool:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("flights")
    whole = asset.add_batch_definition_whole_dataframe("whole")
    suite = gx.ExpectationSuite(
        name="flights", expectations=[get_expectation_impl(n)(**kwargs) for n, kwargs in RULES]
    )
    began = clocks()
    frame = pd.read_parquet(path)
    result = whole.get_batch({"dataframe": frame}).validate(suite)
    report(began)
    return bool(result.success)


def clocks() -> tuple[float, float]:
    """Wall and processor time; the second compares also on a machine that others use."""
    return time.perf_counter(), time.process_time()


def report(began: tuple[float, float]) -> None:
    elapsed_s, cpu_s = (now - then for now, then in zip(clocks(), began, strict=True))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"elapsed_s": round(elapsed_s, 3), "cpu_s": round(cpu_s, 3)}
    print(json.dumps({**figures, "peak_rss_mb": round(peak_mb)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, action="append", help="only this one")
    parser.add_argument("--data", type=Path, help="keep the Parquet file here")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        ways = {"query": run_query, "audit": run_audit, "pandas": run_pandas}
        if not ways[args.child](args.data):
            sys.exit("a rule failed on data that keeps them all")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = args.data or Path(folder) / "flights.parquet"
        if not path.exists():
            write_flights(path, args.rows)
        found = {way: measure(way, path, args.repeat) for way in args.way or WAYS}
    if "query" in found and "audit" in found:
        for clock, name in (("elapsed_s", "times_query"), ("cpu_s", "times_query_cpu")):
            found["audit"][name] = round(found["audit"][clock] / found["query"][clock], 2)
    print(json.dumps({"rows": args.rows, "rules": len(RULES), "ways": found}, indent=2))


def measure(way: str, path: Path, repeat: int) -> dict[str, float]:
    """The best of some runs, each in a process of its own."""
    runs = []
    for _ in range(repeat):
        command = [sys.executable, __file__, "--child", way, "--data", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return min(runs, key=lambda run: run["elapsed_s"])


if __name__ == "__main__":
    main()
