"""What a step's result depends on that no fingerprint has, in words for plan and report."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from ..graph import StepNode
from ..graph.files import may_name, named_files
from ..graph.modules import module_files
from ..graph.step_node import Call
from ..settings import Settings


def untracked(settings: Settings, node: StepNode) -> tuple[str, ...]:
    """Calls of the notebook and of the team's modules behind it, each with its place."""
    folder = node.notebook.parent
    found = [
        _words(call, f"cell {cell}")
        for cell, call in node.untracked
        if not _is_tracked(call, folder)
    ]
    for module in module_files((folder, settings.root / "lib"), node.imports):
        place = os.path.relpath(module, settings.root)
        calls = _calls_of(module)
        found += [
            _words(call, f"{place}, line {call.line}")
            for call in calls
            if not _is_tracked(call, folder)
        ]
    return tuple(found)


def _is_tracked(call: Call, folder: Path) -> bool:
    """Whether files stand at all the paths of a call: then they are a part of the fingerprint."""
    return bool(call.paths) and all(
        may_name(path) and named_files(folder, [path]) for path in call.paths
    )


def _calls_of(module: Path) -> list[Call]:
    from ..graph.untracked import untracked_calls  # only where there are such modules

    try:
        tree = ast.parse(module.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return []  # the step that imports it says what is wrong
    (calls,) = untracked_calls([tree])
    return calls


def _words(call: Call, place: str) -> str:
    plain = [path for path in call.paths if not may_name(path)]
    missing = ""
    if call.what == "a file" and plain:
        missing = f", whose name has neither a / nor a point: write ./{plain[0]}"
    elif call.what == "a file" and call.paths:
        missing = f", and none stands at {', '.join(call.paths)}"
    return f"{place}: {call.text} ({call.what}{missing})"
