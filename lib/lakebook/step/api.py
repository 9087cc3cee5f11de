"""`Step`: the object a notebook works with. What it does for real stands in `lake`."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..intervals import Interval
from ..names import Dataset
from .context import DbtRequest, ReadRequest, Refresh, SqlRequest, open_context
from .foreign import as_taken

if TYPE_CHECKING:
    from collections.abc import Mapping

    import narwhals as nw


class Step:
    """One notebook that produces a dataset, for one interval.

    Parameters
    ----------
    name: `layer.name` of the step: the notebook's folder and stem.
    start, end: ISO days, half-open; both or neither (a dataset without time has no interval).
    engine: an engine of its own by name, for a step that needs its API: its frames may be
        unwrapped (`.to_native()`); default: the profile's.
    """

    def __init__(
        self,
        name: str,
        *,
        start: str | date | None = None,
        end: str | date | None = None,
        engine: str | None = None,
    ) -> None:
        self.name = Dataset.parse(name, where="Step(…)")
        if (start is None) != (end is None):
            raise UserError(f"Step({name!r}) has only one of start and end", fix="pass both")
        self.interval = None if start is None or end is None else Interval.parse(start, end)
        self._context = open_context(self.name, self.interval, engine)

    def read(
        self,
        dataset: str,
        *,
        before: int = 0,
        after: int = 0,
        whole: bool = False,
        refresh: Refresh = "always",
    ) -> nw.LazyFrame[Any]:
        """Rows of a dataset, limited to the step's interval, as a Narwhals LazyFrame.

        Parameters
        ----------
        before, after: days by which the read reaches over the interval's edges.
        whole: read every partition.
        refresh: "forward" says that a new version of this table does not make old partitions stale.
        """
        name = Dataset.parse(dataset, where="step.read(…)")
        return self._context.read(self._request(name, before, after, whole, refresh))

    def sql(
        self,
        query: str,
        /,
        *,
        before: int = 0,
        after: int = 0,
        whole: bool = False,
        refresh: Refresh = "always",
        params: Mapping[str, Any] | None = None,
        **frames: Any,
    ) -> nw.LazyFrame[Any]:
        """Rows of a SELECT over datasets, each read as `read` does, as a Narwhals LazyFrame.

        Parameters
        ----------
        query: one SELECT in DuckDB's SQL, as literal text.
        before, after, whole, refresh: as in `read`, for every dataset in the query.
        params: values of `$name` in the query.
        frames: frames by the name that the query gives them: `sql("… from clean", clean=frame)`.
        """
        from .sql_text import read_sql

        sql, given = read_sql(query), dict(params or {})
        sql.check(frames, given)
        reads = [self._request(name, before, after, whole, refresh) for name in sql.datasets]
        return self._context.sql(SqlRequest(sql, tuple(reads), frames, given))

    def _request(
        self, dataset: Dataset, before: int, after: int, whole: bool, refresh: Refresh
    ) -> ReadRequest:
        if refresh not in ("always", "forward"):
            raise UserError(
                f"refresh={refresh!r} in the read of {dataset}", fix='use "always" or "forward"'
            )
        return ReadRequest(
            dataset=dataset,
            interval=self.interval,
            before_days=before,
            after_days=after,
            whole=whole or self.interval is None,
            refresh=refresh,
        )

    def ingest(self, uri: str, *, whole: bool = False, **options: Any) -> nw.LazyFrame[Any]:
        """Rows of a source outside the lake in the contract's types, with their landing columns.

        Parameters
        ----------
        whole: all rows of the source, for a notebook that changes the time column: the write takes
            those of the interval. Default: a source that has the column gives its rows of the
            interval, and one that lacks it gives all.
        options: of the connector.
        """
        return self._context.ingest(uri, options, whole=whole)

    def write(self, frame: Any, *, table: str | None = None) -> Any:
        """Audit the rows, set aside those that must not pass, commit the rest once; show a card.

        A frame of Narwhals, Polars or DuckDB, of pandas or Arrow.
        """
        target = Dataset.parse(table, where="step.write(…)") if table else self.name
        return self._context.write(as_taken(frame, target), target)

    def dbt(
        self,
        selection: str,
        *,
        before: int | None = None,
        after: int | None = None,
        whole: bool | None = None,
    ) -> Any:
        """Build a dbt selection; every model is audited and committed like `write`.

        Parameters
        ----------
        selection: names of models or folders, with spaces between them.
        before, after, whole: as in `read`, for every dataset that the models read. Of a model's
            result only the rows of the interval are tested and written then. A model that may
            need rows of other partitions is refused if nothing is said; 0 says that none counts.
        """
        is_said = any(one is not None for one in (before, after, whole))
        request = DbtRequest(selection, before or 0, after or 0, bool(whole), is_said)
        return self._context.dbt(request)

    def result(self, table: str | None = None) -> nw.LazyFrame[Any]:
        """What is published of an output of this step, limited to the interval."""
        target = Dataset.parse(table, where="step.result(…)") if table else self.name
        return self._context.result(target)

    def preview(self, frame: Any, rows: int = 10, *, unmask: bool = False) -> Any:
        """A card of a frame's types and first rows; no more rows than these are computed."""
        return self._context.look.preview(frame, rows, unmask=unmask)

    def profile(self, frame: Any, *, unmask: bool = False) -> Any:
        """A card of a frame's rows and, per column, nulls, distinct values, range and spread."""
        return self._context.look.profile(frame, unmask=unmask)

    def diff(self, frame: Any = None, *, table: str | None = None, unmask: bool = False) -> Any:
        """A card of how a frame differs from what is published of the interval.

        Without a frame: how what this step wrote last differs from what was there before. Rows are
        compared by the contract's key. Values of classified columns are hidden on all three cards;
        `unmask` shows them in a session, never in a run, whose outputs are archived.
        """
        target = Dataset.parse(table, where="step.diff(…)") if table else self.name
        return self._context.look.diff(frame, target, unmask=unmask)

    @property
    def now(self) -> datetime:
        """A clock that gives the same time whenever the interval is run: its end (UTC, no zone)."""
        last = self.interval.end if self.interval else date(1970, 1, 1)
        return datetime(last.year, last.month, last.day) - timedelta(0)

    @property
    def seed(self) -> int:
        """A seed that depends on the step and its interval alone, for sampling."""
        return random.Random(f"{self.name}{self.interval}").getrandbits(32)
