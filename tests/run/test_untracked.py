"""What nobody tracks is said where people look: in the plan, in the record and in the report."""

from __future__ import annotations

import json
from pathlib import Path

from small_checkout import Checkout

HELPER = 'import os\n\n\ndef factor() -> int:\n    return int(os.environ.get("FACTOR", "1"))\n'
CELL = """import narwhals as nw
from scaling import factor
words = [open(name).read() for name in (f"{n}.txt" for n in ("a",))]
plain = open("table").read() + open("./table").read()
rows = step.read("bronze.events").select("id", "seen", nw.col("amount") * factor())"""
SAID = (
    "cell 3: open(name) (a file)",
    "cell 3: open('table') (a file, whose name has neither a / nor a point: write ./table)",
    "notebooks/silver/scaling.py, line 5: os.environ.get('FACTOR', '1') "
    "(the environment of the process)",
)


def test_the_plan_the_record_and_the_report_name_it(checkout: Checkout) -> None:
    beside = checkout.root / "notebooks" / "silver"
    (beside / "scaling.py").write_text(HELPER)
    (beside / "a.txt").write_text("a")
    (beside / "table").write_text("a")
    new = 'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)'
    checkout.notebook("silver.events", [new, CELL, "step.write(rows)"])
    days = ("--start", "2013-01-01", "--end", "2013-01-04")
    assert checkout.run()["silver.events"]["status"] == "ok"

    plan = checkout.lakebook("plan", *days)
    for said in SAID:
        assert f"silver.events not tracked: {said}" in plan.stdout
    assert "bronze.events not tracked" not in plan.stdout
    planned = json.loads(checkout.lakebook("plan", *days, "--json").stdout)
    assert {one["step"]: one["untracked"] for one in planned} == {
        "bronze.events": [],
        "silver.events": [*SAID],
    }

    (record,) = (checkout.root / ".lake/prod/runs").glob("*/*silver.events*/record.json")
    assert json.loads(record.read_text())["untracked"] == [*SAID]
    page = Path(checkout.root / ".lake/prod/site/runs" / f"{record.parent.name}.html").read_text()
    assert "Not tracked" in page and "cell 3: open(name) (a file)" in page
