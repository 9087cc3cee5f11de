"""One entry of a table's log: the actions of a commit, written whole and read only if whole.

An entry of Lakebook says in its first line how many actions it has, so that one which was cut
between two lines is known as damaged, and of which version it is, so that one which was put back
under another's name is. Entries of other programs are judged by what they have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import StorageError
from ..intervals import NULL, WHOLE
from . import tokens as token
from .disk import put_if_absent

COUNT = "actions"
"""Key of a commit's `commitInfo`: how many actions its entry has, that one among them."""

VERSION = "version"
"""Key of a commit's `commitInfo`: the version that it makes. Entries of before 2026-12 lack it."""

ENGINE = "lakebook"
_IDENTITY = "commit"  # key that delta-rs put in for Lakebook, before Lakebook wrote entries itself

Action = dict[str, Any]


def log_folder(table: Path) -> Path:
    return table / "_delta_log"


def commit_path(table: Path, version: int) -> Path:
    return log_folder(table) / f"{version:020}.json"


def write_entry(
    table: Path,
    version: int,
    info: Mapping[str, Any],
    actions: Sequence[Action],
    *,
    last: Callable[[], None] = lambda: None,
) -> bool:
    """Publish a commit, whole and durable, unless the version is taken (False).

    Parameters
    ----------
    info: what the commit says about itself.
    last: raises what forbids the commit; called when only the publication itself is left.
    """
    own = {"engineInfo": ENGINE, COUNT: len(actions) + 1, VERSION: version}
    about = {"commitInfo": {**info, **own}}
    # Characters as they are: some readers take an escaped one beyond U+1FFFF for another.
    lines = [json.dumps(about, separators=(",", ":"))]
    lines += [json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in actions]
    text = "".join(f"{line}\n" for line in lines)
    return put_if_absent(commit_path(table, version), text.encode(), last=last)


def read_entry(table: Path, version: int) -> list[Action]:
    """The actions of a commit. Raises StorageError if it is damaged, FileNotFoundError."""
    content = commit_path(table, version).read_bytes()
    try:
        actions = _parsed(content)
        _check_whole(actions, content, version)
    except ValueError as broken:
        raise _damaged(table, version, str(broken)) from None
    return actions


def info_in(entry: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a commit says about itself, of its actions; empty if it says nothing."""
    return next((dict(action["commitInfo"]) for action in entry if "commitInfo" in action), {})


def is_durable(entry: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the entry was on the disk before anybody could see it: those of Lakebook are."""
    return COUNT in info_in(entry)


def _parsed(content: bytes) -> list[Action]:
    actions = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            action = json.loads(line)
        except ValueError as broken:
            raise ValueError(f"its line {number} cannot be read ({broken})") from None
        if not isinstance(action, dict):
            raise ValueError(f"its line {number} is no action")
        actions.append(action)
    if not actions:
        raise ValueError("it is empty")
    return actions


def _check_whole(actions: list[Action], content: bytes, version: int) -> None:
    """ValueError for an entry that ends before its end, or is another's."""
    info = info_in(actions)
    engine = str(info.get("engineInfo", ""))
    if COUNT in info:
        if len(actions) != info[COUNT]:
            raise ValueError(f"it has {len(actions)} of its {info[COUNT]} actions")
        if info.get(VERSION, version) != version:
            raise ValueError(f"it is the entry of version {info[VERSION]}")
    elif engine == ENGINE:
        kinds = {kind for action in actions for kind in action}
        needed = {"metaData"} if info.get("operation") == "REPLACE TABLE" else _CREATION
        if not needed <= kinds:
            raise ValueError(f"it lacks {' and '.join(sorted(needed - kinds))}")
    elif _IDENTITY in info and engine.startswith("delta-rs"):
        if content.endswith(b"\n"):
            raise ValueError("it was cut at the end of a line")
        _check_fences(actions)
    elif engine.startswith("Apache-Spark") and not content.endswith(b"\n"):
        raise ValueError("its last line has no end")


_CREATION = {"protocol", "metaData"}


def _check_fences(actions: list[Action]) -> None:
    """Tokens came last: a commit that moves files of a partition raised its fence."""
    raised = {
        tuple(sorted(action["txn"]["appId"].removeprefix(_FENCE).split("/")))
        for action in actions
        if action.get("txn", {}).get("appId", "").startswith(_FENCE)
    }
    for action in actions:
        file = action.get("add") or action.get("remove")
        if file is None:
            continue
        values = (file.get("partitionValues") or {}).values()
        named = tuple(sorted(NULL if v is None else str(v) for v in values)) or (WHOLE,)
        if named not in raised:
            raise ValueError(f"it changes {'/'.join(named)} and does not raise its fence")


_FENCE = token.fence("")


def _damaged(table: Path, version: int, what: str) -> StorageError:
    fix = "put it back from a copy of the lake"
    if not commit_path(table, version + 1).exists():
        fix += (
            "; without one, delete this file: the table is then as before this commit, and the "
            "next run makes again what it lacks"
        )
    return StorageError(
        f"damaged log entry of version {version}: {what}",
        where=str(commit_path(table, version)),
        fix=fix,
    )
