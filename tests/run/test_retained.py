"""What retention deleted is not made again by the steps below it, whatever else has changed."""

from __future__ import annotations

import json

from small_checkout import Checkout

from lakebook.delta import open_snapshot
from lakebook.graph import load_graph
from lakebook.intervals import Interval
from lakebook.names import Dataset, table_path
from lakebook.run.plan import Planner, StepPlan
from lakebook.settings import load_settings
from lakebook.tiers.retention import delete

BRONZE = Dataset.parse("bronze.events")
DAYS = Interval.parse("2013-01-01", "2013-01-04")


def silver(checkout: Checkout, *, before: int = 0, whole: bool = False) -> None:
    more = f", before={before}" if before else ", whole=True" if whole else ""
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            f'events = step.read("bronze.events"{more})',
            'step.write(events.select("id", "seen", "amount"))  # as before\nsecond = 2',
        ],
    )


def plans(checkout: Checkout, *, force: bool = False) -> dict[str, StepPlan]:
    settings = load_settings(checkout.root, environ={})
    graph = load_graph(settings)
    planner = Planner(settings, graph, DAYS, force=force)
    return {str(p.node.name): p for p in planner.plan(graph.order())}


def test_a_partition_whose_input_was_deleted_is_kept(checkout: Checkout) -> None:
    checkout.run()
    settings = load_settings(checkout.root, environ={})
    noted = open_snapshot(table_path(settings.lake, BRONZE))
    assert delete(settings, BRONZE, ["2013-01-02"], noted=noted).deleted == ("2013-01-02",)

    # By itself the deletion makes nothing stale.
    now = plans(checkout)
    assert [p.stale for p in now.values()] == [(), ()]
    assert now["bronze.events"].kept == {"2013-01-02": "retention deleted it"}
    why = "its input was deleted by retention (bronze.events)"
    assert now["silver.events"].kept == {"2013-01-02": why}

    silver(checkout)
    now = plans(checkout)["silver.events"]
    assert now.stale == ("2013-01-01", "2013-01-03") and "2013-01-02" in now.fresh
    silver(checkout, before=1)
    now = plans(checkout)["silver.events"]
    assert now.stale == ("2013-01-01",) and list(now.kept) == ["2013-01-02", "2013-01-03"]
    silver(checkout, whole=True)  # takes what there is
    assert plans(checkout)["silver.events"].stale == DAYS.partitions("day")

    silver(checkout)
    shown = checkout.lakebook("plan", "--start", "2013-01-01", "--end", "2013-01-04")
    assert f"silver.events keeps 2013-01-02: {why}" in shown.stdout
    told = checkout.lakebook(*("plan", "--json", "--start", "2013-01-01", "--end", "2013-01-04"))
    assert json.loads(told.stdout)[1]["kept"] == {"2013-01-02": why}
    done = checkout.run()["silver.events"]
    assert [one["interval"]["start"] for one in done["runs"]] == ["2013-01-01", "2013-01-03"]
    left = checkout.query("select id from silver.events order by id")
    assert [row["id"] for row in left] == [1, 3, 4]

    # Whoever asks gets back what the source still has, and what cannot be made again stays.
    forced = plans(checkout, force=True)
    assert forced["bronze.events"].stale == DAYS.partitions("day")
    assert list(forced["silver.events"].kept) == ["2013-01-02"]
