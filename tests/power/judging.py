"""What must hold of a lake with tiers after a power cut, and after the same command ran again."""

from __future__ import annotations

import functools
import operator
import traceback
from collections.abc import Iterable
from pathlib import Path

import polars as pl
from power.cuts import Cut
from power.disk import write_tree
from tiers import tier_checks as c
from tiers import tier_lake as t

from lakebook import delta
from lakebook.delta.checkpointing import clear_scratch
from lakebook.delta.digest import digest_file
from lakebook.names import TierTables
from lakebook.tiers.audit import DONE, read_audit
from lakebook.tiers.decoding import Decoder
from lakebook.tiers.verify import verify

SUBJECT = "1-0"
"""What is erased: a row of each day in what the first write made."""

State = dict[str, dict[str, object]]


class AtOnce(Decoder):
    """Decodes in this process: to start one for each state would take most of the time."""

    def digest(self, path: Path, stats_json: str | None) -> int:
        return digest_file(path)


class Judge:
    """Of one operation. `before`: what its lake was; `after`: what an uninterrupted one made of it.

    `is_one`: it is one commit, so that a reader sees all of it or nothing; else each partition is
    as before or as after.
    """

    def __init__(self, folder: Path, spec: t.Spec, before: State, after: State) -> None:
        self.folder, self.spec, self.before, self.after = folder, spec, before, after
        self.is_one = spec["op"] != "erase"

    def complaints(self, found: Iterable[Cut]) -> list[str]:
        """What is wrong in which state, a line each."""
        said = []
        for cut in found:
            step = "seen"
            try:
                write_tree(self.folder, cut.tree)
                self._look(cut)
                step = "run again"
                t.operate(self.folder, self.spec)
                self._end()
                step = "swept"
                t.operate(self.folder, {"op": "sweep"})
                self._tidy()
            except Exception as wrong:
                where = traceback.extract_tb(wrong.__traceback__)[-1].name
                said.append(f"{step}: {type(wrong).__name__} in {where}: {wrong} <- {cut.how}")
        return said

    def _look(self, cut: Cut) -> None:
        tables = t.tables_at(self.folder)
        c.check_complete(tables)
        see_alike(tables)
        self._gone(tables)
        rows, old, new = c.state(tables)["rows"], self.before["rows"], self.after["rows"]
        if cut.moment < 0:
            assert rows == new, "what was said to be done is undone"
        elif self.is_one:
            assert rows in (old, new), "half of a write"
        else:
            for name, value in rows.items():
                assert value in (old[name], new[name]), f"half of a write: {name}"

    def _gone(self, tables: TierTables) -> None:
        """What the audit trail calls done is not on the disk any more."""
        done = [one for one in read_audit(t.settings_at(self.folder).lake) if one["state"] == DONE]
        names = [one["partition"] for one in done if "partition" in one]
        for path in self.folder.rglob("*.parquet") if done else ():
            assert not any(name in str(path) for name in names), f"{path.name} is there again"
            if self.spec["op"] == "erase" and "_delta_log" not in path.parts:
                values = pl.read_parquet(path, columns=["v"], hive_partitioning=False)["v"]
                assert SUBJECT not in values.to_list(), f"rows are there again in {path.name}"

    def _end(self) -> None:
        tables = t.tables_at(self.folder)
        c.check_complete(tables)
        state = c.state(tables)
        if self.is_one:
            assert state == self.after, f"it ends in {state}, not {self.after}"
        else:  # what was to be done is done; the rest may have been done before
            assert state["rows"] == self.after["rows"]
        found = verify(t.settings_at(self.folder), [t.CONTRACT]).findings
        assert not found, [one.sentence for one in found]

    def _tidy(self) -> None:
        if self.spec["op"] == "erase":
            t.operate(self.folder, {"op": "vacuum"})
        tables = t.tables_at(self.folder)
        c.check_complete(tables)
        for table in (tables.hot, tables.warm):
            clear_scratch(table, older_than_s=0)  # of a checkpoint that died, on whatever machine
        c.check_tidy(tables)


def see_alike(tables: TierTables) -> None:
    """delta-rs opens each table, at the version that we see, and reads the rows that we read."""
    from deltalake import DeltaTable

    for table in (tables.hot, tables.warm):
        ours = delta.open_snapshot(table)
        if ours.version < 0:
            assert not DeltaTable.is_deltatable(str(table)), f"{table.parts[-3]} is a table"
            continue
        theirs = DeltaTable(str(table))
        assert theirs.version() == ours.version
        assert theirs.schema() is not None
        columns = ["day", "k", "v"]
        uris = sorted(uri.removeprefix("file://") for uri in theirs.file_uris())
        rows = [pl.read_parquet(uri, columns=columns, hive_partitioning=False) for uri in uris]
        read = [pl.read_parquet(p, columns=columns, hive_partitioning=False) for p in ours.paths()]
        assert sorted(functools.reduce(operator.iadd, (r.rows() for r in rows), [])) == sorted(
            functools.reduce(operator.iadd, (r.rows() for r in read), [])
        )
