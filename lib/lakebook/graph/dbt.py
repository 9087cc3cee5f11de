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
from pathlib import Path
from typing import Any

from ..errors import GraphError
from ..late import put_off_iri_grammar
from ..processes import Spawn
from ..settings import Settings
from ..step.dbt_project import PARSED, kept_folder, put_kept, untracked_locks

_RAW, _PROBLEM = "manifest.json", "problem.txt"
_QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


def ask_dbt(settings: Settings, spawn: Spawn) -> tuple[dict[str, Any], str]:
    """dbt's manifest with compiled SQL, and why it is not compiled (empty: it is).

    Raises GraphError with dbt's own words when the project does not parse.
    """
    home = settings.state / "dbt"
    home.mkdir(parents=True, exist_ok=True)
    key = kept_folder(settings)  # of the files as they are before dbt reads them
    target = Path(tempfile.mkdtemp(prefix=f"compile-{os.getpid()}-", dir=home))
    log = target / "process.log"
    try:
        process = spawn(
            f"{__name__}:compile_project",
            [str(settings.dbt), str(target)],
            cwd=settings.root,
            log=log,
            environ=_QUIET,
        )
        try:
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
        raw, problem = target / _RAW, target / _PROBLEM
        words = _words(problem if problem.is_file() else log)
        if not raw.is_file():
            raise GraphError(
                f"dbt cannot parse its project: {words[:400]}", where="dbt", fix="see dbt parse"
            )
        if (target / PARSED).is_file():
            put_kept(key / PARSED, (target / PARSED).read_bytes())
        failed = problem.is_file() or process.poll() != 0
        return json.loads(raw.read_text(encoding="utf-8")), words if failed else ""
    finally:
        shutil.rmtree(target, ignore_errors=True)


def compile_project(folder: str, target: str) -> None:
    """The process: dbt writes manifest and parsed project below `target`."""
    gc.disable()  # it ends soon, and parsing makes many objects that stay
    put_off_iri_grammar()
    from dbt.cli.main import dbtRunner

    command = [
        # Compiling reads no table and opens no lake: relations are not looked up.
        *("--quiet", "--no-use-colors", "compile", "--no-introspect", "--no-populate-cache"),
        *("--project-dir", folder, "--profiles-dir", folder),
        *("--target-path", target, "--log-path", target),
    ]
    with untracked_locks():
        result = dbtRunner().invoke(command)
    if result.success:
        return
    failed = [r.message for r in (getattr(result.result, "results", None) or []) if r.message]
    said = str(result.exception or " ".join(failed) or result.result)
    Path(target, _PROBLEM).write_text(said, encoding="utf-8")


def _words(path: Path) -> str:
    """A text on one line."""
    if not path.is_file():
        return "it gave no reason"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return " ".join(line.strip() for line in lines if line.strip())
