"""The dbt project as compiled SQL, for the pass that follows columns."""

from __future__ import annotations

import contextlib

from ..errors import ContractError, GraphError
from ..graph.manifest import compiled, load_manifest
from ..processes import Spawn
from ..settings import Settings
from .job import DbtProject, Model, Relation


def load_project(settings: Settings, spawn: Spawn) -> DbtProject:
    """What dbt compiled, kept by content. Raises ContractError with dbt's message."""
    raw = compiled(settings, spawn)
    if raw["problem"]:
        raise ContractError(f"dbt cannot compile its project: {raw['problem']}", where="dbt")
    nodes = load_manifest(settings, spawn).nodes.by_id
    sources = []
    for relation, name in raw["sources"]:
        with contextlib.suppress(GraphError):  # a source that no step's models read
            sources.append(Relation(relation, dataset=nodes[name].dataset))
    seeds = [
        Relation(relation, seed=settings.dbt / path, types=types)
        for relation, path, types in raw["seeds"]
    ]
    return DbtProject(tuple(Model(**entry) for entry in raw["models"]), tuple(sources + seeds))
