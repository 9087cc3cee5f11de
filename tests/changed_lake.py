"""A dataset whose contract changes under its rows, and what those must be, computed plainly.

`silver.events` is made of `bronze.events`, or appended from a journal. It is read and written as
the commands do it, in this process: the notebooks are there for the graph alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from small_checkout import Checkout

from lakebook.contract.lookup import find_table
from lakebook.contract.model import TableContract
from lakebook.errors import LakebookError, UserError
from lakebook.graph import load_graph
from lakebook.intervals import Interval
from lakebook.lineage import table_findings
from lakebook.names import PROD, Dataset
from lakebook.run.plan import Planner, StepPlan
from lakebook.run.query import run_query
from lakebook.settings import Settings, load_settings
from lakebook.step import Step
from lakebook.step.context import use_context
from lakebook.step.declared import DeclaredRead
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext

BRONZE, SILVER = Dataset.parse("bronze.events"), Dataset.parse("silver.events")
JOURNAL = "journal://orders"
ALL = Interval.parse("2013-01-01", "2013-03-01")
PART = Interval.parse("2013-01-01", "2013-02-01")

CODE = "      - {name: code, logicalType: integer, physicalType: int64, required: true}\n"
SEEN = "      - {name: seen, logicalType: timestamp, physicalType: timestamp}\n"
AMOUNT = "      - {name: amount, logicalType: integer, physicalType: int64}\n"
SENT = "      - {name: sent, logicalType: timestamp, physicalType: timestamp}\n"

Row = Mapping[str, Any]
"""id, code, seen, amount, sent: moments in UTC, without a zone."""
Rows = tuple[Row, ...]


def code(n: int) -> int:
    """A second key; wider than 32 bits."""
    return 5_000_000_000 + 7 * n


def first_rows() -> Rows:
    """Of two months, inside them by both times and in every zone; hours tell zones apart."""
    start = datetime(2013, 1, 2)
    return tuple(
        {
            "id": n,
            "code": code(n),
            "seen": start + timedelta(days=n * 6, hours=(n * 5) % 24),
            "amount": -n if n % 3 == 2 else n,
            "sent": start + timedelta(days=(n * 9) % 54, hours=(n * 7) % 24),
        }
        for n in range(9)
    )


def later(rows: Rows, by: int) -> Rows:
    """What a source says of the same rows later: other amounts, one row more, some elsewhere."""
    found = [{**row, "amount": row["amount"] + (by if row["amount"] >= 0 else 0)} for row in rows]
    there, back = by // 1000 % 3, 6 + by // 1000 % 2  # between the months, for who merges
    found[there]["seen"], found[back]["seen"] = found[back]["seen"], found[there]["seen"]
    return (*found, {**found[2], "id": 100 + by, "code": code(100 + by), "amount": by})


def under_another_id(rows: Rows) -> Rows:
    """One row with the second key that it had and another of the first."""
    return tuple({**row, "id": 900} if row["id"] == 3 else row for row in rows)


@dataclass
class ChangedLake:
    """One lake; `env`: who looks and runs."""

    root: Path
    write: str
    env: str = PROD
    runs: int = 0
    bronze: dict[str, Rows] = field(default_factory=dict)

    @classmethod
    def made(cls, root: Path, write: str) -> ChangedLake:
        lake = cls(root, write)
        (root / "lakebook.toml").touch()
        out, time = Checkout(root), write != "snapshot"
        columns = CODE + SEEN + AMOUNT + SENT
        out.contract(str(SILVER), columns, write=write, time=time)
        out.contract(str(BRONZE), columns, write="snapshot", time=False)
        out.notebook(
            str(BRONZE), ['from lakebook import Step\nstep = Step("bronze.events")'], time=False
        )
        read = 'step.read("bronze.events", whole=True)'
        if write == "append":
            read = f'step.ingest("{JOURNAL}")'
        interval = "" if write in ("append", "snapshot") else ", start=start, end=end"
        out.notebook(
            str(SILVER),
            [
                f'from lakebook import Step\nstep = Step("silver.events"{interval})',
                f"step.write({read})",
            ],
            time=bool(interval),
        )
        return lake

    # -- the contract ----------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self.root / "notebooks/silver/events.contract.yaml"

    def change(self, edits: Iterable[tuple[str, str]]) -> Callable[[], Any]:
        """Edit the contract; gives what puts it back."""
        before = text = self.path.read_text()
        for old, new in edits:
            assert text.count(old) == 1, (old, text)
            text = text.replace(old, new)
        self.path.write_text(text)
        return lambda: self.path.write_text(before)

    @property
    def settings(self) -> Settings:
        return load_settings(self.root, env=self.env, environ={})

    @property
    def contract(self) -> TableContract:
        return find_table(self.settings, SILVER)

    # -- what the commands do --------------------------------------------------------------------

    def plan(self, interval: Interval = ALL) -> StepPlan:
        settings = self.settings
        graph = load_graph(settings).whole()
        return Planner(settings, graph, interval).plan_step(graph.steps[SILVER])

    def check(self) -> str:
        """`taken`, or what `check` says of the tables: in the order of an error's sentence."""
        settings = self.settings
        found = table_findings(settings, [load_graph(settings).steps[SILVER]])
        assert table_findings(settings, [load_graph(settings).steps[SILVER]]) == found
        if not found:
            return "taken"
        (one,) = found
        assert one.is_error
        return f"{one.where}: {one.message}; {one.fix}"

    def query(self) -> list[tuple[Any, ...]]:
        """The rows as `(name, value)` pairs, in order."""
        found = run_query(self.settings, f"SELECT * FROM {SILVER}", unmask=True)
        names = found.columns
        return sorted(_pairs(dict(zip(names, row, strict=True))) for row in found.fetchall())

    def source(self, rows: Rows) -> None:
        """Put these rows into this environment's bronze."""
        self.bronze[self.env] = rows
        context = self._open(BRONZE, None)
        context.write(_frame(find_table(self.settings, BRONZE), rows))

    def record(self, rows: Rows) -> None:
        """Put these rows at the end of the journal."""
        with (self.root / "orders.journal").open("a") as file:
            for row in rows:
                file.write(json.dumps([row["id"], f"{row['seen']:%Y-%m-%d}", row["amount"]]) + "\n")

    def run(self, interval: Interval = ALL, *, most: int | None = None) -> None:
        """One run, as the scheduler starts it for what the plan says; `most`: of a log's rows."""
        plan = self.plan(interval)
        if self.write == "append":
            step = self._open(SILVER, None, plan)
            batch = step.ingest(JOURNAL, **({} if most is None else {"most": most}))
            rows = batch.collect().to_native().rows(named=True)
            step.write(_frame(self.contract, [logged(row) for row in rows]))
            return
        step = self._open(SILVER, plan.interval, plan)
        given = step.read(str(BRONZE), whole=True).collect().to_native().rows(named=True)
        step.write(_frame(self.contract, [r for r in given if inside(self.contract, r, interval)]))

    def _open(
        self, dataset: Dataset, interval: Interval | None, plan: StepPlan | None = None
    ) -> Step:
        self.runs += 1
        known: dict[str, Any] = {}
        if plan is not None:
            reads = [DeclaredRead(one.dataset, whole=one.whole) for one in plan.node.reads]
            known = {
                "static": plan.static,
                "declared": tuple(reads),
                "sources": plan.node.sources,
            }
        run = RunContext(f"run{self.runs}", self.settings, **known)
        ends = (None, None) if interval is None else (str(interval.start), str(interval.end))
        with use_context(lambda step, days, engine: LakeContext(run, step, days, engine)):
            return Step(str(dataset), start=ends[0], end=ends[1])

    def copied(self, root: Path) -> ChangedLake:
        """The same lake elsewhere, to try what would change it."""
        shutil.copytree(self.root, root, symlinks=True)
        return replace(self, root=root, bronze=dict(self.bronze))

    def answer(self, asked: Callable[[], Any]) -> str:
        """`taken`, or the sentence of a refusal with places as they are in the checkout."""
        here = f"{os.path.relpath(self.root)}/"
        try:
            asked()
        except UserError as refused:
            return refused.sentence.replace(here, "")
        except LakebookError as failed:
            return f"FAILED {failed.sentence}".replace(here, "")
        return "taken"


