"""Models that dbt refuses to parse for what Lakebook would refuse them for: by our own sentence.

With enforced contracts, dbt stops at an incremental or Python model, and advises what leads on to
the next refusal. Which model it is, its files say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import GraphError
from ..step.dbt_nodes import Node

_ABOUT = re.compile(r"materialized as incremental|found 'python'|on_schema_change", re.IGNORECASE)
_INCREMENTAL = re.compile(r"\bmaterialized\s*[=:]\s*['\"]?incremental\b")
_COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)
_PYTHON = re.compile(r"^def\s+model\s*\(", re.MULTILINE)


def refused_model(dbt: Path, words: str) -> GraphError | None:
    """The error of the first model that is not run, where dbt's words are about such a one."""
    if not _ABOUT.search(words):
        return None
    for node in _not_run(dbt):
        try:
            node.check()
        except GraphError as refused:
            return refused
    return None


def _not_run(dbt: Path) -> Iterator[Node]:
    for path in sorted((*dbt.rglob("*.sql"), *dbt.rglob("*.py"))):
        inside = path.relative_to(dbt)
        if {"target", "dbt_packages", "macros", "tests"} & set(inside.parts):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        about = {
            "id": path.stem,
            "kind": "model",
            "name": path.stem,
            "fqn": (),
            "path": str(inside),
        }
        if path.suffix == ".py" and _PYTHON.search(text):
            yield Node(**about, language="python")  # type: ignore[arg-type]
        elif path.suffix == ".sql" and _INCREMENTAL.search(_COMMENT.sub("", text)):
            yield Node(**about, materialized="incremental")  # type: ignore[arg-type]
