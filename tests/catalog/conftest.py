"""A small checkout that no test here runs, runs archived by hand, and a server like GMS."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from catalog.gms import Gms
from catalog.records import OUTPUT, STRICT, check
from small_checkout import COLUMNS, LANDING, POSITIVE, Checkout

from lakebook.archive.record import RunRecord, write_record
from lakebook.graph import load_graph
from lakebook.lineage import check as check_steps
from lakebook.settings import Settings, load_settings


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout once, with its steps compiled: that takes seconds."""
    made = Checkout(tmp_path_factory.mktemp("compiled"))
    (made.root / "lakebook.toml").write_text("")
    made.contract("bronze.events", COLUMNS + LANDING)
    made.contract("silver.events", COLUMNS, quality=POSITIVE + STRICT)
    for layer, cells in {
        "bronze": ['step.write(step.ingest("file://events.csv"))'],
        "silver": [
            'events = step.read("bronze.events")',
            'step.write(events.select("id", "seen", "amount"))',
        ],
    }.items():
        head = f'from lakebook import Step\nstep = Step("{layer}.events", start=start, end=end)'
        made.notebook(f"{layer}.events", [head, *cells])
    settings = load_settings(made.root)
    check_steps(settings, load_graph(settings))
    return made.root


@pytest.fixture
def plain(compiled: Path, tmp_path: Path) -> Checkout:
    """The files of two steps, which no test here runs."""
    shutil.copytree(compiled, tmp_path / "checkout")
    return Checkout(tmp_path / "checkout")


@pytest.fixture
def settings(plain: Checkout) -> Settings:
    return load_settings(plain.root)


@pytest.fixture
def archived(settings: Settings, tmp_path: Path) -> Callable[..., RunRecord]:
    """Archive a run of silver.events; numbers count up, so that later ones end later."""
    count = 0
    day = datetime.now(UTC).date()  # the outbox looks for runs of the last days

    def archive(*, ok: bool = True, **changes: Any) -> RunRecord:
        nonlocal count
        count += 1
        record = RunRecord(
            run_id=f"{day:%Y%m%d}T00{count:02d}00-silver.events-{count:06x}",
            step="silver.events",
            env="prod",
            status="ok" if ok else "failed",
            began=f"{day}T00:{count:02d}:00.000+00:00",
            elapsed_s=2.5,
            start="2013-01-01",
            end="2013-01-02",
            partitions=("2013-01-01",),
            error=None if ok else "silver.events: rule 'small' does not hold; amount 777777",
            inputs=({"dataset": "bronze.events", "version": 7},),
            outputs=(OUTPUT,) if ok else (),
            checks=(check(success=ok),),
        )
        record = replace(record, **changes)
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        write_record(settings.runs, record, work)
        return record

    return archive


@pytest.fixture
def gms() -> Iterator[Gms]:
    with Gms() as server:
        yield server
