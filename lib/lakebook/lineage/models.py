"""dbt models on empty DuckDB tables: a verdict by DESCRIBE, column edges from their SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..contract.model import TableContract
from ..engines.messages import missing_column
from ..errors import did_you_mean
from ..names import Dataset
from ..step.dbt_held import asked, reached
from ..step.sql_text import select_alone
from .frames import dotted, make_table, quoted, sql_type, sql_types, table_of
from .job import DbtProject, Model, StepJob
from .model import ColumnEdge, Finding
from .sql import NotFollowed, Tables, column_edges
from .unseen import unseen_reads

_MISSING = re.compile(r'Referenced column "(?P<name>[^"]+)" not found')
_STORED = {"HUGEINT": "BIGINT", "UHUGEINT": "BIGINT"}
"""What `dbt/macros/lakebook.sql` casts, as no file of the lake could hold it."""
_LINE = re.compile(r"LINE (\d+):")


@dataclass
class Built:
    """What the models of one step give."""

    columns: list[ColumnEdge] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()
    opaque: dict[str, str] = field(default_factory=dict)
    tables: set[tuple[str, str]] = field(default_factory=set)
    datasets: set[str] = field(default_factory=set)


def follow_models(
    job: StepJob,
    contracts: Mapping[Dataset, TableContract],
    project: DbtProject,
    tables: Tables,
) -> Built:
    """Bind the SQL of each model of a step, compare with its contract, and follow its columns."""
    built = Built()
    places = _make_inputs(project, contracts, tables)
    for model in project.models:
        if model.name not in job.models:
            continue
        target = str(model.dataset)
        built.datasets.add(target)
        if model.problem or not model.sql:
            built.findings += (_uncompiled(model),)
            built.opaque[target] = "it is not compiled"
            built.tables |= {(str(read), target) for read in job.reads}
            continue
        sql = _with_our_names(model.sql, places)
        found, problem = _describe(sql)
        reads = _reads(model, project, contracts)
        built.findings += tuple(_unseen(model, project, contracts))
        built.tables |= {(read, target) for read in reads}
        if problem and model.asks:
            built.opaque[target] = f"its SQL does not bind without rows: {model.asks}"
            continue
        if problem:
            built.findings += (_unbound(problem, model, reads),)
            built.opaque[target] = "its SQL does not bind"
            continue
        contract = contracts[model.dataset]
        by_rows = bool(model.asks) and {*found} != {*contract.names}
        compared = _compare(found, contract, model)
        built.findings += tuple(_without_rows(one, model) if by_rows else one for one in compared)
        built.findings += tuple(_beside(sql, model))
        if model.name in job.narrow:
            built.findings += tuple(_reaching(sql, model, contract, reads, contracts))
        if by_rows:
            built.opaque[target] = f"its columns are others without rows: {model.asks}"
            continue
        try:
            built.columns.extend(column_edges(sql, target, tables, contract.names))
        except NotFollowed as reason:
            built.opaque[target] = f"model {model.name}: {reason}"
    return built


def _make_inputs(
    project: DbtProject, contracts: Mapping[Dataset, TableContract], tables: Tables
) -> dict[str, str]:
    """Empty tables for what models may name; how dbt names each -> how it is named here."""
    import duckdb

    places = {}
    for relation, dataset in _named(project):
        if dataset in contracts:
            columns = contracts[dataset].columns
            make_table(table_of(dataset), columns)
            tables.add(table_of(dataset), str(dataset), sql_types(columns))
            places[relation] = dotted(table_of(dataset))
    for entry in project.relations:
        if entry.seed is not None and entry.types:
            place = ("source", f"seed_{entry.seed.stem}")
            columns_of = ", ".join(f"{quoted(name)} {kind}" for name, kind in entry.types.items())
            duckdb.execute(f"CREATE OR REPLACE TABLE {dotted(place)} ({columns_of})")
            found, _ = _describe(f"FROM {dotted(place)}")
            tables.add(place, f"seed://{entry.seed.stem}", found)
            places[entry.relation] = dotted(place)
    return places


def _with_our_names(sql: str, places: Mapping[str, str]) -> str:
    # The longest first: "db"."gold"."fct" is the beginning of no other, but may be without quotes.
    for relation in sorted(places, key=len, reverse=True):
        sql = sql.replace(relation, places[relation])
    return select_alone(sql)


def _describe(sql: str) -> tuple[dict[str, str], str]:
    """Columns and types of a query on empty tables, or why it does not bind."""
    import duckdb

    try:
        rows = duckdb.execute(f"DESCRIBE {sql}").fetchall()
    except duckdb.Error as problem:
        return {}, str(problem)
    return {row[0]: row[1] for row in rows}, ""


def _compare(found: Mapping[str, str], contract: TableContract, model: Model) -> Iterable[Finding]:
    """dbt compares names and types exactly when a model's contract is enforced; so do we."""

    def finding(message: str, fix: str, expected: str, have: str) -> Finding:
        return Finding(
            step=str(contract.dataset),
            message=message,
            notebook=model.path,
            expected=expected,
            found=have,
            fix=fix,
        )

    if not model.is_enforced:  # dbt's own comparison comes before the cast
        found = {name: _STORED.get(kind.upper(), kind) for name, kind in found.items()}
    extra = [name for name in found if name not in contract.names]
    for column in contract.columns:
        if column.name not in found:
            guess = did_you_mean(column.name, extra)
            message = f"column {column.name!r} of the contract is not in the model{guess}"
            yield finding(message, "select it, or correct the contract", column.type, "nothing")
        elif found[column.name].upper() != sql_type(column).upper():
            have = found[column.name].lower()
            message = (
                f"column {column.name!r} is {have} in the model and {column.type} in the contract"
            )
            fix = f"cast it: {quoted(column.name)}::{sql_type(column).lower()}"
            yield finding(message, fix, column.type, have)
    for name in extra:
        guess = did_you_mean(name, [c for c in contract.names if c not in found])
        message = f"column {name!r} of the model is not in the contract{guess}"
        yield finding(message, "leave it out, or add it to the contract", "nothing", found[name])


