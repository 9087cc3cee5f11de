"""Makes `delta_worker` importable; pytest's importlib mode leaves sys.path alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)
os.environ["PYTHONPATH"] = os.pathsep.join(  # for the server that the workers are forked from
    [HERE, *filter(None, [os.environ.get("PYTHONPATH")])]
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "events"
