"""The seam between `Step` and what stands behind it: the lake of a run, or a compiler without data.

`Step` itself only checks names and intervals; everything else it asks of the current `Context`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..intervals import Interval
from ..names import Dataset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import narwhals as nw

    from .sql_text import SqlText

Refresh = Literal["always", "forward"]


@dataclass(frozen=True)
class ReadRequest:
    """One `step.read`: `interval` is None for a step without time; days widen it."""

    dataset: Dataset
    interval: Interval | None
    before_days: int = 0
    after_days: int = 0
    whole: bool = False
    refresh: Refresh = "always"


@dataclass(frozen=True)
class SqlRequest:
    """One `step.sql`: the text as it was read, a read for each dataset in it, and what it names."""

    sql: SqlText
    reads: tuple[ReadRequest, ...]
    frames: Mapping[str, Any]
    params: Mapping[str, Any]


@dataclass(frozen=True)
class DbtRequest:
    """One `step.dbt`: days widen the interval of what models read; `whole`: all of it.

    `is_said`: the call says how far models reach, be it by 0 days.
    """

    selection: str
    before_days: int = 0
    after_days: int = 0
    whole: bool = False
    is_said: bool = True

    @property
    def is_wide(self) -> bool:
        """Whether models see rows beyond the interval."""
        return bool(self.before_days or self.after_days or self.whole)


class Context(Protocol):
    """What a step's cells run against. One context serves one `Step` object."""

    def read(self, request: ReadRequest) -> nw.LazyFrame[Any]: ...

    def sql(self, request: SqlRequest) -> nw.LazyFrame[Any]: ...

    def ingest(self, uri: str, options: dict[str, Any], *, whole: bool) -> nw.LazyFrame[Any]: ...

    def write(self, frame: Any, table: Dataset) -> Any:
        """Audit, quarantine, commit, record. Returns a card that notebooks display."""
        ...

    def dbt(self, request: DbtRequest) -> Any:
        """Build dbt models; each goes through `write`. Returns a card."""
        ...

    def result(self, table: Dataset) -> nw.LazyFrame[Any]:
        """The published rows of an output, limited to the interval, to look at."""
        ...

    @property
    def look(self) -> Look: ...


class Look(Protocol):
    """Cards of a frame, to look at; whatever they read is no input of the step."""

    def preview(self, frame: Any, rows: int, *, unmask: bool) -> Any: ...

    def profile(self, frame: Any, *, unmask: bool) -> Any: ...

    def diff(self, frame: Any, table: Dataset, *, unmask: bool) -> Any: ...


class ContextFactory(Protocol):
    def __call__(self, step: Dataset, interval: Interval | None, engine: str | None) -> Context: ...


_factories: ContextVar[Sequence[ContextFactory]] = ContextVar("lakebook_contexts", default=())


def open_context(step: Dataset, interval: Interval | None, engine: str | None) -> Context:
    """The context of the innermost `use_context`, else the lake that the settings name."""
    pushed = _factories.get()
    if pushed:
        return pushed[-1](step, interval, engine)
    from .lake import open_lake

    return open_lake(step, interval, engine)


@contextmanager
def use_context(factory: ContextFactory) -> Iterator[None]:
    """Let every `Step` made inside the block run against `factory`'s context."""
    token = _factories.set((*_factories.get(), factory))
    try:
        yield
    finally:
        _factories.reset(token)