def _without_rows(found: Finding, model: Model) -> Finding:
    """A difference only worth knowing: which columns a model has may be for its rows to say."""
    return replace(found, message=f"{found.message}, without rows ({model.asks})", is_error=False)


def _unseen(
    model: Model, project: DbtProject, contracts: Mapping[Dataset, TableContract]
) -> Iterable[Finding]:
    """Reads of which dbt does not know."""
    relations = [relation for relation, _ in _named(project)]
    built = {one.dataset for one in project.models}
    for dataset in unseen_reads(model.sql, relations, contracts):
        layer, name = dataset.layer, dataset.name
        way = f"ref('{name}')" if dataset in built else f"source('{layer}', '{name}')"
        yield Finding(
            step=str(model.dataset),
            message=f"the model names {dataset} itself, so that dbt does not know that it reads it",
            notebook=model.path,
            fix=f"write {{{{ {way} }}}}",
        )


def _beside(sql: str, model: Model) -> Iterable[Finding]:
    if found := asked(sql, model.clock):
        yield Finding(str(model.dataset), found[0], model.path, fix=found[1])


def _reaching(
    sql: str,
    model: Model,
    contract: TableContract,
    reads: Iterable[str],
    contracts: Mapping[Dataset, TableContract],
) -> Iterable[Finding]:
    read = [contracts[Dataset.parse(name)] for name in reads]
    tables = {table_of(table.dataset): table for table in read}
    if found := reached(sql, model.name, contract, tables, asks=model.asks):
        yield Finding(str(contract.dataset), found[0], model.path, fix=found[1])


def _uncompiled(model: Model) -> Finding:
    """That dbt has no SQL of a model; only worth knowing where a run may have it."""
    why = model.problem or "a model that it is made of cannot be compiled"
    return Finding(
        step=str(model.dataset),
        message=f"dbt cannot compile it without rows ({model.asks}): {why}"
        if model.asks
        else f"dbt cannot compile it: {why}",
        notebook=model.path,
        is_error=not model.asks,
    )


def _unbound(problem: str, model: Model, reads: Mapping[str, list[str]]) -> Finding:
    missing, line = _MISSING.search(problem), _LINE.search(problem)
    message, fix = problem.strip().splitlines()[0], ""
    if missing:
        message, fix = missing_column(missing["name"], (), reads)
    return Finding(
        step=str(model.dataset),
        message=message,
        notebook=model.path,
        line=int(line[1]) if line else None,
        fix=fix,
    )


def _reads(
    model: Model, project: DbtProject, contracts: Mapping[Dataset, TableContract]
) -> dict[str, list[str]]:
    """Columns of each dataset whose relation stands in the model's SQL."""
    return {
        str(dataset): list(contracts[dataset].names)
        for relation, dataset in _named(project)
        if dataset in contracts and relation in model.sql and dataset != model.dataset
    }


def _named(project: DbtProject) -> list[tuple[str, Dataset]]:
    """Every relation that SQL may name and that is a dataset."""
    sources = [(r.relation, r.dataset) for r in project.relations if r.dataset is not None]
    return sources + [(model.relation, model.dataset) for model in project.models]
