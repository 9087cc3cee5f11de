"""What computes: one small protocol, and an engine by name."""

from __future__ import annotations

from .base import Engine, StageFiles
from .registry import ENGINES, check_run_engine, get_engine

__all__ = ["ENGINES", "Engine", "StageFiles", "check_run_engine", "get_engine"]
