"""Makes what the tests of delta/ share importable here, and in the processes that are watched."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
SHARED = [str(TESTS / "delta"), str(TESTS)]
sys.path.insert(0, SHARED[0])
os.environ["PYTHONPATH"] = os.pathsep.join([*SHARED, *filter(None, [os.environ.get("PYTHONPATH")])])
