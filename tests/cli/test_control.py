"""What a message quotes gives the terminal no orders."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from rich.table import Table
from small_checkout import Checkout

from lakebook.cli.shared import console


def test_control_characters_are_shown_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    out = console(width=80)
    out.print("[bold]name[/] \x1b[2J\x1b]0;title\x07 and\ttab\r\x9b31m")
    table = Table("a\x1b[2J")
    table.add_row("b\x1b[2J")
    out.print(table)
    said = capsys.readouterr().out
    assert not set(said) & {"\x1b", "\x07", "\r", "\x9b"}
    assert r"name \x1b[2J\x1b]0;title\x07 and" in said
    assert said.count(r"\x1b[2J") == 3


def test_an_error_of_a_cell_is_brief_on_the_terminal(checkout: Checkout) -> None:
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'step.read("bronze.events")',
            "raise ValueError('\\x1b[31mred\\x1b[0m ' + 'x' * 3_000_000 + ' end')",
        ],
    )
    done = checkout.lakebook("run", "--start", "2013-01-01", "--end", "2013-01-02")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "\x1b" not in said
    assert "ValueError: red xxx" in said and "characters are in the notebook" in said
    assert len(said) < 10_000


def test_what_a_pipe_gets_is_read_line_by_line(checkout: Checkout) -> None:
    deep = "a" * 300
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}

    def said(*args: str) -> bytes:
        command = [sys.executable, "-m", "lakebook.cli.main", *args]
        done = subprocess.run(
            command, cwd=checkout.root, env=environ, capture_output=True, check=True
        )
        return done.stdout

    assert said("query", "select 1 as a union all select 22", "--format", "csv") == b"a\n1\n22\n"
    assert deep.encode() in said("query", f"select '{deep}' as a")
    (checkout.root / f"{deep[:200]}.csv").write_text("id,seen,amount\n")
    events = (checkout.root / "notebooks" / "bronze" / "events.ipynb").read_text()
    (checkout.root / "notebooks" / "bronze" / "events.ipynb").write_text(
        events.replace("events.csv", f"{deep[:200]}.csv")
    )
    assert f"file://{deep[:200]}.csv".encode() in said("graph")


def test_null_and_an_empty_text_look_different(checkout: Checkout) -> None:
    rows = checkout.lakebook("query", "select null as a, '' as b, '[b]c :bell:' as d").stdout
    assert rows.splitlines()[1].split() == ["null", "[b]c", ":bell:"]


def test_the_days_of_a_run_are_those_of_the_site(checkout: Checkout) -> None:
    checkout.run("bronze.events")
    assert "2013-01-01 – 2013-01-03" in checkout.lakebook("runs").stdout
