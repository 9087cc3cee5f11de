"""The dbt project as compiled SQL, made by dbt itself in a process of its own.

dbt takes seconds, so what it made is kept by the content of the project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ..errors import ContractError
from ..names import LAYERS, Dataset
from ..settings import Settings
from .job import DbtProject, Model, Relation
from .keys import folder_digest

# Compiling reads no table and opens no lake: relations are not looked up.
_COMPILE = """
import json, sys
from dbt.cli.main import dbtRunner
result = dbtRunner().invoke(sys.argv[2:])
if not result.success:
    failed = [r.message for r in (getattr(result.result, "results", None) or []) if r.message]
    print(result.exception or " ".join(failed) or result.result, file=sys.stderr)
    sys.exit(1)
sql = {r.node.unique_id: r.node.compiled_code for r in result.result.results}
with open(sys.argv[1], "w") as file:
    json.dump(sql, file)
"""


class Compiling:
    """A dbt compile that is under way, or its kept result."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        key = f"{folder_digest(settings.dbt)}-{version('dbt-core')}-{version('dbt-duckdb')}"
        self._kept = settings.state / "compile" / f"dbt-{key}.json"
        self._process: subprocess.Popen[str] | None = None
        self._target = settings.state / "compile" / f"dbt-{os.getpid()}"
        if not self._kept.is_file():
            self._process = self._start()

    def result(self) -> DbtProject:
        """Wait for dbt. Raises ContractError with its message."""
        if self._process is not None:
            self._finish(self._process)
        return _project(json.loads(self._kept.read_text(encoding="utf-8")), self._settings)

    def _start(self) -> subprocess.Popen[str]:
        self._target.mkdir(parents=True, exist_ok=True)
        folder = str(self._settings.dbt)
        command = [
            *(sys.executable, "-c", _COMPILE, str(self._target / "sql.json")),
            *("--quiet", "compile", "--no-introspect", "--no-populate-cache"),
            *("--project-dir", folder, "--profiles-dir", folder),
            *("--target-path", str(self._target), "--log-path", str(self._target)),
        ]
        environ = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environ,
        )

    def _finish(self, process: subprocess.Popen[str]) -> None:
        import shutil

        said, _ = process.communicate()
        try:
            if process.returncode:
                lines = [line.strip() for line in said.splitlines() if line.strip()]
                raise ContractError(
                    f"dbt cannot compile its project: {' '.join(lines[-4:])}", where="dbt"
                )
            manifest = json.loads((self._target / "manifest.json").read_text(encoding="utf-8"))
            sql = json.loads((self._target / "sql.json").read_text(encoding="utf-8"))
            part = self._target / "kept.json"
            part.write_text(json.dumps(_slim(manifest, sql)), encoding="utf-8")
            part.replace(self._kept)
        finally:
            shutil.rmtree(self._target, ignore_errors=True)
        self._process = None


def _slim(manifest: Mapping[str, Any], sql: Mapping[str, str]) -> dict[str, Any]:
    nodes = {k: n for k, n in manifest["nodes"].items() if n["resource_type"] in ("model", "seed")}
    models = [
        {
            "name": node["name"],
            "relation": node["relation_name"],
            "sql": sql[unique],
            "path": f"dbt/{node['original_file_path']}",
        }
        for unique, node in nodes.items()
        if node["resource_type"] == "model" and unique in sql and node["relation_name"]
    ]
    return {
        "models": models,
        "sources": [
            [source["relation_name"], source["source_name"], source["name"]]
            for source in manifest["sources"].values()
        ],
        "seeds": [
            [node["relation_name"], node["original_file_path"]]
            for node in nodes.values()
            if node["resource_type"] == "seed"
        ],
    }


def _project(raw: Mapping[str, Any], settings: Settings) -> DbtProject:
    sources = [
        Relation(relation, dataset=Dataset(layer, name))
        for relation, layer, name in raw["sources"]
        if layer in LAYERS
    ]
    seeds = [Relation(relation, seed=settings.dbt / path) for relation, path in raw["seeds"]]
    return DbtProject(tuple(Model(**entry) for entry in raw["models"]), tuple(sources + seeds))
