"""`lakebook query` prints what it is asked for, and holds no more rows than it must."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
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


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{file}'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}'",
        "CREATE TABLE a AS SELECT 1",
        "ATTACH '{file}'",
    ],
)
def test_a_query_only_reads(checkout: Checkout, tmp_path: Path, sql: str):
    file = tmp_path / "out"
    done = checkout.lakebook("query", sql.format(file=file))
    assert done.returncode == 2 and "the query does more than read; write a SELECT" in done.stderr
    assert not file.exists()


def test_what_only_reads_is_more_than_select(checkout: Checkout):
    for sql in ("EXPLAIN SELECT 1", "DESCRIBE SELECT 1", "FROM range(2)"):
        assert checkout.lakebook("query", sql).stdout.strip()


def test_an_error_that_only_a_row_shows_is_one_sentence(checkout: Checkout):
    for output in ("table", "csv", "json"):
        done = checkout.lakebook("query", "SELECT 'x'::INT", "--format", output)
        assert (
            done.returncode == 2 and "error the query does not run: Conversion Error" in done.stderr
        )
        assert "Traceback" not in done.stderr


def test_json_has_null_for_what_is_no_number(checkout: Checkout):
    sql = "SELECT 'NaN'::DOUBLE a, {'b': ['-inf'::DOUBLE, 1.5]} c, 2.5 d"
    done = checkout.lakebook("query", sql, "--format", "json")
    parsed = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert parsed[0] == {"a": None, "c": {"b": [None, 1.5]}, "d": "2.5"}


def test_a_quarantine_is_shown_by_its_own_command(checkout: Checkout):
    done = checkout.lakebook("query", "SELECT * FROM silver.events__quarantine")
    assert "lakebook quarantine show silver.events" in done.stderr
    done = checkout.lakebook("new", "silver.events__quarantine")
    assert "is the name of a quarantine" in done.stderr
