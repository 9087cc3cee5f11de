"""`make demo`: four days of runs in a lake of its own, to see what the reports look like.

The notebooks are the real ones, in a copy of the checkout in .cache/demo. Months are run one after
another; then somebody changes a step, and the next day somebody breaks one. All of it takes place
within minutes, so the archived runs are dated back to one day each before the site is built.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".cache" / "demo"
LAKEBOOK = Path(sys.executable).with_name("lakebook")
MONTHS = ("2013-01-01", "2013-02-01", "2013-03-01", "2013-04-01")


def main() -> None:
    prepare()
    run(3, MONTHS[0], MONTHS[1], "the first month arrives")
    run(2, MONTHS[1], MONTHS[2], "the second month arrives")
    edit("silver/flights", "raw = step.read(", drop_unknown_tails)
    edit("gold/airport_delay", 'title="Mean departure delay by day"', new_title)
    run(1, MONTHS[1], MONTHS[2], "silver.flights leaves out flights without a tail number")
    edit("silver/weather", '"wind_speed"', misspell)
    run(0, MONTHS[2], MONTHS[3], "the third month, and somebody misspells a column", fails=True)
    lakebook("datahub", "emit")
    lakebook("report", "build")
    site = WORK / ".lake" / "prod" / "site"
    print(f"\nLook at {shown(site / 'index.html')}")
    for what, page in places(site).items():
        print(f"  {what:<28} {shown(page)}")
    print(f"or: cd {shown(WORK)} && {LAKEBOOK} report serve")


def prepare() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in ("notebooks", "dbt"):
        ignore = shutil.ignore_patterns("target", "logs", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, WORK / name, ignore=ignore)
    text = (ROOT / "lakebook.toml").read_text(encoding="utf-8")
    (WORK / "lakebook.toml").write_text(text.replace("linger_s = 300", "linger_s = 30"), "utf-8")


def run(days_ago: int, start: str, end: str, what: str, *, fails: bool = False) -> None:
    """Run an interval, and date what it archived back by some days."""
    print(f"{days_ago} days ago: {what}", flush=True)
    before = set(folders())
    status = lakebook("run", "--start", start, "--end", end, check=False)
    if bool(status) != fails:
        sys.exit(f"the run of {start} ended with status {status}")
    for folder in sorted(set(folders()) - before):
        date_back(folder, days_ago)
    # Pages and proposals of the folders as they were dated before would be those of lost runs.
    for made in ("site", "outbox"):
        shutil.rmtree(WORK / ".lake" / "prod" / made, ignore_errors=True)


def lakebook(*args: str, check: bool = True) -> int:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LAKEBOOK_")}
    done = subprocess.run([LAKEBOOK, *args], cwd=WORK, env=environ, check=check)
    return done.returncode


def folders() -> list[Path]:
    return [p for p in (WORK / ".lake/prod/runs").glob("2*/*") if p.is_dir()]


def date_back(folder: Path, days: int) -> None:
    """Move a run's folder to an earlier day, its id and its record with it."""
    record: dict[str, Any] = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    began = datetime.fromisoformat(record["began"]) - timedelta(days=days)
    run_id = f"{began:%Y%m%dT%H%M%S}-{folder.name.split('-', 1)[1]}"
    target = folder.parents[1] / began.date().isoformat() / run_id
    if target == folder:
        return
    record |= {"began": began.isoformat(timespec="milliseconds"), "run_id": run_id}
    target.parent.mkdir(exist_ok=True)
    folder.rename(target)
    (target / "record.json").unlink()
    (target / "record.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def edit(step: str, marker: str, change: Callable[[str], str]) -> None:
    """Change the one code cell of a step's notebook that has a marker."""
    path = WORK / "notebooks" / f"{step}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [c for c in notebook["cells"] if marker in "".join(c["source"])]
    cell = next(c for c in cells if c["cell_type"] == "code")
    cell["source"] = change("".join(cell["source"])).splitlines(keepends=True)
    path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")


def drop_unknown_tails(source: str) -> str:
    old = 'raw = step.read("bronze.flights")'
    return source.replace(old, f'{old}.filter(~nw.col("tailnum").is_null())')


def new_title(source: str) -> str:
    return source.replace(
        "Mean departure delay by day", "Departure delay, mean of each day"
    ).replace("figsize=(8, 4)", "figsize=(8, 3)")


def misspell(source: str) -> str:
    return source.replace('"wind_speed"', '"wind_sped"', 1)


def places(site: Path) -> dict[str, Path]:
    """Pages worth a look, by what is on them."""
    found: dict[str, Path] = {}
    wanted = {
        "a run that failed": ("silver.weather", lambda r: r["status"] == "failed"),
        "a run with a quarantine": (
            "silver.airports",
            lambda r: any(o["rows_quarantined"] for o in r["outputs"]),
        ),
        "a difference": ("silver.flights", lambda r: True),
        "a good run with a plot": ("gold.airport_delay", lambda r: r["status"] == "ok"),
    }
    for what, (step, fits) in wanted.items():
        for folder in sorted(folders(), key=lambda p: p.name):
            record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
            differs = what != "a difference" or record["start"] == MONTHS[1]
            if record["step"] == step and fits(record) and differs:
                found[what] = site / "runs" / f"{folder.name}.html"
    found["a dataset"] = site / "datasets" / "silver.flights.html"
    return found


def shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    main()
