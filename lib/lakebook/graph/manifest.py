"""dbt's manifest, cut down to what the graph and the lineage need, kept by the content of `dbt/`.

dbt itself is asked in `dbt`, and only when a file has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..processes import Spawn, spawn_plain
from ..settings import Settings
from ..step.dbt_clock import asks_database, clock_of
from ..step.dbt_nodes import Node, read_nodes
from ..step.dbt_packages import package_variables
from ..step.dbt_project import kept_folder, project_files, put_kept
from ..step.dbt_selection import Chosen, Nodes
from .dbt import SEED_TYPES, ask_dbt
from .dbt_digest import Digests

# Raise the number when `slim` or `slim_sql` keeps more.
_MODELS, _COMPILED = "models-5.json", "compiled-8.json"
_TUPLES = ("fqn", "parents", "relation", "constraints")
_ASKS = re.compile(r"\b(run_query|statement|load_relation|is_incremental|adapter\s*\.)")
_MATERIALIZATIONS = re.compile(r"\{%-?\s*materialization\b.*?endmaterialization", re.DOTALL)


@dataclass(frozen=True)
class Manifest:
    """The nodes of a project, and a digest of what decides the result of each model and test."""

    nodes: Nodes = field(default_factory=lambda: Nodes({}))
    digests: Mapping[str, str] = field(default_factory=dict)

    def choose(self, selection: str, *, where: str) -> Chosen:
        """What a selection, which stands at `where`, builds, tests and reads. Raises GraphError."""
        return self.nodes.choose(selection, where=where)


def load_manifest(settings: Settings, spawn: Spawn = spawn_plain) -> Manifest:
    """Ask dbt for its project, or recall it. Raises GraphError with dbt's own message."""
    if not _project(settings).is_file():
        return Manifest()
    place = _place(settings)
    if not place.is_file():
        _ask(settings, spawn)
    raw = json.loads(place.read_text(encoding="utf-8"))
    nodes = (
        Node(**{**entry, **{name: tuple(entry[name]) for name in _TUPLES}})
        for entry in raw["nodes"]
    )
    return Manifest(Nodes({node.id: node for node in nodes}), raw["digests"])


def is_kept(settings: Settings) -> bool:
    """Whether the project, as it stands, is recalled without asking dbt."""
    return not _project(settings).is_file() or _place(settings).is_file()


def compiled(settings: Settings, spawn: Spawn = spawn_plain) -> dict[str, Any]:
    """The project's compiled SQL: models, sources, seeds, and the `problem` of all ("": none)."""
    place = _place(settings).with_name(_compiled_name(settings))
    if not place.is_file():
        _ask(settings, spawn)
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return found


def _ask(settings: Settings, spawn: Spawn) -> None:
    place, name = _place(settings), _compiled_name(settings)  # of the files as dbt will read them
    raw, problems = ask_dbt(settings, spawn)
    put_kept(place.with_name(name), json.dumps(slim_sql(raw, problems)).encode())
    put_kept(place, json.dumps(slim(raw, _variables(settings))).encode())  # last: all is there


def _compiled_name(settings: Settings) -> str:
    """Where macros ask the database for columns, SQL is compiled against the contracts."""
    files = [path for path in project_files(settings) if path.suffix == ".sql"]
    if not any(_ASKS.search(_MATERIALIZATIONS.sub("", _text(path))) for path in files):
        return _COMPILED
    digest = hashlib.sha256()
    for path in sorted(settings.notebooks.glob("*/*.contract.yaml")):
        digest.update(path.read_bytes() + b"\0")
    return f"{digest.hexdigest()[:16]}-{_COMPILED}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _project(settings: Settings) -> Path:
    return settings.dbt / "dbt_project.yml"


def _place(settings: Settings) -> Path:
    return kept_folder(settings) / _MODELS


def _variables(settings: Settings) -> Any:
    """`vars` of the project and of its packages: the manifest does not hold them."""
    import yaml  # type: ignore[import-untyped]

    raw = yaml.safe_load(_project(settings).read_text(encoding="utf-8")) or {}
    own, of_packages = raw.get("vars") or {}, package_variables(settings.dbt)
    return [own, of_packages] if of_packages else own


def slim(raw: Mapping[str, Any], variables: Any) -> dict[str, Any]:
    """What the graph needs of a manifest."""
    digests = Digests(raw, variables)
    return {
        "nodes": [asdict(node) for node in read_nodes(raw).values()],
        "digests": {**digests.models(), **digests.tests()},
    }


def slim_sql(raw: Mapping[str, Any], problems: Mapping[str, str]) -> dict[str, Any]:
    """What the lineage needs of a manifest: models with their SQL, and what else it may name."""
    nodes, named = raw["nodes"].values(), read_nodes(raw)
    return {
        "problem": problems.get("", ""),
        "models": [
            {
                "name": named[node["unique_id"]].name,
                "relation": node["relation_name"],
                "sql": node.get("compiled_code") or "",
                "path": f"dbt/{node['original_file_path']}",
                "problem": problems.get(node["unique_id"], ""),
                "asks": asks_database(node, raw["macros"]),
                "clock": clock_of(node, raw["macros"]),
                "is_enforced": bool((node["config"].get("contract") or {}).get("enforced")),
            }
            for node in nodes
            if node["resource_type"] == "model" and node["relation_name"]
        ],
        "sources": [
            [source["relation_name"], source["unique_id"]] for source in raw["sources"].values()
        ],
        "seeds": [
            [
                node["relation_name"],
                node["original_file_path"],
                raw.get(SEED_TYPES, {}).get(node["unique_id"], {}),
            ]
            for node in nodes
            if node["resource_type"] == "seed"
        ],
    }
