"""What stands behind `Step` while a step is compiled: empty frames in, schemas or SQL out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..contract.misfits import misfit_column
from ..contract.model import Column, TableContract
from ..errors import SourceError, UserError, did_you_mean
from ..graph.notebook import Cell
from ..ingest.source import LANDING_COLUMNS
from ..intervals import Interval
from ..names import Dataset
from ..step.context import DbtRequest, ReadRequest, SqlRequest
from .frames import quarantine_columns
from .job import StepJob

if TYPE_CHECKING:
    import narwhals as nw

MakeFrame = Callable[[str, tuple[Column, ...]], "nw.LazyFrame[Any]"]
MakeSql = Callable[[SqlRequest, Mapping[Dataset, tuple[Column, ...]]], "nw.LazyFrame[Any]"]


@dataclass(frozen=True)
class Written:
    """A frame that a cell gave to `step.write`."""

    frame: Any
    cell: Cell


@dataclass
class Trace:
    """What the cells of one step did. `read` maps tables and source URIs to their columns."""

    cell: Cell | None = None
    read: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    written: dict[Dataset, Written] = field(default_factory=dict)
    selections: list[tuple[str, Cell]] = field(default_factory=list)


@dataclass(frozen=True)
class CompiledCard:
    """Stands where a run shows a card."""

    dataset: str


class NoLook:
    """There are no rows to look at, and what is looked at is neither read nor made."""

    def preview(self, frame: Any, rows: int, *, unmask: bool) -> CompiledCard:
        return CompiledCard("a preview")

    def profile(self, frame: Any, *, unmask: bool) -> CompiledCard:
        return CompiledCard("a profile")

    def diff(self, frame: Any, table: Dataset, *, unmask: bool) -> CompiledCard:
        return CompiledCard(str(table))


class CompileContext:
    """One step's context. `make_frame` gives the empty frame of a table or source, `make_sql` that
    of a SELECT over tables with these columns."""

    def __init__(
        self,
        job: StepJob,
        contracts: Mapping[Dataset, TableContract],
        make_frame: MakeFrame,
        make_sql: MakeSql,
        trace: Trace,
    ) -> None:
        self._job = job
        self._contracts = contracts
        self._make_frame = make_frame
        self._make_sql = make_sql
        self._trace = trace

    def __call__(
        self, step: Dataset, interval: Interval | None, engine: str | None
    ) -> CompileContext:
        """Be the factory too: the cells of a notebook make one Step, of the notebook's name."""
        if step != self._job.step:
            raise UserError(
                f"the notebook makes Step({str(step)!r})",
                fix=f"name it after its file: Step({str(self._job.step)!r})",
            )
        timed = [table for table in self._job.outputs if table.time and table.write != "append"]
        if timed and interval is None:
            raise UserError(
                f"{timed[0].dataset} has a time column, but Step(…) has no interval",
                fix=f'write Step("{step}", start=start, end=end), with both in the parameters cell',
            )
        return self

    def read(self, request: ReadRequest) -> nw.LazyFrame[Any]:
        self._seen(request.dataset)
        return self._frame(request.dataset)

    def sql(self, request: SqlRequest) -> nw.LazyFrame[Any]:
        tables = {}
        for read in request.reads:
            self._seen(read.dataset)
            tables[read.dataset] = self._columns(read.dataset)
        return self._make_sql(request, tables)

    def _seen(self, dataset: Dataset) -> None:
        if dataset not in self._job.reads:
            raise UserError(
                f"reads {dataset}, which the graph did not see"
                f"{did_you_mean(str(dataset), map(str, self._job.reads))}",
                fix=f'write the read in a cell with the name as text: step.read("{dataset}")',
            )

    def ingest(self, uri: str, options: dict[str, Any], *, whole: bool) -> nw.LazyFrame[Any]:
        if fault := self._job.faults.get(uri):
            raise SourceError(fault[0], fix=fault[1])
        table = self._job.output(self._job.step)
        if table is None:
            raise UserError(
                f"ingests a source, but its contract does not promise {self._job.step}",
                fix="name the contract's table like the notebook",
            )
        columns = table.columns
        if header := self._job.headers.get(uri):
            ours = {c.name: c for c in columns}
            given = [ours.get(name) or Column(name, "string", promised=False) for name in header]
            columns = (*given, *(ours[name] for name in LANDING_COLUMNS if name in ours))
        self._trace.read[uri] = columns
        texts = misfit_column(table)
        return self._make_frame(uri, columns if texts is None else (*columns, texts))

    def write(self, frame: Any, table: Dataset) -> CompiledCard:
        if self._job.output(table) is None:
            known = [str(output.dataset) for output in self._job.outputs]
            raise UserError(
                f"writes {table}, which its contract does not promise"
                f"{did_you_mean(str(table), known)}",
                fix="add the table to the contract, or correct the name",
            )
        assert self._trace.cell is not None
        if before := self._trace.written.get(table):
            raise UserError(
                f"writes {table} a second time (first in cell {before.cell.number}), and would "
                "lose the rows of the first write",
                fix="put the rows together (narwhals.concat) and write them once",
            )
        if table.layer == "gold" and table.name in self._job.models:
            raise UserError(
                f"writes {table}, which the dbt model {table.name} makes as well",
                fix="write it once: by the model, or by step.write",
            )
        self._trace.written[table] = Written(frame, self._trace.cell)
        return CompiledCard(str(table))

    def dbt(self, request: DbtRequest) -> CompiledCard:
        assert self._trace.cell is not None
        self._trace.selections.append((request.selection, self._trace.cell))
        return CompiledCard(request.selection)

    def result(self, table: Dataset) -> nw.LazyFrame[Any]:
        return self._frame(table)

    @property
    def look(self) -> NoLook:
        return NoLook()

    def _frame(self, dataset: Dataset) -> nw.LazyFrame[Any]:
        return self._make_frame(str(dataset), self._columns(dataset))

    def _columns(self, dataset: Dataset) -> tuple[Column, ...]:
        contract = self._contracts.get(dataset)
        if contract is not None:
            columns = contract.columns
        else:
            base = next((c for d, c in self._contracts.items() if d.quarantine == dataset), None)
            if base is None:
                known = map(str, self._contracts)
                raise UserError(
                    f"no contract promises {dataset}{did_you_mean(str(dataset), known)}",
                    fix="correct the name, or write its contract",
                )
            columns = quarantine_columns(base)
        self._trace.read[str(dataset)] = columns
        return columns
