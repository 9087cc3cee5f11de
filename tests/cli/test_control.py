"""What a message quotes gives the terminal no orders."""

from __future__ import annotations

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
