"""The team's own modules behind a step: those that it imports, and those that they import.

They stand in `lib/` beside the package `lakebook`, which counts by its version, not by its code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

_LEFT_OUT = "lakebook"


def module_files(lib: Path, imports: Iterable[str]) -> tuple[Path, ...]:
    """Files under `lib` that a step's imports run, in order of their paths.

    `imports` are dotted names of modules or of names in them (`StepNode.imports`). An import inside
    a function counts too: it may run.
    """
    found: set[Path] = set()
    todo = list(imports)
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen or name.split(".")[0] == _LEFT_OUT:
            continue
        seen.add(name)
        for file, package in _files_of(lib, name):
            if file not in found:
                found.add(file)
                todo.extend(_imported(file, package))
    return tuple(sorted(found))


def _files_of(lib: Path, name: str) -> Iterator[tuple[Path, str]]:
    """The module of a dotted name and the packages around it, each with the package it is in."""
    parts = name.split(".")
    for size in range(1, len(parts) + 1):
        place = lib.joinpath(*parts[:size])
        if (init := place / "__init__.py").is_file():
            yield init, ".".join(parts[:size])
        elif (file := place.with_suffix(".py")).is_file():
            yield file, ".".join(parts[: size - 1])


def _imported(file: Path, package: str) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return  # the file itself counts; the step that imports it will say what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(around if node.level else ()), *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
