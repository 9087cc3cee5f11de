"""What a step's check depends on, as one digest: if it stands, so does what was found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from ..contract.model import TableContract
from ..graph import StepNode
from ..graph.modules import module_files
from ..graph.notebook import read_cells
from ..settings import Settings
from ..step.dbt_packages import package_files

_PACKAGES = ("polars", "narwhals", "duckdb", "pyarrow", "sqlglot")
_OURS = ("contract", "delta", "engines", "graph", "lineage", "step")
_SKIPPED = {"target", "logs", "dbt_packages", "__pycache__"}


def step_key(
    settings: Settings,
    node: StepNode,
    label: str,
    contracts: Iterable[TableContract],
    sources: Mapping[str, tuple[str, ...]],
) -> str:
    """Digest of a step's cells and their places, contracts around it, libraries and models.

    Parameters
    ----------
    contracts: of the step's outputs and of all tables that it reads.
    sources: headers and faults, see `SourceLook`.
    """
    digest = hashlib.sha256()
    for cell in read_cells(node.notebook, where=label):
        digest.update(repr((cell.number, sorted(cell.tags), cell.source)).encode())
    for table in sorted(contracts, key=lambda table: table.dataset):
        columns = [(c.name, c.type, c.nullable) for c in table.columns]
        digest.update(repr((str(table.dataset), columns, table.time)).encode())
    digest.update(repr((label, node.reads, node.sources, node.models)).encode())
    if sources:
        digest.update(repr(sorted(sources.items())).encode())
    digest.update(_library(node.notebook.parent, settings.root / "lib", node.imports).encode())
    digest.update(own_code(settings.lib).encode())
    if node.models:
        digest.update(dbt_digest(settings.dbt).encode())
    return digest.hexdigest()


@lru_cache
def folder_digest(folder: Path) -> str:
    """Digest of the files below a folder, without what dbt makes and hidden files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_file() and not _SKIPPED & set(inner.parts) and not path.name.startswith("."):
            digest.update(f"\0{inner.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


@lru_cache
def dbt_digest(dbt: Path) -> str:
    """Digest of a dbt project and of the packages that are installed in it."""
    digest = hashlib.sha256(folder_digest(dbt).encode())
    for path in package_files(dbt):
        digest.update(f"\0{path.relative_to(dbt).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _library(beside: Path, lib: Path, imports: Iterable[str]) -> str:
    """Content of the team's own modules that a step imports, and of those that they import."""
    return "\n".join(
        f"{os.path.relpath(file, lib)} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in module_files((beside, lib), imports)
    )


@lru_cache
def own_code(lib: Path) -> str:
    """Lakebook's own modules that compile, and the packages whose word is taken."""
    packages = [f"{name} {version(name)}" for name in _PACKAGES]
    return "\n".join(packages + [folder_digest(lib / name) for name in _OURS])
