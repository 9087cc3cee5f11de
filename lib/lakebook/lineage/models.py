"""dbt models on empty DuckDB tables: a verdict by DESCRIBE, column edges from their SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..contract.model import TableContract
from ..errors import did_you_mean
from ..names import Dataset
from .explain import missing_column
from .frames import dotted, make_table, quoted, sql_type, sql_types, table_of
from .job import DbtProject, Model, StepJob
from .model import ColumnEdge, Finding
from .sql import NotFollowed, Tables, column_edges

_MISSING = re.compile(r'Referenced column "(?P<name>[^"]+)" not found')
_LINE = re.compile(r"LINE (\d+):")
_INNER = "dbt:"  # prefix of tables that no contract promises; they do not stay in the lineage


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
    wanted = {unique: m for unique, m in project.models.items() if m.name in job.models}
    inner = dict(_inner_models(wanted.values(), project))
    places = _make_inputs(project, contracts, tables)
    edges: dict[str, tuple[ColumnEdge, ...]] = {}
    for unique, model in project.models.items():  # in dependency order
        if unique not in wanted and unique not in inner:
            continue
        sql = _with_our_names(model.sql, places)
        target = str(model.dataset) if model.dataset else _INNER + model.name
        found, problem = _describe(sql)
        reads = _reads(model, project, contracts)
        if problem:
            built.findings += (_unbound(problem, model, reads, job),)
            if model.dataset:
                built.opaque[target] = "its SQL does not bind"
        contract = contracts.get(model.dataset) if model.dataset else None
        if contract is not None and not problem:
            built.findings += tuple(_compare(found, contract, model))
        if model.dataset is None and not problem:
            _make_view(model, sql, found, tables, places)
        try:
            names = contract.names if contract else tuple(found)
            edges[target] = () if problem else column_edges(sql, target, tables, names)
        except NotFollowed as reason:
            edges[target] = ()
            if model.dataset:
                built.opaque[target] = f"model {model.name}: {reason}"
        if model.dataset:
            built.datasets.add(target)
            built.columns.extend(_through_inner(edges[target], edges))
            built.tables |= {(read, target) for read in _outer_reads(model, project)}
    return built


def _inner_models(models: Iterable[Model], project: DbtProject) -> Iterable[tuple[str, Model]]:
    """Models without a contract that these need, directly or not."""
    for model in models:
        for unique in model.needs:
            below = project.models.get(unique)
            if below is not None and below.dataset is None:
                yield unique, below
                yield from _inner_models([below], project)


def _make_inputs(
    project: DbtProject, contracts: Mapping[Dataset, TableContract], tables: Tables
) -> dict[str, str]:
    """Empty tables for what models may name; how dbt names each -> how it is named here."""
    import duckdb

    places = {}
    inputs = [(r.relation, r.dataset) for r in project.relations]
    inputs += [(model.relation, model.dataset) for model in project.models.values()]
    for relation, dataset in inputs:
        if dataset is not None and dataset in contracts:
            columns = contracts[dataset].columns
            make_table(table_of(dataset), columns)
            tables.add(table_of(dataset), str(dataset), sql_types(columns))
            places[relation] = dotted(table_of(dataset))
    for entry in project.relations:
        if entry.seed is not None:
            place = ("source", f"seed_{entry.seed.stem}")
            file = str(entry.seed).replace("'", "''")
            duckdb.execute(
                f"CREATE OR REPLACE TABLE {dotted(place)} AS FROM read_csv('{file}') LIMIT 0"
            )
            found, _ = _describe(f"FROM {dotted(place)}")
            tables.add(place, f"seed://{entry.seed.stem}", found)
            places[entry.relation] = dotted(place)
    return places


def _make_view(
    model: Model, sql: str, found: Mapping[str, str], tables: Tables, places: dict[str, str]
) -> None:
    import duckdb

    place = ("source", f"model_{model.name}")
    duckdb.execute(f"CREATE OR REPLACE VIEW {dotted(place)} AS {sql}")
    tables.add(place, _INNER + model.name, found)
    places[model.relation] = dotted(place)


def _with_our_names(sql: str, places: Mapping[str, str]) -> str:
    # The longest first: "db"."gold"."fct" is the beginning of no other, but may be without quotes.
    for relation in sorted(places, key=len, reverse=True):
        sql = sql.replace(relation, places[relation])
    return sql.strip().rstrip(";")


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


def _unbound(problem: str, model: Model, reads: Mapping[str, list[str]], job: StepJob) -> Finding:
    missing, line = _MISSING.search(problem), _LINE.search(problem)
    message, fix = problem.strip().splitlines()[0], ""
    if missing:
        message, fix = missing_column(missing["name"], (), reads)
    return Finding(
        step=str(model.dataset or job.step),
        message=message,
        notebook=model.path,
        line=int(line[1]) if line else None,
        fix=fix,
    )


def _reads(
    model: Model, project: DbtProject, contracts: Mapping[Dataset, TableContract]
) -> dict[str, list[str]]:
    """Columns of each dataset whose relation stands in the model's SQL."""
    relations = [(r.relation, r.dataset) for r in project.relations]
    relations += [(m.relation, m.dataset) for m in project.models.values()]
    return {
        str(dataset): list(contracts[dataset].names)
        for relation, dataset in relations
        if dataset in contracts and relation in model.sql and dataset is not None
    }


def _outer_reads(model: Model, project: DbtProject) -> set[str]:
    """Datasets that a model reads, also by way of models without a contract."""
    named = [(r.relation, r.dataset) for r in project.relations]
    named += [(m.relation, m.dataset) for m in project.models.values()]
    found = {str(d) for relation, d in named if d is not None and relation in model.sql}
    for unique in model.needs:
        below = project.models.get(unique)
        if below is not None and below.dataset is None:
            found |= _outer_reads(below, project)
    return found - {str(model.dataset)}


def _through_inner(
    edges: Iterable[ColumnEdge], known: Mapping[str, tuple[ColumnEdge, ...]]
) -> Iterable[ColumnEdge]:
    """Replace each edge from a model without a contract by edges from what that one reads."""
    for edge in edges:
        if not edge.source.startswith(_INNER):
            yield edge
            continue
        for above in known.get(edge.source, ()):
            if above.target_column == edge.source_column:
                joined = replace(
                    above,
                    target=edge.target,
                    target_column=edge.target_column,
                    is_copy=above.is_copy and edge.is_copy,
                )
                yield from _through_inner([joined], known)
