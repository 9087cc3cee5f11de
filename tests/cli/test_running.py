"""What a person sees of runs: counted, once, and nothing cut that is to be pasted."""

from __future__ import annotations

import re

import pytest
from small_checkout import COLUMNS, Checkout, rule

INTERVAL = ("--start", "2013-01-01", "--end", "2013-01-04")


def test_an_odd_lake_is_one_sentence(checkout: Checkout):
    (checkout.root / "file").write_text("")
    for lake in ("/proc/nothing", "file", "file/below"):
        done = checkout.lakebook("run", *INTERVAL, "--lake", lake)
        assert done.returncode == 1, (lake, done.stderr)
        assert "Traceback" not in done.stderr and "(--lake)" in done.stderr
        done = checkout.lakebook("query", "SELECT id FROM silver.events", "--lake", lake)
        assert done.returncode in (1, 2), (lake, done.stdout)
        assert "Traceback" not in done.stderr, done.stderr


def test_bad_numbers_and_names_are_usage_errors(checkout: Checkout):
    assert checkout.lakebook("run", *INTERVAL, "--jobs", "-1").returncode == 2
    done = checkout.lakebook("runs", "silver.event")
    assert done.returncode == 2 and "did you mean 'silver.events'?" in done.stderr
    done = checkout.lakebook("report", "open", "nope")
    assert done.returncode == 2 and "there is no run 'nope'" in done.stderr
    done = checkout.lakebook("lineage", "events")
    assert done.returncode == 2 and "'events' is not a dataset name" in done.stderr
    done = checkout.lakebook("new", "silver.more", "--reads", "silver.evens")
    assert done.returncode == 2 and "did you mean 'silver.events'?" in done.stderr
    assert not (checkout.root / "notebooks/silver/more.ipynb").exists()
    assert checkout.lakebook("runs", "silver.events").stdout.strip() == "no runs yet"


@pytest.mark.slow
def test_a_summary_says_each_thing_once(checkout: Checkout):
    warned = rule("small", "expect_column_values_to_be_between", "warn", column="id", max_value=0)
    checkout.contract("silver.events", COLUMNS, quality=warned)
    done = checkout.lakebook("run", *INTERVAL, "--every", "day")
    row = next(line for line in done.stdout.splitlines() if line.startswith("silver.events"))
    assert row.split()[2:4] == ["4", "1"], done.stdout  # rows, then one warning of three runs
    listed = checkout.lakebook("runs", COLUMNS="80").stdout
    assert len(re.findall(r"\d{8}T\d{6}-silver\.events-[0-9a-f]{6} +ok ", listed)) == 3, listed

    strict = rule("big", "expect_column_values_to_be_between", "fail", column="id", min_value=9)
    checkout.contract("silver.events", COLUMNS, quality=strict)
    done = checkout.lakebook("run", "silver.events", *INTERVAL)
    said = done.stdout + done.stderr
    assert said.count("rule 'big' does not hold") == 1, said
    assert "1 step: 1 failed" in said
