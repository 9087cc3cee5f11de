"""`step.sql` in a real run: a SELECT's datasets as this run reads them, given to the engine."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.duckdb_input import Input, time_filter
from ..engines.duckdb_sql import SqlQuery
from ..processes import is_alive
from ..settings import Settings
from .hidden import hidden_in_sql

if TYPE_CHECKING:
    import narwhals as nw

    from .context import ReadRequest, SqlRequest
    from .lake import LakeContext


def run_sql(context: LakeContext, request: SqlRequest) -> nw.LazyFrame[Any]:
    """The rows of a SELECT, lazily. Each dataset in it is read as `step.read` would."""
    query = SqlQuery(
        request.sql.text,
        tuple(_input(context, read) for read in request.reads),
        request.frames,
        request.params,
        hidden=partial(hidden_in_sql, context, request),
    )
    return context.engine.sql(
        query,
        spill=_spill_folder(context.settings),
        # Half of what the run may take: the engine that stages the rows works beside it.
        memory_mb=context.settings.runtime.memory_limit_mb // 2 or None,
    )


def _input(context: LakeContext, request: ReadRequest) -> Input:
    view, paths = context.opened(request)
    around = None
    if request.interval is not None and not request.whole:
        around = request.interval.expand(request.before_days, request.after_days)
    where = time_filter(view.contract, around)
    return Input(request.dataset, paths, view.contract.arrow_schema(), where)


def _spill_folder(settings: Settings) -> Path:
    """Where this process may spill. Folders of processes that are gone are removed."""
    home = settings.state / "sql"
    for left in home.glob("spill-*"):
        pid = left.name.removeprefix("spill-")
        if pid.isdigit() and not is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    return home / f"spill-{os.getpid()}"
