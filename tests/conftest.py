"""Fixtures of many tests: one small checkout with a source and two steps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_checkout import Checkout, small_checkout


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
    return small_checkout(checkout_root)
