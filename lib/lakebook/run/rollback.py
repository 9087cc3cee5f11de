"""Puts a dataset back to what it was after one of its runs: first the plan, then the doing.

Old files come back by a commit; nothing is copied and no row is read. What the run had set aside is
shown again, since a quarantine goes by the fingerprint that is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..delta import open_snapshot, rollback, way_back
from ..delta.agreement import check_agreement
from ..errors import UserError
from ..graph import Graph
from ..names import Dataset, table_path
from ..settings import Settings
from ..tiers.operation import Operation


@dataclass(frozen=True)
class RollbackPlan:
    """`rows`: partition -> rows now and then, of those that change. `below`: steps that read it."""

    settings: Settings
    contract: TableContract
    to_run: str
    to_version: int
    rows: Mapping[str, tuple[int, int]]
    below: tuple[Dataset, ...]


def plan_rollback(
    settings: Settings,
    graph: Graph,
    dataset: Dataset,
    to_run: str,
    partitions: Sequence[str] | None = None,
) -> RollbackPlan:
    """What a rollback would change. Nothing is touched.

    Raises UserError for a run or a partition that is not known there, StorageError if a file of
    then is gone, ContractError if the rows of then have another cut or other types.
    """
    contract = find_table(settings, dataset)
    table = table_path(settings.lake, dataset, env=settings.env)
    if open_snapshot(table).version < 0:
        raise UserError(
            f"{dataset} has no table in the environment {settings.env!r}",
            fix="there is nothing to put back",
        )
    found = way_back(table, to_run, partitions)
    check_agreement(found.old, contract)
    known = {*found.now.written, *found.old.written}
    unknown = [p for p in partitions or () if p not in known]
    if unknown:
        raise UserError(
            f"{dataset} has no partition {unknown[0]!r}",
            fix="partitions are named as plan --explain names them",
        )
    made_by = graph.maker(dataset)
    below = tuple(sorted(graph.downstream(made_by)))
    return RollbackPlan(settings, contract, to_run, found.old.version, found.rows, below)


def apply_rollback(plan: RollbackPlan, run: str) -> tuple[Operation, ...]:
    """Do what the plan says; what it did, none if somebody else has done it meanwhile.

    run: what the commit's metadata gets; it may be rolled back to in turn.
    """
    table = table_path(plan.settings.lake, plan.contract.dataset, env=plan.settings.env)
    metadata = {"run": run, "dataset": str(plan.contract.dataset)}
    done = rollback(table, plan.to_run, partitions=_only(plan), metadata=metadata)
    if not done.partitions:
        return ()
    rows = sum(plan.rows[p][1] for p in done.partitions)
    return (
        Operation(
            "rollback",
            str(plan.contract.dataset),
            done.partitions,
            rows=rows,
            reason=f"to what the run {plan.to_run} left",
        ),
    )


def _only(plan: RollbackPlan) -> tuple[str, ...] | None:
    """The partitions that were shown; of an appended table all, whose offsets go back with them."""
    return None if plan.contract.write == "append" else tuple(plan.rows)
