"""A table that no contract promises any more stops no command, and is named as left out."""

from __future__ import annotations

import pytest
from small_checkout import COLUMNS, Checkout


@pytest.mark.parametrize("command", [("compact",), ("status",), ("verify",)])
def test_a_table_whose_step_has_gone_is_named(checkout: Checkout, command: tuple[str]) -> None:
    checkout.run()
    clean = checkout.lakebook("tier", *command)
    assert "no contract promises" not in clean.stderr
    for ending in ("ipynb", "contract.yaml"):
        (checkout.root / "notebooks" / "silver" / f"events.{ending}").unlink()
    # A column of that name promises no table.
    checkout.contract("silver.other", COLUMNS.replace("amount", "events"))
    done = checkout.lakebook("tier", *command)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "no contract promises silver.events any more: left out" in said
    assert "__quarantine" not in said
    named = checkout.lakebook("tier", *command, "silver.events")
    assert named.returncode != 0 and "no contract promises silver.events" in named.stderr
