"""An appended dataset through the command line: due when its log holds more, and read below."""

from __future__ import annotations

import json
import os
from typing import Any

import journal_source
import pytest
from small_checkout import COLUMNS, POSITIVE, Checkout


@pytest.mark.slow
def test_a_log_is_appended_when_it_holds_more_and_flows_on(checkout: Checkout) -> None:
    root = checkout.root
    (root / "notebooks/bronze/events.ipynb").unlink()
    (root / "notebooks/bronze/events.contract.yaml").unlink()
    journal_source.install(root / "plugins")
    optional = COLUMNS.replace(", required: true", "")
    checkout.contract("bronze.orders", optional, write="append", quality=POSITIVE)
    checkout.notebook(
        "bronze.orders",
        [
            'from lakebook import Step\nstep = Step("bronze.orders")',
            'step.write(step.ingest("journal://orders"))',
        ],
        time=False,
    )
    checkout.contract("silver.events", optional)
    silver = root / "notebooks/silver/events.ipynb"
    silver.write_text(silver.read_text().replace("bronze.events", "bronze.orders"))
    path = os.pathsep.join([str(root / "plugins"), os.environ.get("PYTHONPATH", "")])

    def run(*args: str) -> dict[str, Any]:
        days = ("--start", "2013-01-01", "--end", "2013-01-04", "--json")
        done = checkout.lakebook("run", *days, *args, PYTHONPATH=path)
        assert done.returncode == 0, done.stdout + done.stderr
        return {step["step"]: step for step in json.loads(done.stdout)["steps"]}

    def record(*lines: str) -> None:
        with (root / "orders.journal").open("a") as file:
            file.writelines(f"[{line}]\n" for line in lines)

    record('1, "2013-01-01", 10', '2, "2013-01-02", -20')
    first = run()
    assert [step["status"] for step in first.values()] == ["ok", "ok"]
    assert {step["status"] for step in run().values()} == {"fresh"}
    assert run("--force")["bronze.orders"]["status"] == "fresh", "nothing is ever made again"
    checkout.environment("ana")
    assert run("bronze.orders", "--env", "ana")["bronze.orders"]["status"] == "fresh"
    record('3, "2013-01-03", 30')
    plan = checkout.lakebook(
        *("plan", "--start", "2013-01-01", "--end", "2013-01-04", "--explain"), PYTHONPATH=path
    )
    assert "journal://orders has 1 new" in plan.stdout, plan.stdout + plan.stderr
    second = run()
    assert second["bronze.orders"]["runs"][0]["outputs"][0]["rows_audited"] == 1
    assert second["silver.events"]["runs"][0]["outputs"][0]["committed"] == ["2013-01-03"]
    ids = checkout.query("SELECT id FROM silver.events ORDER BY id")
    assert [row["id"] for row in ids] == [1, 3]
    shown = checkout.lakebook("quarantine", "show", "bronze.orders", "--json", PYTHONPATH=path)
    assert [row["id"] for row in json.loads(shown.stdout)] == [2]
