"""Whether the tables that are there follow from their contracts: what a run would refuse, said
before it.

Only logs are read, and of a table whose log has not moved and whose contract is the same not even
that: what was found is remembered, and nothing heavy is imported.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..contract.model import TableContract
from ..errors import ContractError, LakebookError
from ..files import replace_file
from ..graph import StepNode
from ..names import PROD, table_path
from ..settings import Settings
from .keys import own_code
from .model import Finding


def table_findings(settings: Settings, nodes: Iterable[StepNode]) -> tuple[Finding, ...]:
    """A finding for each table of some steps that plan, query and run refuse by its contract.

    Looks at this environment's own tables and at prod's as it reads them. Pins nothing.
    """
    tables = [table for node in nodes if node.contract for table in node.contract.tables]
    place = settings.state / "agreed" / f"{settings.env}.json"
    kept = _load(place)
    known, found = dict(kept), []
    for table in tables:
        state = _state(settings, table)
        if not state:
            continue  # there is no table
        name, key = str(table.dataset), _key(settings, table, state)
        if known.get(name, ("",))[0] != key:
            finding, is_final = _look(settings, table)
            known[name] = (key if is_final else "", finding)
        if (raw := known[name][1]) is not None:
            found.append(Finding(**raw))
    if known != kept:
        replace_file(place, json.dumps(known))
    return tuple(found)


def _look(settings: Settings, table: TableContract) -> tuple[dict[str, Any] | None, bool]:
    """The finding, and whether it may be remembered."""
    from ..step.agreed import check_agreed
    from ..step.view import look_at

    try:
        view = look_at(settings, table)
        check_agreed(settings, view.contract, view.own, view.prod)
    except ContractError as refused:
        return _finding(settings, table, refused, is_error=True), True
    except LakebookError as broken:  # a table that cannot be read is no fault of the contract
        return _finding(settings, table, broken, is_error=False), False
    return None, True


def _finding(
    settings: Settings, table: TableContract, said: LakebookError, *, is_error: bool
) -> dict[str, Any]:
    here = os.path.relpath(table.path)  # which is remembered, and may be read from elsewhere
    where = said.where
    if where.startswith(here):
        where = table.path.relative_to(settings.root).as_posix() + where.removeprefix(here)
    return {
        "step": str(table.dataset),
        "message": said.found,
        "notebook": where,
        "fix": said.fix,
        "is_error": is_error,
    }


def _key(settings: Settings, table: TableContract, state: list[Any]) -> str:
    columns = [(c.name, c.type, c.nullable, c.key_position, c.line) for c in table.columns]
    code = own_code(settings.lib)  # another Lakebook may see more
    about = repr((columns, table.write, table.time, str(table.path), state, code))
    return hashlib.sha256(about.encode()).hexdigest()


def _state(settings: Settings, table: TableContract) -> list[Any]:
    """How the logs of a dataset stand, and where its pin does; empty if there is no table."""
    envs = dict.fromkeys((settings.env, PROD))
    logs = [table_path(settings.lake, table.dataset, env=env) / "_delta_log" for env in envs]
    state = [one for log in logs if (one := _stands(log))]
    pins = settings.lake / settings.env / "pins" / f"{table.dataset}.json"
    return [*state, _stands(pins)] if state else []


def _stands(path: Path) -> tuple[str, int, int, str] | None:
    """A folder changes its time with every entry that comes into it."""
    try:
        found = path.stat()
        newest = max((one.name for one in path.iterdir()), default="") if path.is_dir() else ""
    except OSError:
        return None
    return str(path), found.st_ino, found.st_mtime_ns, newest


def _load(place: Path) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: tuple(one) for name, one in raw.items()}
