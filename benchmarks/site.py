"""The report site over many synthetic runs: build, build after one new run, search in a browser.

`python benchmarks/site.py --runs 10000` prints JSON. The search is timed in headless Chromium from
the key stroke to the drawn list, outputs included; without a browser that part is null.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
LAYERS = ("bronze", "silver", "gold")
STEPS = [f"{layer}.table_{n}" for layer in LAYERS for n in range(10)]
WORDS = """
begin flights delay weather airport carrier tail distance late early cancelled hour
"""


def write_run(runs: Path, number: int, began: datetime, random_: random.Random) -> None:
    """A run folder as a run leaves it: five cells, ten checks, one output; 3 in 100 failed."""
    step = STEPS[number % len(STEPS)]
    failed = random_.random() < 0.03
    run_id = f"{began:%Y%m%dT%H%M%S}-{step}-{number:06x}"
    rows = random_.randint(20_000, 30_000)
    code = [f"frame_{n} = step.read('bronze.table_{n}')\n" * 6 for n in range(5)]
    code[2] += f"# version {number // 700}\n"
    texts = [" ".join(random_.choices(WORDS.split(), k=60)) for _ in code]
    cells = [
        {
            "kind": "code",
            "number": n + 1,
            "tags": [],
            "status": "failed" if failed and n == 4 else "ok",
            "elapsed_s": random_.random(),
            "peak_rss_mb": 120.0 + n,
            "source": source,
            "source_html": f'<div class="highlight"><pre>{source}</pre></div>',
            "outputs": [
                {
                    "kind": "text",
                    "html": f"<pre>{texts[n]}</pre>",
                    "text": texts[n],
                }
            ],
        }
        for n, source in enumerate(code)
    ]
    checks = [
        {
            "dataset": step,
            "name": f"rule_{n}",
            "column": "a",
            "action": "warn",
            "success": n > 0 or random_.random() < 0.9,
            "unexpected": random_.randint(0, 9),
            "evaluated": rows,
            "reason": "A reason that somebody wrote down.",
        }
        for n in range(10)
    ]
    record: dict[str, Any] = {
        "run_id": run_id,
        "step": step,
        "env": "prod",
        "status": "failed" if failed else "ok",
        "began": began.isoformat(timespec="milliseconds"),
        "elapsed_s": 1 + random_.random() * 60,
        "start": began.date().isoformat(),
        "end": (began.date() + timedelta(days=1)).isoformat(),
        "error": f"ValueError: number {number} is not plausible" if failed else None,
        "error_cell": 5 if failed else None,
        "inputs": [{"dataset": "bronze.table_1", "version": number, "partitions": ["2013-01"]}],
        "outputs": [
            {
                "dataset": step,
                "version": number,
                "committed": ["2013-01"],
                "rows_audited": rows,
                "rows_published": rows - 5,
                "rows_quarantined": 5,
            }
        ],
        "checks": checks,
        "cells": [{"elapsed_s": cell["elapsed_s"]} for cell in cells],
        "peak_rss_mb": 180.0,
    }
    folder = runs / began.date().isoformat() / run_id
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "cells.json").write_text(json.dumps({"format": 1, "cells": cells}), encoding="utf-8")


def write_archive(runs: Path, count: int) -> None:
    """Runs over a year, so that a step has a few hundred."""
    random_ = random.Random(7)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        write_run(runs, number, first + timedelta(seconds=number * 31_000_000 // count), random_)


def build(root: Path) -> dict[str, float]:
    """One build in a process of its own, imports included in `wall_s` but not in `build_s`."""
    code = (
        "import json, sys; from pathlib import Path;"
        "from lakebook.settings import load_settings; from lakebook.site.build import build_site;"
        "built = build_site(load_settings(Path(sys.argv[1]), environ={}));"
        "import resource;"
        "print(json.dumps({'build_s': built.elapsed_s, 'pages': built.pages, 'peak_mb':"
        " resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True
    )
    return {**json.loads(done.stdout), "wall_s": time.perf_counter() - began}


def search_ms(site: Path) -> dict[str, float] | None:
    """Open the index and search for a word of the outputs; times in milliseconds."""
    try:
        from site_browser import Browser, find_chromium
    except ImportError:
        return None
    chromium = find_chromium()
    if chromium is None:
        return None
    with tempfile.TemporaryDirectory() as profile, Browser(chromium, Path(profile)) as browser:
        began = time.perf_counter()
        browser.open((site / "index.html").as_uri())
        opened = 1000 * (time.perf_counter() - began)
        first = _type(browser, "carrier weather", "document.body.dataset.words === 'ready'")
        again = _type(browser, "plausible", "true")
        drawn = float(browser.evaluate("document.body.dataset.searchMs"))
    return {"open_ms": opened, "first_ms": first, "again_ms": again, "draw_ms": drawn}


def _type(browser: Any, text: str, ready: str) -> float:
    browser.evaluate("document.getElementById('q').focus()")
    browser.evaluate("document.getElementById('q').value = ''")
    browser.evaluate("window.before = document.querySelector('#list tr')")
    began = time.perf_counter()
    browser.call("Input.insertText", text=text)
    browser.wait(f"{ready} && document.querySelector('#list tr') !== window.before")
    return 1000 * (time.perf_counter() - began)


def measure(runs: int) -> dict[str, Any]:
    work = Path(tempfile.mkdtemp(prefix="lakebook-site-"))
    try:
        (work / "lakebook.toml").write_text("")
        archive = work / ".lake" / "prod" / "runs"
        write_archive(archive, runs)
        first = build(work)
        write_run(archive, runs, datetime(2026, 12, 31, tzinfo=UTC), random.Random(8))
        one = build(work)
        nothing = build(work)
        site = work / ".lake" / "prod" / "site"
        size = sum(f.stat().st_size for f in site.rglob("*") if f.is_file())
        return {
            "runs": runs,
            "first": first,
            "one_new_run": one,
            "nothing_new": nothing,
            "search": search_ms(site),
            "site_mb": size / 1e6,
        }
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    print(json.dumps(measure(parser.parse_args().runs), indent=2))


if __name__ == "__main__":
    main()
