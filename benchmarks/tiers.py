"""What tiers cost: planning, moves against `cp`, archives against gzip.

    python benchmarks/tiers.py move|plan [--repeat 5]
    python benchmarks/tiers.py cold --root CHECKOUT    (silver.flights of its lake is archived)

Prints JSON. Times are of the call inside the process, imports left out. Ways that are compared take
turns on the same disk, with the files in the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".cache" / "bench" / "tiers"
MB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("topic", choices=TOPICS)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--root", type=Path, default=ROOT)
    args = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    try:
        print(json.dumps(TOPICS[args.topic](args), indent=2))
    finally:
        shutil.rmtree(WORK, ignore_errors=True)


def timed(call: Callable[..., Any], *args: Any, **options: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = call(*args, **options)
    return time.perf_counter() - began, result


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- a move against cp ----------------------------------------------------------------------------

SHAPES = ((30, 8), (1, 256), (365, 1))  # files, MB each


def move(args: argparse.Namespace) -> dict[str, Any]:
    return {f"{files} x {mb} MB": _move(files, mb, args.repeat) for files, mb in SHAPES}


def _move(files: int, mb: int, repeat: int) -> dict[str, Any]:
    """Alternately: cp with fsync of the files, a move of their partitions, and a promotion back."""
    import numpy as np
    import polars as pl

    from lakebook import delta
    from lakebook.names import Roots, tier_tables
    from lakebook.tiers.move import move_to_warm
    from lakebook.tiers.promote import promote

    contract = daily_contract()
    tables = tier_tables(Roots.at(WORK / f"{files}-{mb}"), contract.dataset)
    rng = np.random.default_rng(1)
    days = [FIRST_DAY + i for i in range(files)]
    frames = [
        pl.DataFrame(
            {"day": np.full(mb * MB // 8, day), "k": rng.integers(0, 1 << 62, mb * MB // 8)}
        )
        for day in days
    ]
    write_days(tables.hot, contract, frames)
    del frames
    costs: dict[str, list[float]] = {"cp": [], "move": [], "promote": []}
    for turn in range(repeat + 1):  # the first warms imports, caches and the disk
        hot = delta.open_snapshot(tables.hot)
        copy_s = _cp([tables.hot / file.path for file in hot.files])
        move_s, moved = timed(move_to_warm, tables, contract, hot.partitions)
        assert len(moved.moved) == files, moved
        back_s, _ = timed(promote, tables, moved.moved)
        delta.vacuum(tables.hot, retention_s=0, now=time.time() + 1)
        delta.vacuum(tables.warm, retention_s=0, now=time.time() + 1)
        os.sync()
        say(f"{files} x {mb} MB: cp {copy_s:.3f} s, move {move_s:.3f} s, promote {back_s:.3f} s")
        if turn:
            for way, cost in zip(costs, (copy_s, move_s, back_s), strict=True):
                costs[way].append(cost)
    found = {way: statistics.median(seconds) for way, seconds in costs.items()}
    pairs = zip(costs["cp"], costs["move"], strict=True)
    return {
        **{f"{way}_s": round(seconds, 4) for way, seconds in found.items()},
        "mb": moved.size_bytes / 1e6,
        "speed_of_cp": round(statistics.median(cp / own for cp, own in pairs), 3),
    }


def _cp(paths: list[Path]) -> float:
    """`cp` of the partitions' folders, then `sync` of each file and folder: all of it durable."""
    target = WORK / "copies"
    target.mkdir()
    folders = sorted({path.parent for path in paths})
    made = [target, *(target / folder.name for folder in folders)]
    copies = [target / path.parent.name / path.name for path in paths]
    began = time.perf_counter()
    subprocess.run(["cp", "-r", *map(str, folders), str(target)], check=True)
    subprocess.run(["sync", *map(str, copies), *map(str, made)], check=True)
    took = time.perf_counter() - began
    assert len(list(target.glob("*/*"))) == len(paths)
    shutil.rmtree(target)
    return took


# --- planning -------------------------------------------------------------------------------------

DAYS, IN_PLACE, HOT_DAYS = 3_650, 2_650, 30


