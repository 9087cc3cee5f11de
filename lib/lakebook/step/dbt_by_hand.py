"""dbt's own commands, typed in `dbt/`: models see the lake as it is, and nothing is published.

The database is in memory, and results are files that go with the process.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.lookup import readable_tables
from ..engines.duckdb_input import Input
from ..errors import LakebookError
from ..names import PROD, check_environment, environments_of
from ..settings import Settings, load_settings, own_env, person

if TYPE_CHECKING:
    from .dbt_plugin import Session


def session_by_hand() -> Session:
    """All that the lake has, of the checkout around the working directory."""
    from .dbt_plugin import Session

    folder = Path(tempfile.mkdtemp(prefix="lakebook-dbt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = load_settings(env=own_env(os.environ))
    # Through a mistyped name prod's rows would show; a lake that is not there yet has none.
    if environments_of(settings.lake) and settings.env not in (PROD, person()):
        check_environment(settings.lake, settings.env, where="LAKEBOOK_ENV")
    return Session(tuple(_inputs(settings)), folder)


def _inputs(settings: Settings) -> Iterator[Input]:
    """Every dataset; what lies in cold is left out, and said."""
    from .view import look_at

    found = readable_tables(settings)
    for broken in found.problems:
        print(f"left out: {broken.sentence}", file=sys.stderr)
    for contract in found.tables:
        try:
            view = look_at(settings, contract)
            names = [name for name in view.present if view.tier(name) != "cold"]
            files = view.paths(names)
        except LakebookError as problem:
            print(f"{contract.dataset} is left out: {problem.sentence}", file=sys.stderr)
            continue
        if len(names) < len(view.present):
            left = len(view.present) - len(names)
            print(f"{contract.dataset}: {left} partitions lie in cold", file=sys.stderr)
        yield Input(contract.dataset, files, view.contract.arrow_schema())
