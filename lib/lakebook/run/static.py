"""The parts of a fingerprint that all partitions of a step share, under names that people know.

They are computed here, by the side that starts the run, and handed to the kernel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..contract.fingerprint import DEFINITION, fingerprint_of
from ..graph import StepNode
from ..graph.modules import module_files
from ..settings import Settings
from ..step.fingerprint import digest

_ENGINE_PACKAGES = {"polars": ("polars", "narwhals"), "spark": ("pyspark", "narwhals")}
_DBT_PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb")


def static_parts(
    settings: Settings,
    node: StepNode,
    parameters: Mapping[str, Any] | None = None,
    *,
    definition: int = DEFINITION,
) -> dict[str, str]:
    """Part name -> digest: code, library, engine, parameters, contract, models, definition."""
    contract = node.contract
    tables = contract.tables if contract else ()
    engine = node.engine or settings.engine
    packages: tuple[str, ...] = _ENGINE_PACKAGES.get(engine, (engine, "narwhals"))
    if node.uses_sql and "duckdb" not in packages:
        packages = (*packages, "duckdb")
    if node.models:
        packages = (*packages, *_DBT_PACKAGES)
    own = {} if definition == 1 else {"definition": str(definition)}
    return {
        **own,
        "code": node.code_hash,
        "library": _library(settings.root / "lib", node.imports),
        "engine packages": digest([f"{name} {_version(name)}" for name in packages]),
        "parameters": digest(dict(parameters or {})),
        "contract": digest([fingerprint_of(table, definition) for table in tables]),
        "models": node.models_hash,
    }


def _library(lib: Path, imports: Iterable[str]) -> str:
    """Content of the team's own modules that a step imports.

    Lakebook's own code counts by its version: a repair of a progress bar makes no data stale.
    """
    found = {
        str(file.relative_to(lib)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in module_files(lib, imports)
    }
    return digest([_version("lakebook"), found])


@lru_cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
