"""Fixtures of many tests: one small checkout with a source and two steps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_checkout import COLUMNS, LANDING, POSITIVE, Checkout


@pytest.fixture(scope="session")
def checkout_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for all: a warm parent serves one checkout, and starting it costs seconds."""
    return tmp_path_factory.mktemp("checkout")


@pytest.fixture
def checkout(checkout_root: Path) -> Checkout:
    """bronze.events lands a CSV by day; silver.events keeps what is positive."""
    for entry in checkout_root.iterdir():
        if entry.name == ".lakebook":
            continue  # of the warm parent
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    made = Checkout(checkout_root)
    (checkout_root / "lakebook.toml").write_text("[runtime]\nlinger_s = 20\n")
    made.source()
    made.contract("bronze.events", COLUMNS + LANDING)
    made.notebook(
        "bronze.events",
        [
            'from lakebook import Step\nstep = Step("bronze.events", start=start, end=end)',
            'step.write(step.ingest("file://events.csv"))',
        ],
    )
    made.contract("silver.events", COLUMNS, quality=POSITIVE)
    made.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'events = step.read("bronze.events")',
            'step.write(events.select("id", "seen", "amount"))',
        ],
    )
    return made
