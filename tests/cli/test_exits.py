"""A notebook that leaves early has ended well, if it has done what it promises."""

from __future__ import annotations

import pytest
from small_checkout import Checkout

OPEN = 'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)'
WRITE = 'step.write(step.read("bronze.events").select("id", "seen", "amount"))'


@pytest.mark.parametrize(
    "last", [(WRITE, "import sys; sys.exit(0)"), ("import sys; sys.exit()", WRITE)]
)
def test_what_is_written_before_the_end_counts(checkout: Checkout, last: tuple[str, str]) -> None:
    checkout.notebook("silver.events", [OPEN, *last, "1 / 0"])
    step = checkout.run()["silver.events"]
    if last[0] == WRITE:
        assert step["status"] == "ok", step
    else:
        assert step["status"] == "failed", step
        assert "ended without writing silver.events, which its contract promises" in step["error"]
