"""The dbt project as compiled SQL, for the pass that follows columns."""

from __future__ import annotations

from ..errors import ContractError
from ..graph.manifest import compiled
from ..names import LAYERS, Dataset
from ..processes import Spawn
from ..settings import Settings
from .job import DbtProject, Model, Relation


def load_project(settings: Settings, spawn: Spawn) -> DbtProject:
    """What dbt compiled, kept by content. Raises ContractError with dbt's message."""
    raw = compiled(settings, spawn)
    if raw["problem"]:
        raise ContractError(f"dbt cannot compile its project: {raw['problem']}", where="dbt")
    sources = [
        Relation(relation, dataset=Dataset(layer, name))
        for relation, layer, name in raw["sources"]
        if layer in LAYERS
    ]
    seeds = [Relation(relation, seed=settings.dbt / path) for relation, path in raw["seeds"]]
    return DbtProject(tuple(Model(**entry) for entry in raw["models"]), tuple(sources + seeds))
