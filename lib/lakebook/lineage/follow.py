"""The DuckDB pass: a step's cells as SQL, and its columns followed to what it reads.

Where DuckDB cannot follow a cell, the step's outputs have edges between tables alone, and the
lineage names the cell; that is no finding.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..contract.model import Column, TableContract
from ..errors import LakebookError
from ..graph.notebook import Cell, read_cells
from ..ingest.source import LANDING_COLUMNS
from ..names import Dataset
from ..step.context import SqlRequest, use_context
from . import lazy
from .cells import CellError, beside, run_cells
from .context import CompileContext, Trace, Written
from .frames import duckdb_frame, make_schemas, source_table, sql_types, table_of
from .job import DbtProject, PassResult, StepJob
from .model import ColumnEdge, Finding, StepLineage
from .sql import NotFollowed, Tables, column_edges
from .sql_frames import duckdb_sql

if TYPE_CHECKING:
    import narwhals as nw


def follow_step(
    job: StepJob,
    contracts: Mapping[Dataset, TableContract],
    tables: Tables,
    project: DbtProject | None,
) -> PassResult:
    """Run a step's cells on empty DuckDB relations; lineage of all that it writes."""
    began = time.perf_counter()
    make_schemas()
    trace = Trace()

    def make_frame(name: str, columns: tuple[Column, ...]) -> nw.LazyFrame[Any]:
        place = _place(name)
        tables.add(place, name, sql_types(columns))
        return duckdb_frame(place, columns)

    def make_sql(
        request: SqlRequest, read: Mapping[Dataset, tuple[Column, ...]]
    ) -> nw.LazyFrame[Any]:
        for dataset, columns in read.items():
            make_frame(str(dataset), columns)
        return duckdb_sql(request)

    context = CompileContext(job, contracts, make_frame, make_sql, trace)
    stopped = _run(job, context, trace)
    columns: list[ColumnEdge] = []
    opaque: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    between: set[tuple[str, str]] = set()
    for table in job.outputs:
        name, written = str(table.dataset), trace.written.get(table.dataset)
        if written is None:
            opaque[name] = stopped or "no cell writes it"
            continue
        try:
            columns.extend(_edges(written, table, tables))
        except NotFollowed as problem:
            opaque[name] = f"cell {written.cell.number}: {problem}"
    if trace.selections and project is not None:
        from .models import follow_models

        built = follow_models(job, contracts, project, tables)
        columns.extend(built.columns)
        findings, between = built.findings, built.tables
        opaque = {name: why for name, why in opaque.items() if name not in built.datasets}
        opaque |= built.opaque
    edges = _table_edges(job, columns, opaque, between)
    lineage = StepLineage(edges, tuple(sorted(columns)), opaque)
    return PassResult(job.step, findings, lineage, time.perf_counter() - began)


def _run(job: StepJob, context: CompileContext, trace: Trace) -> str:
    """Run the cells; return which one DuckDB could not follow, if any."""

    def started(cell: Cell) -> None:
        trace.cell = cell

    with beside(job.notebook), use_context(context):
        try:
            run_cells(
                read_cells(job.notebook, where=job.label),
                notebook=job.label,
                unit=job.unit,
                started=started,
                finished=lambda _: None,
            )
        except CellError as error:
            if isinstance(error.cause, ImportError) and lazy.reveal_pandas():
                return _run(job, context, trace)
            if job.engine and not isinstance(error.cause, LakebookError):
                return f"cell {error.cell.number} is written for {job.engine}"
            said = str(error.cause).strip().splitlines()
            kind = type(error.cause).__name__
            return f"cell {error.cell.number}: {kind}: {said[0] if said else ''}".rstrip(": ")
    return ""


def _edges(written: Written, table: TableContract, tables: Tables) -> Sequence[ColumnEdge]:
    import duckdb
    import narwhals as nw

    native = nw.to_native(written.frame, pass_through=True)
    if not isinstance(native, duckdb.DuckDBPyRelation):
        raise NotFollowed("the frame was collected, so DuckDB has no SQL of it")
    sql = native.sql_query()
    edges = column_edges(sql, str(table.dataset), tables, table.names)
    # What bronze adds to each row is not in the source.
    return [e for e in edges if not ("://" in e.source and e.source_column in LANDING_COLUMNS)]


def _table_edges(
    job: StepJob,
    columns: Sequence[ColumnEdge],
    opaque: Mapping[str, str],
    models: set[tuple[str, str]],
) -> tuple[tuple[str, str], ...]:
    """Edges between tables: from all that the step reads to its only output.

    A read that gives no value (a semi join, a filter) is an edge too. With several outputs it is
    not known which of them it decides: those that were followed take only what their columns name.
    """
    own = {str(table.dataset) for table in job.outputs}
    reads = [*map(str, job.reads), *job.sources]
    edges = {(edge.source, edge.target) for edge in columns if edge.source != edge.target}
    edges |= models
    built = {target for _, target in models}
    for name in own:
        if (len(own) == 1 or name in opaque) and name not in built:
            edges |= {(read, name) for read in reads if read != name}
    return tuple(sorted(edges))


def _place(name: str) -> tuple[str, str]:
    return source_table(name) if "://" in name else table_of(Dataset.parse(name))
