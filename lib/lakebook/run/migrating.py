"""Does what a migration's plan says.

What is in quarantine is staged before the rows' one commit and committed right after it: a value
that does not fit is found while nothing has changed. The commit says from which version it was
made, so that the same command can go on after a kill.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..contract.model import TableContract
from ..delta import Snapshot, Stage, begin_stage, fault_point, open_snapshot, signed, sweep
from ..delta import inspect as inspect_files
from ..delta.inspection import Inspection
from ..delta.recut import KIND, commit_recut, commit_redefined, last_migration
from ..engines import get_engine
from ..errors import ContractError, RunError, UserError
from ..names import table_path, tier_tables
from ..quality.quarantine import quarantine_contract
from ..quality.shown import hex_of, shown_tokens
from ..settings import Settings
from ..step.fingerprint import unknown_fingerprint
from ..tiers.operation import Operation
from ..tiers.tidy import tidy
from .migrate import Migration, made_of, plan_migration


@dataclass(frozen=True)
class _Renamed:
    rename: Mapping[str, str]
    drop: Collection[str]


def apply_migration(plan: Migration, run: str) -> tuple[Operation, ...]:
    """Write the rows anew and commit them, once; then bring what stands beside them up to date.

    run: for the commits' metadata. Raises ContractError for a value that the contract does not
    take, ConflictError if somebody wrote meanwhile; nothing has changed then.
    """
    settings, target = plan.settings, plan.target
    tables = tier_tables(settings.roots, target.dataset)
    operations: tuple[Operation, ...] = ()
    if plan.changes:
        sweep(tables.hot)  # it raises fences, so it comes before they are noted
        now = plan_migration(settings, target.dataset, rename=plan.rename, drop=plan.drop)
        if (now.changes, now.target) != (plan.changes, target):
            raise UserError("the table changed since it was looked at", fix="migrate again")
        operations = (_write_anew(now, run),)
    else:
        _go_on(plan, run)
    fault_point("migrate.before_warm")
    commit_redefined(tables.warm, target, {"run": run})
    tidy(settings, target.dataset, run=run, with_vacuum=False)
    return operations


def _write_anew(plan: Migration, run: str) -> Operation:
    settings, target = plan.settings, plan.target
    hot = tier_tables(settings.roots, target.dataset).hot
    noted, how = open_snapshot(hot), _Renamed(plan.rename, plan.drop)
    fp = unknown_fingerprint()
    with _Staged(settings, target, run) as rows, _Staged.aside(settings, target, run) as kept:
        rows.fill(plan.whole, plan.whole.paths(), how)
        _check_same(plan, rows.found)
        _check_keys(settings, target, rows)
        kept.fill_shown(noted, how, fp)
        fault_point("migrate.before_commit")
        commit_recut(
            hot,
            target,
            stage=rows.stage,
            inspection=rows.found,
            noted=noted,
            fp=fp,
            made=made_of(plan.whole, target) | kept.partitions,
            gone=plan.gone,
            metadata={
                "run": run,
                "dataset": str(target.dataset),
                "from_version": str(noted.version),
                "columns": json.dumps({"rename": dict(how.rename), "drop": [*how.drop]}),
            },
        )
        fault_point("migrate.before_quarantine")
        kept.commit(fp, run, open_snapshot(hot))
    return Operation(
        KIND,
        str(target.dataset),
        rows.found.partitions,
        files=len(plan.whole.files),
        rows=rows.found.rows,
        size_bytes=plan.size_bytes,
        reason="; ".join(plan.changes),
    )


def _go_on(plan: Migration, run: str) -> None:
    """Bring the quarantine after rows whose migration was killed behind its commit."""
    settings, target = plan.settings, plan.target
    hot = tier_tables(settings.roots, target.dataset).hot
    info = last_migration(hot)
    if info is None:
        return
    columns = json.loads(info["columns"])
    before = open_snapshot(hot, int(info["from_version"]))
    with _Staged.aside(settings, target, run) as kept:
        kept.fill_shown(before, _Renamed(columns["rename"], columns["drop"]), int(info["fp"]))
        kept.commit(int(info["fp"]), run, open_snapshot(hot))


class _Staged:
    """Rows of one table, staged as the contract has them; nothing of it stays if it fails."""

    def __init__(self, settings: Settings, contract: TableContract, run: str) -> None:
        self.settings, self.contract = settings, contract
        self.table = table_path(settings.lake, contract.dataset, env=settings.env)
        self.run = run
        self.noted = open_snapshot(self.table)
        self._stages: list[Stage] = []
        self.found = Inspection((), contract.arrow_schema())

    @classmethod
    def aside(cls, settings: Settings, contract: TableContract, run: str) -> _Staged:
        made = cls(settings, quarantine_contract(contract), run)
        if made.noted.version >= 0:
            sweep(made.table)
            made.noted = open_snapshot(made.table)
        return made

    def __enter__(self) -> _Staged:
        return self

    def __exit__(self, *_: object) -> None:
        for stage in self._stages:
            stage.discard()

    @property
    def stage(self) -> Stage:
        return self._stages[0]

    @property
    def partitions(self) -> frozenset[str]:
        """Those of the dataset for which rows of a quarantine were staged."""
        return frozenset(name.rpartition("/")[0] for name in self.found.partitions)

    def fill(
        self, source: Snapshot, paths: Collection[str], how: _Renamed, within: str = ""
    ) -> None:
        import narwhals as nw

        assert source.schema is not None
        engine = get_engine(self.settings.engine)
        self._stages.append(begin_stage(self.table, self.run))
        rows = engine.scan(list(paths), source.schema)
        new = {v: k for k, v in how.rename.items()}
        there = set(source.schema.names) - set(how.drop) - set(how.rename)
        columns = []
        for column in self.contract.columns:
            if column.name in new:
                columns.append(nw.col(new[column.name]).alias(column.name))
            elif column.name in there:
                columns.append(nw.col(column.name))
            else:
                columns.append(nw.lit(None).alias(column.name))
        rows = rows.select(*columns)
        engine.stage(rows, self.stage, self.contract, interval=None, within=within)
        self.found = inspect_files(self.stage, self.contract)

    def fill_shown(self, main: Snapshot, how: _Renamed, fp: int) -> None:
        """What the partitions of a dataset show of its quarantine, for the fingerprint `fp`."""
        if self.noted.version < 0:
            return
        shown = sorted(shown_tokens(main, self.contract))
        self.fill(self.noted, self.noted.paths(shown), how, hex_of(fp))

    def commit(self, fp: int, run: str, main: Snapshot) -> None:
        """Commit what was staged of a quarantine beside what later runs have set aside."""
        if not self._stages:
            return
        keep = shown_tokens(main, self.contract) & set(self.noted.partitions) - set(
            self.found.partitions
        )
        commit_recut(
            self.table,
            self.contract,
            stage=self.stage,
            inspection=self.found,
            noted=self.noted,
            fp=fp,
            keep=keep,
            metadata={"run": run},
        )


def _check_same(plan: Migration, found: Inspection) -> None:
    """Every row is there; where no column changed, every value too."""
    gone = plan.whole.placed("deleted")
    before = [plan.whole.data(p) or 0 for p in plan.whole.written if p not in gone]
    is_same = found.rows == plan.rows
    if plan.is_recut_alone:
        is_same &= signed(sum(before)) == signed(sum(found.digest(p) for p in found.partitions))
    if not is_same:
        raise RunError(
            f"{found.rows:,} rows were written of {plan.rows:,}, or not the same ones",
            where=str(plan.target.dataset),
            fix="nothing was changed; lakebook tier verify names what is damaged",
        )


def _check_keys(settings: Settings, target: TableContract, rows: _Staged) -> None:
    """A merge relies on one row per key."""
    if target.write != "merge" or not rows.found.files:
        return
    import narwhals as nw

    paths = [str(rows.table / file.path) for file in rows.found.files]
    keys = get_engine(settings.engine).scan(paths, target.arrow_schema()).select(*target.key)
    counted = keys.group_by(*target.key).agg(nw.len().alias("_rows"))
    twice: Any = counted.filter(nw.col("_rows") > 1).select(nw.len()).collect().item()
    if twice:
        raise ContractError(
            f"{twice:,} keys ({', '.join(target.key)}) stand several times in {target.dataset}, "
            "and a merge needs one row for each",
            fix="choose a key that tells the rows apart; nothing was changed",
        )
