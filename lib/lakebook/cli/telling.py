"""What a command did to tiers, told when it ends: archived as a run and emitted to the catalog."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import LakebookError, storage_errors
from . import shared

if TYPE_CHECKING:
    from ..settings import Settings


@dataclass
class Told:
    """`run_id`: for the commits' metadata. `error`: why it did not come to its end, if so."""

    run_id: str
    operations: list[Mapping[str, Any]] = field(default_factory=list)
    error: str = ""

    def add(self, operations: Iterable[Mapping[str, Any]]) -> None:
        """What was done, in the words of a run record (`catalog.tiers.emit_moves`)."""
        self.operations += operations


@contextmanager
def telling(
    settings: Settings, command: str, *, job: str = "tiering", run_id: str = ""
) -> Iterator[Told]:
    """Around what a command does; where it did nothing, nothing is told.

    An error or a kill on the way does not keep back what was done: logs have it.

    Parameters
    ----------
    command: its name, such as `tier apply`.
    job: the maintenance job whose notebook does the same.
    run_id: what the commits' metadata have already; else one is made.
    """
    from ..catalog.tiers import emit_moves
    from ..run.unsaid import unsaid_operations
    from ..run.workspace import Attempt, workspace

    shared.adopt_debris(settings)
    began = datetime.now(UTC)
    name = f"lakebook {command}"
    made = f"{began:%Y%m%dT%H%M%S}-{command.replace(' ', '-')}-{secrets.token_hex(3)}"
    told = Told(run_id or made)
    at = began.isoformat(timespec="milliseconds")
    attempt = Attempt(told.run_id, f"ops.{job}", "", at, command=name)
    failure: BaseException | None = None
    with ExitStack() as stack:
        with storage_errors("beginning a run", settings.runs):
            # If it is killed, the next command finds this folder and says what it had done.
            stack.enter_context(workspace(settings, attempt))
        try:
            yield told
        except BaseException as raised:
            failure = raised
            told.error = told.error or _why(raised)
        if told.error:
            told.add(unsaid_operations(settings, told.run_id, began, told.operations))
        if told.operations:
            note = emit_moves(
                settings,
                told.operations,
                told.run_id,
                job=job,
                command=name,
                began=began,
                error=told.error,
            )
            if note:
                shared.error_console().print(f"note: {note}", markup=False, soft_wrap=True)
    if failure is not None:
        raise failure


def _why(raised: BaseException) -> str:
    if isinstance(raised, LakebookError):
        return raised.sentence
    if isinstance(raised, KeyboardInterrupt):
        return "it was stopped by Ctrl-C"
    return f"it was ended by {type(raised).__name__}"
