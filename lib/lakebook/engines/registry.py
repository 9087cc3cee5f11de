"""Engines by name; an engine's library is imported when the engine is asked for."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import UserError, did_you_mean
from .base import Engine


def _polars() -> Engine:
    from .polars_engine import PolarsEngine

    return PolarsEngine()


def _duckdb() -> Engine:
    from .duckdb_engine import DuckDBEngine

    return DuckDBEngine()


ENGINES: dict[str, Callable[[], Engine]] = {"polars": _polars, "duckdb": _duckdb}


RUN_ENGINES = ("polars",)
"""Engines that can run a step; duckdb only compiles them."""


def check_run_engine(name: str, *, where: str = "") -> str:
    """The name of an engine that runs a step; UserError for another."""
    if name in RUN_ENGINES:
        return name
    if name in ENGINES:
        found = f"the engine {name!r} checks steps and writes no table"
    else:
        found = f"there is no engine {name!r}{did_you_mean(name, RUN_ENGINES)}"
    raise UserError(found, where=where, fix=f"use {', '.join(RUN_ENGINES)}, or leave engine out")


def get_engine(name: str) -> Engine:
    """The engine of this name; UserError if there is none."""
    if name not in ENGINES:
        raise UserError(
            f"there is no engine {name!r}{did_you_mean(name, ENGINES)}",
            fix=f"use one of {', '.join(ENGINES)}",
        )
    return ENGINES[name]()
