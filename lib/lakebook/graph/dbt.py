"""dbt asked for its project, once per content: parsed for the graph, compiled for the lineage.

dbt takes seconds to import, so it works in a process of its own. `manifest` reads what it says for
the graph, `lineage.dbt` the compiled SQL, and `step.dbt_project` goes on from the parsed manifest.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import GraphError, LakebookError, UserError
from ..late import put_off_iri_grammar
from ..processes import Spawn
from ..settings import Settings
from ..step.dbt_nodes import Node, read_nodes
from ..step.dbt_project import DbtProject, untracked_locks
from .dbt_refused import refused_model

_RAW, _PROBLEMS, _SEEDS = "manifest.json", "problems.json", "seeds.json"
_QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
SEED_TYPES = "lakebook_seed_types"
"""In a manifest of `ask_dbt`: the type of each column of each seed, by the ids of the seeds."""
_WHOLE = ""  # the key of a problem that is of the project, and of no node of it


def ask_dbt(settings: Settings, spawn: Spawn) -> tuple[dict[str, Any], dict[str, str]]:
    """dbt's manifest with compiled SQL, and why nodes are not compiled, by their ids ("": all).

    Raises GraphError with dbt's own words when the project does not parse.
    """
    home = settings.state / "dbt"
    home.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix=f"compile-{os.getpid()}-", dir=home))
    log = target / "process.log"
    try:
        process = spawn(
            f"{__name__}:compile_project",
            [str(settings.root), str(settings.lake), str(target)],
            cwd=settings.root,
            log=log,
            environ=_QUIET,
        )
        try:
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
        problems = _read(target / _PROBLEMS)
        if not (target / _RAW).is_file():
            words = problems.get(_WHOLE) or _words(log)
            if refused := refused_model(settings.dbt, words):
                raise refused
            raise GraphError(
                f"dbt cannot parse its project: {words[:400]}", where="dbt", fix="see dbt parse"
            )
        if process.poll() != 0 and not problems:
            problems = {_WHOLE: _words(log)}
        return _read(target / _RAW) | {SEED_TYPES: _read(target / _SEEDS)}, problems
    finally:
        shutil.rmtree(target, ignore_errors=True)


def compile_project(root: str, lake: str, target: str) -> None:
    """The process: the manifest and what could not be compiled go below `target`."""
    gc.disable()  # it ends soon, and parsing makes many objects that stay
    put_off_iri_grammar()
    settings, place = Settings(Path(root), Path(lake)), Path(target)
    try:
        problems = _compile(settings, place)
    except LakebookError as problem:
        problems = {_WHOLE: problem.sentence}
    if problems:
        (place / _PROBLEMS).write_text(json.dumps(problems), encoding="utf-8")


def _compile(settings: Settings, target: Path) -> dict[str, str]:
    from dbt.cli.main import dbtRunner
    from dbt.task.compile import CompileTask

    from ..step.dbt_plugin import open_session

    # dbt would end with the first model that cannot be compiled; the others are of other steps.
    CompileTask.raise_on_first_error = lambda self: False  # type: ignore[method-assign]

    manifest = DbtProject(settings, target).parse()
    nodes = read_nodes(manifest)
    seeds = dict(_seed_types(settings, manifest, nodes))
    (target / _SEEDS).write_text(json.dumps(seeds), encoding="utf-8")
    tables = list(_empty_tables(settings, nodes, seeds))
    folder = str(settings.dbt)
    command = [
        *("--quiet", "--no-use-colors", "compile"),
        *("--project-dir", folder, "--profiles-dir", folder),
        *("--target-path", str(target), "--log-path", str(target)),
    ]
    # No table of the lake is read: macros that ask the database see the contracts' columns.
    with open_session((), target, tables), untracked_locks():
        result = dbtRunner(manifest=manifest).invoke(command)
    if result.success:
        return {}
    results = getattr(result.result, "results", None) or []
    failed = [r for r in results if r.message and str(r.status) == "error"]
    if not failed:
        return {_WHOLE: _line(str(result.exception or result.result))}
    return {r.node.unique_id: _line(r.message) for r in failed}


def _seed_types(
    settings: Settings, manifest: Any, nodes: dict[str, Node]
) -> Iterator[tuple[str, dict[str, str]]]:
    """The columns of each seed with the types that dbt gives them when it loads the file."""
    from dbt.adapters.duckdb.impl import DuckDBAdapter
    from dbt_common.clients.agate_helper import from_csv

    for node in nodes.values():
        if node.kind != "seed":
            continue
        config = manifest.nodes[node.id].config
        given = dict(config.column_types or {})
        try:
            table = from_csv(settings.dbt / node.path, list(given), config.delimiter)
        except Exception:  # a run says what is wrong with the file, in dbt's words
            continue
        yield (
            node.id,
            {
                name: given.get(name) or DuckDBAdapter.convert_agate_type(table, at) or "text"
                for at, name in enumerate(table.column_names)
            },
        )


def _empty_tables(
    settings: Settings, nodes: dict[str, Node], seeds: dict[str, dict[str, str]]
) -> Iterator[str]:
    """SQL for a table without rows for everything that models may read."""
    from ..contract.lookup import find_table
    from ..engines.duckdb_input import Input, quoted

    for schema in sorted({node.relation[0] for node in nodes.values() if node.relation[0]}):
        yield f"create schema if not exists {quoted(schema)}"
    for node in nodes.values():
        if node.kind == "seed":
            columns = ", ".join(f"{quoted(n)} {t}" for n, t in seeds.get(node.id, {}).items())
            if columns:
                yield f"create table {quoted(*node.relation)} ({columns})"
        elif node.kind in ("model", "source") and not node.is_ephemeral:
            try:
                contract = find_table(settings, node.dataset)
            except UserError:
                continue  # a model that no step builds, or that is refused where one does
            each = Input(node.dataset, [], contract.arrow_schema(), place=node.relation)
            yield each.empty_table_sql().replace("create table", "create table if not exists", 1)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _words(path: Path) -> str:
    """A log on one line."""
    if not path.is_file():
        return "it gave no reason"
    return _line(path.read_text(encoding="utf-8", errors="replace")) or "it gave no reason"


def _line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())
