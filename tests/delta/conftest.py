"""Makes `delta_worker` importable; pytest's importlib mode leaves sys.path alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "events"
