"""The Polars pass: does the result of a step keep its contract? Also the comparison itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contract.misfits import MISFIT, staged
from ..contract.model import TableContract
from ..engines.messages import type_name
from ..errors import ContractError, did_you_mean
from ..graph.notebook import read_cells
from ..names import Dataset
from ..step.context import use_context
from .cells import CellError, beside, run_cells
from .context import CompileContext, Trace, Written
from .explain import finding_of
from .frames import polars_frame
from .job import PassResult, StepJob
from .model import Finding
from .sql_frames import polars_sql

if TYPE_CHECKING:
    import polars as pl


def check_step(job: StepJob, contracts: Mapping[Dataset, TableContract]) -> PassResult:
    """Run a step's cells on empty Polars frames and compare what it writes with its contract."""
    began = time.perf_counter()
    trace = Trace()
    context = CompileContext(
        job, contracts, lambda _, columns: polars_frame(columns), polars_sql(), trace
    )
    watch = _Watch(trace)
    findings: list[Finding] = []
    with beside(job.notebook), use_context(context):
        try:
            run_cells(
                read_cells(job.notebook, where=job.label),
                notebook=job.label,
                unit=job.unit,
                started=watch.started,
                finished=watch.finished,
            )
        except CellError as error:
            findings.append(finding_of(error, job, trace))
    for dataset, written in trace.written.items():
        contract = job.output(dataset)
        if contract is not None and dataset in watch.schemas:
            findings.extend(compare(watch.schemas[dataset], contract, job, written))
    if not findings:
        findings.extend(_unwritten(job, trace))
    return PassResult(job.step, tuple(findings), None, time.perf_counter() - began)


class _Watch:
    """Resolves every frame in the cell that made it: Polars itself would complain at the end."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._seen: dict[int, Any] = {}  # holds the frames, so that no id is used again
        self._written: set[Dataset] = set()
        self.schemas: dict[Dataset, pl.Schema] = {}

    def started(self, cell: Any) -> None:
        self._trace.cell = cell

    def finished(self, space: dict[str, Any]) -> None:
        import narwhals as nw
        import polars as pl

        for value in tuple(space.values()):
            if isinstance(value, (nw.LazyFrame, pl.LazyFrame)) and id(value) not in self._seen:
                self._seen[id(value)] = value
                value.collect_schema()
        for dataset, written in self._trace.written.items():
            if dataset not in self._written:
                self._written.add(dataset)
                self.schemas[dataset] = _computed(written.frame).schema


def _computed(frame: Any) -> pl.DataFrame:
    """The result itself: some wrong types show only when it is computed, even without rows."""
    import narwhals as nw
    import polars as pl

    native = nw.to_native(frame, pass_through=True)
    if isinstance(native, pl.LazyFrame):
        return native.collect()
    if isinstance(native, pl.DataFrame):
        return native
    try:
        arrow = nw.from_native(native, eager_only=True).to_arrow()
    except TypeError:
        raise TypeError(f"step.write was given a {type(native).__name__}, not a frame") from None
    result = pl.from_arrow(arrow)
    assert isinstance(result, pl.DataFrame)
    return result


def compare(
    found: pl.Schema, contract: TableContract, job: StepJob, written: Written
) -> list[Finding]:
    """Findings for columns that are missing, extra, of another type, or null where required."""
    import polars as pl

    from ..engines.polars_cast import exact_casts

    def finding(message: str, fix: str = "", expected: str = "", have: str = "") -> Finding:
        return Finding(
            step=str(contract.dataset),
            message=message,
            notebook=job.label,
            cell=written.cell.number,
            expected=expected,
            found=have,
            fix=fix,
        )

    findings = []
    contract = staged(contract)  # with the column that tells which rows of a source are set aside
    extra = [name for name in found if name not in contract.names]
    for column in contract.columns:
        if column.name not in found:
            guess = did_you_mean(column.name, extra)
            message = f"column {column.name!r} of the contract is not in the result{guess}"
            fix = "rename it" if guess else "compute it, or take it out of the contract"
            if column.name == MISFIT:
                message = f"the contract sets misfits aside, and the result has no {MISFIT!r}"
                fix = "write what step.ingest(…) gives with that column, or take misfits out of it"
            findings.append(finding(message, fix, column.type, "nothing"))
            continue
        have = found[column.name]
        name = type_name(have)
        if have == pl.Null and not column.nullable:
            message = f"column {column.name!r} is always null, and required in the contract"
            findings.append(finding(message, "give it a value", column.type, name))
            continue
        try:
            exact_casts(found, replace(contract, columns=(column,)))
        except ContractError:
            message = (
                f"column {column.name!r} is {name} in the result and {column.type} in the contract"
            )
            fix = f"cast it to {column.type} in the notebook, or correct the contract"
            findings.append(finding(message, fix, column.type, name))
    for name in extra:
        guess = did_you_mean(name, [c for c in contract.names if c not in found])
        message = f"column {name!r} of the result is not in the contract{guess}"
        fix = "drop it before the write, or add it to the contract"
        findings.append(finding(message, fix, "nothing", type_name(found[name])))
    return findings


def _unwritten(job: StepJob, trace: Trace) -> list[Finding]:
    """Outputs that no cell writes and no dbt model builds."""
    built = {Dataset("gold", model) for model in job.models} if trace.selections else set()
    return [
        Finding(
            step=str(job.step),
            message=f"no cell writes {table.dataset}, which the contract promises",
            notebook=job.label,
            fix=f"end with step.write(frame{_named(job, table)})",
        )
        for table in job.outputs
        if table.dataset not in trace.written and table.dataset not in built
    ]


def _named(job: StepJob, table: TableContract) -> str:
    return "" if table.dataset == job.step else f', table="{table.dataset}"'
