"""The parts of a fingerprint that all partitions of a step share, under names that people know.

They are computed here, by the side that starts the run, and handed to the kernel.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..contract.fingerprint import DEFINITION, fingerprint_of
from ..graph import StepNode
from ..graph.files import may_name, named_files
from ..graph.modules import module_files, texts_of
from ..ingest.files import FileSource
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
    """Part name -> digest: code, library, engine, parameters, contract, models, definition, files,
    dbt tests.

    `definition`: 1 knows modules in `lib/` alone, and no files but sources; 2 knows no dbt tests,
    and no package without an `__init__.py`.
    """
    contract = node.contract
    tables = contract.tables if contract else ()
    engine = node.engine or settings.engine
    packages: tuple[str, ...] = _ENGINE_PACKAGES.get(engine, (engine, "narwhals"))
    if node.uses_sql and "duckdb" not in packages:
        packages = (*packages, "duckdb")
    if node.models:
        packages = (*packages, *_DBT_PACKAGES)
    lib = settings.root / "lib"
    places = (node.notebook.parent, lib) if definition >= 2 else (lib,)
    modules = module_files(places, node.imports, bare_folders=definition >= 3)
    own = {}
    if definition >= 2:
        own = {"definition": str(definition), **_files(settings, node, modules)}
    if definition >= 3 and node.tests_hash:
        own["dbt tests"] = node.tests_hash
    return {
        **own,
        "code": node.code_hash,
        "library": _library(lib, modules),
        "engine packages": digest([f"{name} {_version(name)}" for name in packages]),
        "parameters": digest(dict(parameters or {})),
        "contract": digest([fingerprint_of(table, definition) for table in tables]),
        "models": node.models_hash,
    }


def _files(settings: Settings, node: StepNode, modules: Iterable[Path]) -> dict[str, str]:
    """Content of the files that the step's code names, and that of its own modules; no part where
    it names none."""
    texts = list(node.texts)
    for module in modules:
        texts += filter(may_name, texts_of(module))
    files = named_files(node.notebook.parent, texts)
    found = {}
    for file in files:
        version = FileSource(
            f"file://{file}", settings
        ).version()  # remembered while it is the same
        found[os.path.relpath(file, settings.root)] = version.digest
    return {"files": digest(found)} if found else {}


def _library(lib: Path, modules: Iterable[Path]) -> str:
    """Content of the team's own modules that a step imports.

    Lakebook's own code counts by its version: a repair of a progress bar makes no data stale.
    """
    found = {
        os.path.relpath(file, lib): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in modules
    }
    return digest([_version("lakebook"), found])


@lru_cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