def plan(args: argparse.Namespace) -> dict[str, Any]:
    """Ten years of days, the older of which were moved to warm; a plan for some days later."""
    lake = WORK / "plan"
    contract = aged_table(lake, DAYS, IN_PLACE)
    small = WORK / "plan-small"
    aged_table(small, DAYS // 10, IN_PLACE // 10)
    found = {}
    for moving in (0, 10, 100, 900):
        found[f"{DAYS:,} partitions, {moving} to move"] = _plan(
            lake, contract, IN_PLACE, moving, args
        )
    name = f"{DAYS // 10} partitions, 10 to move"
    found[name] = _plan(small, contract, IN_PLACE // 10, 10, args)
    return found


def _plan(
    lake: Path, contract: Any, in_place: int, moving: int, args: argparse.Namespace
) -> dict[str, float]:
    from lakebook.tiers.plan import plan_tiers

    as_of = as_of_day(in_place + moving)
    times = []
    for _ in range(args.repeat + 1):  # the first pays for what is imported when it is needed
        seconds, made = timed(plan_tiers, settings_at(lake), [contract], as_of)
        assert len(made.actions) == moving, len(made.actions)
        times.append(seconds)
    say(f"{lake.name}, {moving} to move: {min(times):.3f} to {max(times):.3f} s")
    return {"first_s": round(times[0], 4), "s": round(statistics.median(times[1:]), 4)}


def settings_at(lake: Path) -> Any:
    from lakebook.settings import Settings

    return Settings(root=lake, lake=lake)


def as_of_day(ended: int) -> date:
    """The day by which so many of the first days have left hot."""
    return date(1970, 1, 1) + timedelta(days=FIRST_DAY + ended + HOT_DAYS)


def aged_table(lake: Path, days: int, in_place: int) -> Any:
    """Days in hot, a commit a quarter, of which the first were moved to warm; give the contract."""
    import numpy as np
    import polars as pl

    from lakebook import delta
    from lakebook.contract.model import TierPolicy
    from lakebook.names import tier_tables
    from lakebook.tiers.move import move_to_warm

    contract = replace(daily_contract(), tier=TierPolicy(hot_days=HOT_DAYS))
    tables = tier_tables(settings_at(lake).roots, contract.dataset)
    for first in range(0, days, 90):
        block = np.repeat(np.arange(first, min(first + 90, days)), 10)
        rows = pl.DataFrame({"day": FIRST_DAY + block, "k": np.arange(len(block))})
        write_days(tables.hot, contract, [rows])
    names = delta.open_snapshot(tables.hot).partitions[:in_place]
    for first in range(0, in_place, 300):
        move_to_warm(tables, contract, names[first : first + 300])
    assert len(delta.open_snapshot(tables.hot).placed("warm")) == in_place
    say(f"{days} days, {in_place} of them in warm")
    return contract


# --- cold -----------------------------------------------------------------------------------------


def cold(args: argparse.Namespace) -> dict[str, Any]:
    """All of silver.flights: its size in hot, in cold and by gzip; times to archive and restore."""
    from lakebook.contract.lookup import find_table
    from lakebook.delta import open_snapshot
    from lakebook.names import Dataset, tier_tables
    from lakebook.settings import load_settings
    from lakebook.tiers.cold.archive import archive
    from lakebook.tiers.cold.restore import restore

    settings = load_settings(args.root)
    contract = find_table(settings, Dataset("silver", "flights"))
    tables = tier_tables(settings.roots, contract.dataset)
    hot = open_snapshot(tables.hot)
    names = hot.partitions
    gzipped = _gzipped(hot)
    archive_s, archived = timed(archive, tables, contract, names)
    assert archived.moved == names, archived
    cold_bytes = sum(p.stat().st_size for p in tables.cold.rglob("*.parquet"))
    restore_s, restored = timed(restore, tables, contract, names)
    assert restored.moved == names, restored
    return {
        "rows": hot.rows,
        "partitions": len(names),
        "hot_bytes": sum(file.size_bytes for file in hot.files),
        "cold_bytes": cold_bytes,
        **gzipped,
        "archive_s": round(archive_s, 2),
        "restore_s": round(restore_s, 2),
    }


def _gzipped(hot: Any) -> dict[str, int]:
    """Bytes of the same rows as CSV, and by gzip -9: one CSV, a CSV a partition, the Parquet."""
    import gzip

    import polars as pl

    found = {"csv_bytes": 0, "csv_gz_each_bytes": 0, "parquet_gz_bytes": 0}
    whole = b""
    for files in hot.by_partition.values():
        paths = [hot.table / file.path for file in files]
        text = pl.read_parquet(paths, hive_partitioning=False).write_csv().encode()
        whole += text if not whole else text.split(b"\n", 1)[1]
        found["csv_gz_each_bytes"] += len(gzip.compress(text, 9))
        found["parquet_gz_bytes"] += sum(len(gzip.compress(p.read_bytes(), 9)) for p in paths)
    found["csv_bytes"] = len(whole)
    found["csv_gz_bytes"] = len(gzip.compress(whole, 9))
    return found


# --- shared ---------------------------------------------------------------------------------------

FIRST_DAY = 15_706  # 2013-01-01, in days since 1970


def daily_contract() -> Any:
    from lakebook.contract.model import Column, TableContract, TimeColumn
    from lakebook.names import Dataset

    return TableContract(
        dataset=Dataset("silver", "bench"),
        path=Path("bench.contract.yaml"),
        version="1",
        description="",
        columns=(Column("day", "date", nullable=False), Column("k", "int64", nullable=False)),
        write="replace",
        time=TimeColumn("day", "UTC", "day"),
    )


def write_days(table: Path, contract: Any, frames: list[Any]) -> None:
    """One commit of days; each frame has `day` as a number of days."""
    import polars as pl

    from lakebook import delta
    from lakebook.engines import get_engine

    noted = delta.ensure_table(table, contract)
    stage = delta.begin_stage(table, "bench")
    rows = pl.concat([frame.lazy() for frame in frames])
    rows = rows.with_columns(pl.col("day").cast(pl.Int32).cast(pl.Date))
    get_engine("polars").stage(rows, stage, contract, interval=None)
    inspection = delta.inspect(stage, contract)
    delta.commit_replace(
        table,
        stage=stage,
        inspection=inspection,
        partitions=inspection.partitions,
        noted=noted,
        fps={},
        metadata={},
    )


TOPICS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "move": move,
    "plan": plan,
    "cold": cold,
}

if __name__ == "__main__":
    main()
