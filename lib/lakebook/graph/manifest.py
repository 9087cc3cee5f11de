"""dbt's manifest, cut down to what the graph and the lineage need, kept by the content of `dbt/`.

dbt itself is asked in `dbt`, and only when a file has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import GraphError, did_you_mean
from ..names import LAYERS, Dataset
from ..processes import Spawn, spawn_plain
from ..settings import Settings
from ..step.dbt_project import kept_folder, put_kept
from .dbt import ask_dbt

# Raise the number when `slim` or `slim_sql` keeps more.
_MODELS, _COMPILED = "models-3.json", "compiled-3.json"


_WORDS = ("description", "docs", "group", "meta", "tags", "access", "persist_docs")
"""Configuration that describes a model and decides nothing of its rows."""

_DBTS_OWN = ("dbt", "dbt_duckdb", "dbt_trino", "dbt_spark", "dbt_postgres")


@dataclass(frozen=True)
class Model:
    """One dbt model that makes a table: the dataset `gold.<name>`.

    `inputs` are datasets; an ephemeral model is no dataset but a part of the models that use it.
    `digest` stands for everything that decides the compiled SQL.
    """

    name: str
    fqn: tuple[str, ...]
    path: str
    inputs: tuple[Dataset, ...]
    columns: Mapping[str, Any]
    digest: str

    @property
    def dataset(self) -> Dataset:
        return Dataset("gold", self.name)


@dataclass(frozen=True)
class Manifest:
    """Models by name."""

    models: Mapping[str, Model]

    def select(self, selection: str, *, where: str) -> tuple[Model, ...]:
        """Models of a selection: names, folders or dotted ends of either, separated by spaces."""
        chosen: dict[str, Model] = {}
        for text in selection.split():
            parts = tuple(text.split("."))
            hits = [m for m in self.models.values() if _contains(m.fqn, parts)]
            if not hits:
                raise GraphError(
                    f"step.dbt({text!r}) selects no model{did_you_mean(parts[-1], self.models)}",
                    where=where,
                    fix="name a model or a folder under dbt/models",
                )
            chosen |= {model.name: model for model in hits}
        return tuple(chosen.values())


def load_manifest(settings: Settings, spawn: Spawn = spawn_plain) -> Manifest:
    """Ask dbt for its project, or recall it. Raises GraphError with dbt's own message."""
    if not _project(settings).is_file():
        return Manifest({})
    models = {}
    for entry in json.loads(_kept(settings, spawn, _MODELS)):
        inputs = tuple(Dataset.parse(name) for name in entry.pop("inputs"))
        model = Model(**{**entry, "fqn": tuple(entry["fqn"]), "inputs": inputs})
        models[model.name] = model
    return Manifest(models)


def is_kept(settings: Settings) -> bool:
    """Whether the project, as it stands, is recalled without asking dbt."""
    return not _project(settings).is_file() or _place(settings).is_file()


def compiled(settings: Settings, spawn: Spawn = spawn_plain) -> dict[str, Any]:
    """The project's compiled SQL: models, sources, seeds, and dbt's `problem` (empty: none)."""
    found: dict[str, Any] = json.loads(_kept(settings, spawn, _COMPILED))
    return found


def _kept(settings: Settings, spawn: Spawn, name: str) -> str:
    place = _place(settings)
    if not place.is_file():
        raw, problem = ask_dbt(settings, spawn)
        sql = {"problem": problem, **slim_sql(raw)}
        put_kept(place.with_name(_COMPILED), json.dumps(sql).encode())
        models = slim(raw, _variables(_project(settings)))
        put_kept(place, json.dumps(models).encode())  # last: it says that all is there
    return place.with_name(name).read_text(encoding="utf-8")


def _project(settings: Settings) -> Path:
    return settings.dbt / "dbt_project.yml"


def _place(settings: Settings) -> Path:
    return kept_folder(settings) / _MODELS


def _contains(fqn: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    size = len(parts)
    return any(fqn[at : at + size] == parts for at in range(len(fqn) - size + 1))


def _variables(project: Path) -> Any:
    """`vars` of the project: the manifest does not hold them."""
    import yaml  # type: ignore[import-untyped]

    return (yaml.safe_load(project.read_text(encoding="utf-8")) or {}).get("vars") or {}


def slim(raw: Mapping[str, Any], variables: Any) -> list[dict[str, Any]]:
    """What the graph needs of a manifest."""
    nodes = {**raw["nodes"], **raw["sources"]}
    return [
        {
            "name": node["name"],
            "fqn": node["fqn"],
            "path": node["original_file_path"],
            "inputs": sorted(_inputs(node, nodes)),
            "columns": {name: column.get("data_type") for name, column in node["columns"].items()},
            "digest": _digest(node, nodes, raw["macros"], variables),
        }
        for node in raw["nodes"].values()
        if node["resource_type"] == "model" and not _is_ephemeral(node)
    ]


def slim_sql(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What the lineage needs of a manifest: models with their SQL, and what else it may name."""
    nodes = raw["nodes"].values()
    return {
        "models": [
            {
                "name": node["name"],
                "relation": node["relation_name"],
                "sql": node["compiled_code"],
                "path": f"dbt/{node['original_file_path']}",
            }
            for node in nodes
            if node["resource_type"] == "model"
            and node.get("compiled_code")
            and node["relation_name"]
        ],
        "sources": [
            [source["relation_name"], source["source_name"], source["name"]]
            for source in raw["sources"].values()
        ],
        "seeds": [
            [node["relation_name"], node["original_file_path"]]
            for node in nodes
            if node["resource_type"] == "seed"
        ],
    }


def _is_ephemeral(node: Mapping[str, Any]) -> bool:
    return bool(node["resource_type"] == "model" and node["config"]["materialized"] == "ephemeral")


def _inputs(node: Mapping[str, Any], nodes: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for unique_id in node["depends_on"]["nodes"]:
        other = nodes[unique_id]
        if _is_ephemeral(other):
            found |= _inputs(other, nodes)
        elif other["resource_type"] == "source" and other["source_name"] in LAYERS:
            found.add(f"{other['source_name']}.{other['name']}")
        elif other["resource_type"] == "model":
            found.add(f"gold.{other['name']}")
    return found


def _digest(
    node: Mapping[str, Any], nodes: Mapping[str, Any], macros: Mapping[str, Any], variables: Any
) -> str:
    """SQL, configuration, the project's own macros, vars, seeds and ephemeral models."""
    own = sorted(_own_macros(node, macros))
    config = {k: v for k, v in node["config"].items() if k not in _WORDS}
    uses_variables = any("var(" in text for text in (node["raw_code"], *own))
    below = []
    for unique_id in node["depends_on"]["nodes"]:
        other = nodes[unique_id]
        if _is_ephemeral(other):
            below.append(_digest(other, nodes, macros, variables))
        elif other["resource_type"] == "seed":
            below.append(other["checksum"]["checksum"])
    text = json.dumps(
        [node["raw_code"], own, config, variables if uses_variables else None, sorted(below)],
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _own_macros(node: Mapping[str, Any], macros: Mapping[str, Any]) -> list[str]:
    """Texts of the macros that a node uses, directly or not, without dbt's: its version counts."""
    own: list[str] = []
    todo: list[str] = list(node["depends_on"]["macros"])
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen or name not in macros:
            continue
        seen.add(name)
        macro = macros[name]
        if macro["package_name"] not in _DBTS_OWN:
            own.append(macro["macro_sql"])
        todo.extend(macro["depends_on"]["macros"])
    return own
