"""Variables of the environment that dbt files ask for by `env_var("NAME")`; they decide rows too.

dbt's manifest does not say which it read, so their names are found in the text of the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import GraphError

_CALL = re.compile(
    r"\benv_var\s*\(\s*(?:(?P<quote>['\"])(?P<name>[^'\"]*)(?P=quote)\s*[,)]|(?P<other>[^)\n]*))"
)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_SECRET = "DBT_ENV_SECRET"
_SUFFIXES = (".sql", ".yml", ".yaml", ".py")


def ask_for_variables(files: Iterable[Path]) -> bool:
    """Whether any of these files may: a project that does not is spared a look for each model."""
    return any("env_var" in _text(path) for path in files)


def variables_digest(root: Path, files: Iterable[Path]) -> str:
    """Names and values of the variables that these files ask for, as one digest; "" for none.

    `root`: the checkout, for the place in an error.
    dbt keeps secrets (`DBT_ENV_SECRET…`) out of models, so they decide no result and are left out.
    Raises GraphError for a name that is not written out: nobody could see when it changes.
    """
    names = {name for path in files for name in _names(root, path)}
    if not names:
        return ""
    values = {name: os.environ.get(name) for name in names}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def files_that_decide(files: Sequence[Path], models: Sequence[Path]) -> list[Path]:
    """Of a project's files those whose variables can enter the rows of these models.

    Other models are left out, unless some model is ephemeral: that one is part of those that use
    it. All macros and all configuration count: rather too much is run than too little.
    """
    if any("ephemeral" in _text(path) for path in files):
        return list(files)
    return [path for path in files if path in models or not _is_model(path)]


def _is_model(path: Path) -> bool:
    return path.suffix in (".sql", ".py") and "{% macro" not in _text(path)


def _text(path: Path) -> str:
    if path.suffix not in _SUFFIXES:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _names(root: Path, path: Path) -> Iterator[str]:
    text = _text(path)
    if "env_var" not in text:
        return
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    for call in _CALL.finditer(text):
        name = call["name"]
        if name is None:
            line = text.count("\n", 0, call.start()) + 1
            raise GraphError(
                f"env_var({call['other'].strip()}) names a variable that is not written out",
                where=f"{path.relative_to(root).as_posix()}:{line}",
                fix='write env_var("NAME"); what it gives counts for what is stale',
            )
        if not name.startswith(_SECRET):
            yield name
