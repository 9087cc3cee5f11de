"""`lakebook query` prints what it is asked for, and holds no more rows than it must."""

from __future__ import annotations

import csv
import io
import json

from small_checkout import Checkout

NUMBERS = "SELECT range AS n FROM range(25000)"


def test_csv_and_json_give_all_rows(checkout: Checkout):
    as_csv = checkout.lakebook("query", NUMBERS, "--format", "csv").stdout
    assert [int(row["n"]) for row in csv.DictReader(io.StringIO(as_csv))] == list(range(25000))
    as_json = checkout.lakebook("query", NUMBERS, "--format", "json").stdout
    assert [row["n"] for row in json.loads(as_json)] == list(range(25000))
    nothing = checkout.lakebook("query", NUMBERS + " WHERE range < 0", "--format", "json")
    assert json.loads(nothing.stdout) == []


def test_a_table_ends_at_its_limit_and_says_so(checkout: Checkout):
    done = checkout.lakebook("query", NUMBERS, "--limit", "3")
    assert done.stdout.split() == ["n", "0", "1", "2"]
    assert "there are more than 3 rows; raise --limit" in done.stderr
    assert "more" not in checkout.lakebook("query", NUMBERS, "--limit", "25000").stderr
