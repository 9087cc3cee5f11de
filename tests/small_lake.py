"""A lake in a folder for tests that write through `Step` in their own process, without a runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from small_checkout import Checkout

from lakebook.delta import Snapshot, open_snapshot
from lakebook.engines import get_engine
from lakebook.intervals import Interval
from lakebook.names import PROD, Dataset, table_path
from lakebook.quality import quarantine
from lakebook.settings import load_settings
from lakebook.step import Step
from lakebook.step.context import use_context
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext
from lakebook.step.view import open_view

SEEN = "      - {name: seen, logicalType: timestamp, physicalType: timestamp}\n"
AMOUNT = "      - {name: amount, logicalType: integer, physicalType: int64}\n"

Row = tuple[int, str | None, int]


def rows(*given: Row) -> pl.LazyFrame:
    """`(id, seen, amount)`; `seen` as `2013-01-01` or with an hour, None for null."""
    seen = [None if s is None else datetime.fromisoformat(s) for _, s, _ in given]
    data = {"id": [r[0] for r in given], "seen": seen, "amount": [r[2] for r in given]}
    return pl.LazyFrame(
        data, schema={"id": pl.Int64, "seen": pl.Datetime("us"), "amount": pl.Int64}
    )


@dataclass
class SmallLake:
    """`silver.events (id, seen, amount)` by day, written by the kind of write that a test names."""

    root: Path
    step: str = "silver.events"
    code: str = "one"
    env: str = PROD
    run_id: str = "run"
    force: bool = False
    contexts: list[LakeContext] = field(default_factory=list)

    def contract(
        self, write: str, *, quality: str = "", time: bool = True, columns: str = ""
    ) -> None:
        (self.root / "lakebook.toml").touch()
        checkout = Checkout(self.root)
        given = SEEN + AMOUNT + columns
        checkout.contract(self.step, given, write=write, quality=quality, time=time)

    def open(self, start: str | None, end: str | None, *, known: bool = True) -> Step:
        """A step whose making is known, as in a run, or not, as in JupyterLab."""
        settings = load_settings(self.root, env=self.env)
        static = {"code": self.code} if known else {}
        run = RunContext(self.run_id, settings, static=static, force=self.force)

        def factory(step: Dataset, interval: Interval | None, engine: str | None) -> LakeContext:
            self.contexts.append(LakeContext(run, step, interval, engine))
            return self.contexts[-1]

        with use_context(factory):
            return Step(self.step, start=start, end=end)

    def write(
        self, given: Sequence[Row], start: str | None, end: str | None, *, known: bool = True
    ) -> Any:
        """One write; returns its `Output`."""
        return self.open(start, end, known=known).write(rows(*given)).output

    @property
    def table(self) -> Path:
        return table_path(self.root / ".lake", Dataset.parse(self.step), env=self.env)

    @property
    def snapshot(self) -> Snapshot:
        return open_snapshot(self.table)

    def partitions(self) -> Mapping[str, list[Row]]:
        """Partition -> live rows as this environment sees them; one without rows is there too."""
        context = self.contexts[-1]
        view = open_view(context.settings, context.table(Dataset.parse(self.step)))
        schema = view.contract.arrow_schema()
        found = {}
        for name in view.present:
            frame = get_engine("polars").scan(view.paths([name]), schema).collect().to_native()
            found[name] = sorted(
                (r["id"], None if r["seen"] is None else _short(r["seen"]), r["amount"])
                for r in frame.iter_rows(named=True)
            )
        return found

    def rows(self) -> list[Row]:
        return sorted(row for part in self.partitions().values() for row in part)

    def quarantined(self) -> list[tuple[int, int]]:
        """`(id, amount)` of what is shown of the quarantine."""
        context = self.contexts[-1]
        shown = quarantine.show(context.settings, context.table(Dataset.parse(self.step)))
        return sorted(shown.select("id", "amount").collect().to_native().rows())


def _short(value: datetime) -> str:
    text = value.isoformat()
    return text.removesuffix("T00:00:00")
