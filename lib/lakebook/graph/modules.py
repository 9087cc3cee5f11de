"""The team's own modules behind a step: those that it imports, and those that they import.

They stand beside the notebook, whose kernel looks there first, or in `lib/` of the checkout, beside
the package `lakebook`, which counts by its version, not by its code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .nodes import is_call

_LEFT_OUT = "lakebook"
_BY_NAME = ("import_module", "__import__", "run_module")


def module_files(
    places: Sequence[Path], imports: Iterable[str], *, bare_folders: bool = True
) -> tuple[Path, ...]:
    """Files in some places that a step's imports run, in order of their paths.

    `places` are folders in the order in which they are searched. `imports` are dotted names of
    modules or of names in them (`StepNode.imports`). An import inside a function counts too: it may
    run. `bare_folders`: a package may be a folder without an `__init__.py`.
    """
    found: set[Path] = set()
    todo = list(imports)
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen or name.split(".")[0] == _LEFT_OUT:
            continue
        seen.add(name)
        for place in _places_of(places, name.split(".")[0], bare_folders=bare_folders):
            for file, package in _files_of(place, name):
                if file not in found:
                    found.add(file)
                    todo.extend(_imported(file, package))
    return tuple(sorted(found))


def _places_of(places: Sequence[Path], top: str, *, bare_folders: bool) -> Iterable[Path]:
    """Where Python looks into a package: the first place that has it, as a module or with an
    `__init__.py`; if there is none, all that have a folder of its name."""
    first = next((one for one in places if any(_files_of(one, top))), None)
    if first is not None:
        return [first]
    return [one for one in places if (one / top).is_dir()] if bare_folders else []


def constants_in(tree: ast.AST) -> Iterator[str]:
    """The texts in some code, without those that document it."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in documents:
            continue
        if isinstance(node.value, str):
            yield node.value


def imported_text(call: ast.Call) -> str | None:
    """The module that a call imports by its name, where that is written out."""
    first = call.args[0] if call.args else None
    if not isinstance(first, ast.Constant) or not any(is_call(call, name) for name in _BY_NAME):
        return None
    is_whole = isinstance(first.value, str) and not first.value.startswith(".")
    return str(first.value) if is_whole else None


def texts_of(file: Path) -> tuple[str, ...]:
    """The texts in a module's code; none of one that does not parse."""
    try:
        return tuple(constants_in(ast.parse(file.read_text(encoding="utf-8"))))
    except (SyntaxError, UnicodeDecodeError):
        return ()


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
        elif isinstance(node, ast.Call) and (name := imported_text(node)) is not None:
            yield name
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(around if node.level else ()), *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
