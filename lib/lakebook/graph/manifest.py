"""dbt's manifest, cut down to what the graph needs and remembered by the content of `dbt/`.

dbt takes seconds to import, so it runs in a process of its own, and only when a file has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import GraphError, did_you_mean
from ..names import LAYERS, Dataset
from ..settings import Settings

_FORMAT = b"2"  # of what is remembered; raise it when `slim` keeps more
_SKIPPED = {"target", "logs", "dbt_packages", "__pycache__"}
_PARSE = """
import sys
from dbt.cli.main import dbtRunner
result = dbtRunner().invoke(sys.argv[1:])
if not result.success:
    print(result.exception or result.result, file=sys.stderr)
    sys.exit(1)
"""


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


def load_manifest(settings: Settings) -> Manifest:
    """Parse the dbt project, or recall it. Raises GraphError with dbt's own message."""
    project = settings.dbt / "dbt_project.yml"
    if not project.is_file():
        return Manifest({})
    key = _content_key(settings.dbt)
    cache = settings.state / "dbt" / f"{key}.json"
    if not cache.is_file():
        raw = _parse(settings, key)
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(slim(raw, _variables(project))), encoding="utf-8")
        part.replace(cache)
    models = {}
    for entry in json.loads(cache.read_text(encoding="utf-8")):
        inputs = tuple(Dataset.parse(name) for name in entry.pop("inputs"))
        model = Model(**{**entry, "fqn": tuple(entry["fqn"]), "inputs": inputs})
        models[model.name] = model
    return Manifest(models)


def _contains(fqn: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    size = len(parts)
    return any(fqn[at : at + size] == parts for at in range(len(fqn) - size + 1))


def _content_key(folder: Path) -> str:
    digest = hashlib.sha256(_FORMAT)
    for package in ("dbt-core", "dbt-duckdb", "lakebook"):
        digest.update(f"{package} {version(package)}".encode())
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_file() and not _SKIPPED & set(inner.parts) and not path.name.startswith("."):
            digest.update(f"\0{inner.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _parse(settings: Settings, key: str) -> dict[str, Any]:
    target = settings.state / "dbt" / f"parse-{key}-{os.getpid()}"
    command = [
        *(sys.executable, "-c", _PARSE, "--quiet", "parse"),
        *("--project-dir", str(settings.dbt), "--profiles-dir", str(settings.dbt)),
        *("--target-path", str(target), "--log-path", str(target)),
    ]
    environ = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).splitlines()
            words = " ".join(line.strip() for line in said if line.strip())
            raise GraphError(
                f"dbt cannot parse its project: {words[:400]}", where="dbt", fix="see dbt parse"
            )
        raw: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        return raw
    finally:
        shutil.rmtree(target, ignore_errors=True)


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
    config = {k: v for k, v in node["config"].items() if k in ("materialized", "vars", "contract")}
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
    """Texts of the macros that a node uses, directly or not, without dbt's."""
    own: list[str] = []
    todo: list[str] = list(node["depends_on"]["macros"])
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen or name not in macros:
            continue
        seen.add(name)
        macro = macros[name]
        if not macro["package_name"].startswith("dbt"):
            own.append(macro["macro_sql"])
        todo.extend(macro["depends_on"]["macros"])
    return own
