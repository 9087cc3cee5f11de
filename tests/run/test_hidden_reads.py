"""A read that the tree did not show is an error of the run, whoever makes it."""

from __future__ import annotations

import pytest
from small_checkout import Checkout

HELPER = """\
import __main__

def peek():
    return __main__.step.read("bronze.events")
"""
OPEN = """\
import sys
sys.path.insert(0, {folder!r})
from peeking import peek
from lakebook import Step
step = Step("silver.events", start=start, end=end)
"""


@pytest.mark.slow
def test_a_read_in_a_helper_that_the_graph_did_not_see_fails_the_run(checkout: Checkout) -> None:
    folder = checkout.root / "helpers"
    folder.mkdir()
    (folder / "peeking.py").write_text(HELPER)
    opening = OPEN.format(folder=str(folder))
    checkout.notebook("silver.events", [opening, "events = peek()", "step.write(events)"])
    done = checkout.lakebook("run", "--start", "2013-01-01", "--end", "2013-01-04")
    assert done.returncode == 2, done.stdout
    said = " ".join((done.stdout + done.stderr).split())
    assert "silver.events reads bronze.events, which the graph did not see" in said
    assert 'step.read("bronze.events")' in said
    assert checkout.query("SELECT count(*) AS n FROM bronze.events")[0]["n"] == 4
    assert not (checkout.root / ".lake/prod/hot/silver/events").exists()