# -- the oracle: plain rows, nothing of the lake -------------------------------------------------


def logged(row: Row) -> Row:
    """A row of the journal with the columns that the step makes up."""
    n, seen = row["id"], row["seen"]
    return {**row, "code": code(n), "sent": seen + timedelta(hours=30)}


def as_logged(rows: Rows) -> Rows:
    """Rows as the journal keeps them: it knows days alone."""
    return tuple(logged({**row, "seen": row["seen"].replace(hour=0, minute=0)}) for row in rows)


def partition(contract: TableContract, row: Row) -> str:
    """Where a row lies by a contract."""
    time = contract.time
    if time is None:
        return "*"
    moment = row[time.column].replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(time.zone))
    return f"{moment:%Y-%m-%d}" if time.unit == "day" else f"{moment:%Y-%m}"


def inside(contract: TableContract, row: Row, interval: Interval) -> bool:
    where = partition(contract, row)
    return (
        where == "*" or str(interval.start)[: len(where)] <= where < str(interval.end)[: len(where)]
    )


def after_run(
    contract: TableContract, there: Iterable[Row], source: Iterable[Row], interval: Interval
) -> list[Row]:
    """The rows once the step has run for an interval, by its kind of write."""
    new = [row for row in source if inside(contract, row, interval)]
    if contract.write == "append":
        return [*there, *new]
    if contract.write == "merge":
        by_key = {tuple(row[k] for k in contract.key): row for row in [*there, *new]}
        return list(by_key.values())
    return [*(row for row in there if not inside(contract, row, interval)), *new]


def shown(contract: TableContract, rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """As `ChangedLake.query` gives them."""
    return sorted(_pairs({c: _value(row, c) for c in contract.names}) for row in rows)


RENAMED = {"total": "amount", "number": "code"}
MADE_UP = ("more",)


def _value(row: Row, column: str) -> Any:
    name = RENAMED.get(column, column)
    return row.get(name) if name in MADE_UP else row[name]


def _pairs(row: Row) -> tuple[Any, ...]:
    return tuple(sorted((name, str(_plain(value))) for name, value in row.items()))


def _plain(value: Any) -> Any:
    """Numbers of all types as what they count; what is lost on the way shows in the text."""
    from decimal import Decimal

    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _frame(contract: TableContract, rows: Iterable[Row]) -> pl.LazyFrame:
    given = list(rows)
    schema = {
        c.name: pl.Schema(pl.from_arrow(contract.arrow_schema().empty_table()).schema)[c.name]
        for c in contract.columns
    }
    data = {c: [_value(row, c) for row in given] for c in contract.names}
    return pl.LazyFrame(data, schema=schema, strict=True)
