"""The packages of a dbt project, as they are installed: their files decide what models compute.

One that `packages.yml` names by `local:` is a link to a folder that people edit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import GraphError

MADE_BY_DBT = {"target", "logs", "dbt_packages", "dbt_internal_packages", "__pycache__"}
_LISTS = ("packages.yml", "dependencies.yml")


def package_files(dbt: Path) -> list[Path]:
    """The files of all installed packages, by their paths below the project.

    Raises GraphError for a copy of a local package that is not as that package is now.
    """
    _check_copies(dbt)
    return [path for folder in _installed(dbt) for path in _files(folder)]


def package_variables(dbt: Path) -> dict[str, Any]:
    """Package -> its `vars`, of those that have some."""
    found = {}
    for folder in _installed(dbt):
        if variables := _yaml(folder / "dbt_project.yml").get("vars"):
            found[folder.name] = variables
    return found


def _installed(dbt: Path) -> list[Path]:
    named = _yaml(dbt / "dbt_project.yml", "packages-install-path").get("packages-install-path")
    place = dbt / (named or "dbt_packages")
    return sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(n for n in folders if n not in MADE_BY_DBT and n[0] != ".")
        yield from (Path(here, name) for name in sorted(names) if name[0] != ".")


def _check_copies(dbt: Path) -> None:
    """Where links cannot be made, dbt copies a local package, and would go on with the copy."""
    for listed in _LISTS:
        for entry in _yaml(dbt / listed, "local").get("packages") or ():
            local = entry.get("local") if isinstance(entry, Mapping) else None
            if not local:
                continue
            source = (dbt / str(local)).resolve()
            name = _yaml(source / "dbt_project.yml").get("name")
            copies = [folder for folder in _installed(dbt) if folder.name == name]
            for copy in copies:
                if copy.resolve() != source and _contents(copy) != _contents(source):
                    raise GraphError(
                        f"{copy.relative_to(dbt.parent)} is an old copy of {local}",
                        where=f"dbt/{listed}",
                        fix="run dbt deps in dbt/",
                    )


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in _files(folder)}


def _yaml(path: Path, word: str = "") -> Mapping[str, Any]:
    """A file's content; nothing without that word in it: parsing costs more than all the rest."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not text or word not in text:
        return {}
    import yaml  # type: ignore[import-untyped]

    found = yaml.safe_load(text)
    return found if isinstance(found, Mapping) else {}
