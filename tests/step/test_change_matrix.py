"""A contract changes under its data: one answer for each kind of change, and the rows after it.

A cell is a kind of change, a kind of write, a place (prod; an environment that lags behind prod;
one with rows of its own) and how much is run after the change. In each, `check`, `plan`, `query`
and the run have to give the same answer; then the way that it says is gone, and what `query` shows
is held against a plain recomputation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import journal_source
import pytest
import sampling
from changed_lake import (
    ALL,
    AMOUNT,
    CODE,
    PART,
    SENT,
    SILVER,
    ChangedLake,
    Rows,
    after_run,
    as_logged,
    first_rows,
    inside,
    later,
    shown,
    under_another_id,
)
from small_checkout import rule

from lakebook.errors import UserError
from lakebook.run.migrate import plan_migration
from lakebook.run.migrating import apply_migration
from lakebook.run.refresh import refresh

Verdict = Literal["taken", "migrate", "refused", "lossy"]
"""What is said: nothing; `lakebook migrate`; to put it back; the first of them, which then cannot
be done without losing a value."""
WRITES = ("replace", "merge", "snapshot", "append")
TIMED = ("replace", "merge", "append")
TIME = (
    "      - {property: timeColumn, value: seen}\n      - {property: timeZone, value: UTC}\n"
    "      - {property: partitionUnit, value: day}\n"
)
KEY = (
    f", required: true, primaryKey: true}}\n{CODE}",
    f", required: true}}\n{CODE.replace('}', ', primaryKey: true}')}",
)
LIMIT = "    quality:\n" + rule(
    "amount_positive", "expect_column_values_to_be_between", "quarantine", column="amount",
    min_value=0,
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """edits: of the contract's text. writes: for which it can be said. how: of its migration."""

    verdict: Verdict
    edits: tuple[tuple[str, str], ...]
    writes: tuple[str, ...] = WRITES
    how: dict[str, Any] | None = None


def said(old: str, new: str) -> tuple[tuple[str, str], ...]:
    return ((old, new),)


CHANGES = {
    "unit": Change("migrate", said("partitionUnit, value: day", "partitionUnit, value: month"),
                   TIMED),
    "column": Change("migrate", said("timeColumn, value: seen", "timeColumn, value: sent"), TIMED),
    "zone": Change("migrate", said("timeZone, value: UTC", "timeZone, value: America/New_York"),
                   TIMED),
    "no time": Change("refused", said(TIME, ""), ("merge",)),
    "no time, snapshot": Change("refused", said(f"write, value: replace}}\n{TIME}",
                                                "write, value: snapshot}\n"), ("replace",)),
    "time": Change("refused", said("write, value: snapshot}\n", f"write, value: replace}}\n{TIME}"),
                   ("snapshot",)),
    "wider type": Change("migrate", said(AMOUNT, AMOUNT.replace("integer", "number")
                                         .replace("int64", "'decimal(20,0)'"))),
    "narrower type": Change("migrate", said(AMOUNT, AMOUNT.replace("int64", "int32"))),
    "lossy type": Change("lossy", said(CODE, CODE.replace("int64", "int32"))),
    "key": Change("migrate", said(*KEY), ("merge",)),
    "unused key": Change("taken", said(*KEY), ("replace", "snapshot", "append")),
    "to merge": Change("migrate", said("write, value: replace", "write, value: merge"),
                       ("replace",)),
    "snapshot to merge": Change("migrate", said("write, value: snapshot", "write, value: merge"),
                                ("snapshot",)),
    "to replace": Change("taken", said("write, value: merge", "write, value: replace"), ("merge",)),
    "to append": Change("refused", said("write, value: replace", "write, value: append"),
                        ("replace",)),
    "merge to append": Change("refused", said("write, value: merge", "write, value: append"),
                              ("merge",)),
    "append to replace": Change("refused", said("write, value: append", "write, value: replace"),
                                ("append",)),
    "append to merge": Change("refused", said("write, value: append", "write, value: merge"),
                              ("append",)),
    "optional": Change("migrate", said(CODE, CODE.replace(", required: true", ""))),
    "required": Change("taken", said(AMOUNT, AMOUNT.replace("}", ", required: true}"))),
    "rule": Change("taken", said("    properties:\n", f"{LIMIT}    properties:\n")),
    "policy": Change("taken", said("      - {property: write,",
                                   "      - {property: tier, value: {hot: 30d}}\n"
                                   "      - {property: write,"), ("replace", "merge")),
    "renamed": Change("migrate", said("name: amount", "name: total"),
                      how={"rename": {"amount": "total"}}),
    "renamed, required": Change("migrate", said("name: code", "name: number"),
                                how={"rename": {"code": "number"}}),
    "dropped": Change("migrate", said(AMOUNT, ""), how={"drop": ["amount"]}),
    "dropped, required": Change("migrate", said(CODE, ""), how={"drop": ["code"]}),
    "new": Change("taken", said(SENT, SENT + AMOUNT.replace("amount", "more"))),
    "new, required": Change("refused", said(SENT, SENT + CODE.replace("code", "more"))),
}  # fmt: skip

PLACES = ("prod", "lagging", "own")
AMOUNTS = ("nothing", "part", "all")
CELLS = [
    (kind, write, place, amount)
    for kind, change in CHANGES.items()
    for write in change.writes
    for place in PLACES
    for amount in AMOUNTS
    if not (place == "own" and write == "append")  # an environment has no such table
    and not (amount != "nothing" and change.verdict in ("refused", "lossy"))
    and not (amount == "part" and write == "snapshot")
]


@dataclass
class Cell:
    """rows: what `env` is to show; prod: what prod is to."""

    lake: ChangedLake
    rows: list[Any]
    prod: list[Any]

    def holds(self) -> None:
        lake = self.lake
        found, wanted = lake.query(), shown(lake.contract, self.rows)
        more, less = [r for r in found if r not in wanted], [r for r in wanted if r not in found]
        assert (len(found), more, less) == (len(wanted), [], []), lake.env
        if lake.contract.write == "merge":
            keys = [tuple(row[k] for k in lake.contract.key) for row in self.rows]
            assert len(keys) == len({*keys})


Lakes = Callable[[str, str], Cell]


def copied(cell: Cell, root: Path) -> Cell:
    return Cell(cell.lake.copied(root), cell.rows, cell.prod)


def made(root: Path, write: str, place: str) -> Cell:
    """Rows of two runs; for an environment, prod has run once more since it looked."""
    lake = ChangedLake.made(root, write)
    first = first_rows()
    rows: list[Any] = []
    for given in (first, later(first, 1000)):
        _next(lake, given)
        lake.run()
        rows = after_run(lake.contract, rows, _of_source(lake), ALL)
    cell = Cell(lake, rows, rows)
    if place == "prod":
        return cell
    lake.env = "ana"
    cell.holds()
    if place == "own":
        lake.source(later(first, 2000))
        lake.run(PART)
        cell.rows = after_run(lake.contract, rows, _of_source(lake), PART)
    lake.env = "prod"
    _next(lake, later(first, 3000))
    lake.run()
    cell.prod = after_run(lake.contract, rows, _of_source(lake), ALL)
    lake.env = "ana"
    return cell


def _next(lake: ChangedLake, rows: Rows) -> None:
    """A newer state of the source; a log gets other rows at its end."""
    if lake.write == "append":
        batch = len(lake.bronze)
        logs = as_logged(tuple({**row, "id": row["id"] + 10_000 * batch} for row in rows))
        lake.bronze[f"batch {batch}"] = logs
        lake.record(logs)
    else:
        lake.source(rows)


def _of_source(lake: ChangedLake) -> Rows:
    if lake.write == "append":
        return lake.bronze[f"batch {len(lake.bronze) - 1}"]
    return lake.bronze.get(lake.env) or lake.bronze["prod"]


def answers(lake: ChangedLake, scratch: Path) -> dict[str, str]:
    """What each way in says of the contract as it is now. The run is tried on a copy."""
    tried = lake.copied(scratch)
    found = {
        "check": lake.check(),
        "plan": lake.answer(lake.plan),
        "query": lake.answer(lake.query),
        "run": tried.answer(tried.run),
    }
    if lake.write == "append" and lake.env != "prod" and found["query"] == "taken":
        assert "run it in prod" in found.pop("run")
    return found


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("plugins")
        journal_source.install(place / "plugins")
        patch.syspath_prepend(str(place / "plugins"))
        patch.delenv("LAKEBOOK_RUN", raising=False)
        yield


@pytest.fixture(scope="module")
def lakes(plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    """Each kind of write in each place is made once; what changes it takes a copy."""

    @functools.cache
    def make(write: str, place: str) -> Cell:
        return made(tmp_path_factory.mktemp(f"{write}_{place}"), write, place)

    return make


@pytest.mark.soak
@pytest.mark.parametrize(
    ("kind", "write", "place", "amount"),
    sampling.chosen(CELLS, 14, "change matrix"),
    ids=lambda part: part.replace(" ", "_"),
)
def test_one_answer_and_the_rows_that_follow_from_it(
    lakes: Callable[[str, str], Cell],
    tmp_path: Path,
    kind: str,
    write: str,
    place: str,
    amount: str,
) -> None:
    change = CHANGES[kind]
    cell = copied(lakes(write, place), tmp_path / "lake")
    lake = cell.lake
    cell.holds()
    back = lake.change(change.edits)

    found = answers(lake, tmp_path / "tried")
    assert len({*found.values()}) == 1, found
    (says,) = {*found.values()}
    assert (says == "taken") is (change.verdict == "taken"), says
    assert ("lakebook migrate" in says) is (change.verdict in ("migrate", "lossy"))

    if change.verdict in ("refused", "lossy"):
        _cannot_be_migrated(lake, change)
        back()
        cell.holds()
        return
    if change.verdict == "migrate":
        _migrate(cell, change, place, tmp_path)
    cell.holds()
    if amount != "nothing":
        _run(cell, kind, amount)
        cell.holds()
    elif change.verdict == "taken" and place != "prod":
        _catch_up(cell, write, place)
        cell.holds()


def _cannot_be_migrated(lake: ChangedLake, change: Change) -> None:
    env, lake.env = lake.env, "prod"
    before = {path: path.read_bytes() for path in lake.root.rglob("*.json")}
    with pytest.raises(UserError):
        apply_migration(plan_migration(lake.settings, SILVER, **(change.how or {})), "m")
    assert {path: path.read_bytes() for path in before} == before
    lake.env = env


def _migrate(cell: Cell, change: Change, place: str, tmp_path: Path) -> None:
    """Migrate prod; an environment then goes to it, giving up what it wrote by another contract."""
    lake = cell.lake
    env, lake.env = lake.env, "prod"
    plan = plan_migration(lake.settings, SILVER, **(change.how or {}))
    assert plan.changes and plan.rows == len(cell.prod)
    apply_migration(plan, "m")
    assert Cell(lake, cell.prod, cell.prod).holds() is None
    if place == "prod":
        assert set(answers(lake, tmp_path / "migrated").values()) == {"taken"}
    if lake.write != "append":
        assert not lake.plan().fresh
    lake.env = env
    if place == "prod":
        return
    found = answers(lake, tmp_path / "lagging")
    assert len({*found.values()}) == 1, found
    (says,) = {*found.values()}
    own = " --discard" if place == "own" else ""
    assert f"lakebook env refresh ana silver.events{own}" in says
    assert "lakebook migrate" not in says
    refresh(lake.settings, "ana", [str(SILVER)], give_up=bool(own))
    cell.rows = cell.prod


def _catch_up(cell: Cell, write: str, place: str) -> None:
    """The environment goes to prod's newest version, if what it wrote can stand over that."""
    lake = cell.lake
    if place == "own" and write == "merge":
        with pytest.raises(UserError, match="a key would be shown twice"):
            refresh(lake.settings, "ana", [str(SILVER)])
        return
    refresh(lake.settings, "ana", [str(SILVER)])
    if place == "lagging":
        cell.rows = cell.prod
        return
    is_own = functools.partial(inside, lake.contract, interval=PART)
    cell.rows = [*filter(is_own, cell.rows), *(row for row in cell.prod if not is_own(row))]


def _run(cell: Cell, kind: str, amount: str) -> None:
    lake = cell.lake
    interval = ALL if amount == "all" else PART
    if lake.write == "append":
        if lake.env != "prod":
            with pytest.raises(UserError, match="run it in prod"):
                lake.run()
            return
        _next(lake, _newest(lake))
        source = _of_source(lake)
        most = len(source) if amount == "all" else 5
        lake.run(most=most)
        cell.rows = after_run(lake.contract, cell.rows, _kept(kind, source[:most]), ALL)
        return
    _next(lake, _newest(lake))
    source = _of_source(lake)
    lake.run(interval)
    if kind == "rule" and lake.contract.write == "merge":
        # Who merges judges all rows of what is written anew: the batch takes its keys out first.
        rows = after_run(lake.contract, cell.rows, source, interval)
        is_judged = functools.partial(inside, lake.contract, interval=interval)
        cell.rows = [row for row in rows if row["amount"] >= 0 or not is_judged(row)]
    else:
        cell.rows = after_run(lake.contract, cell.rows, _kept(kind, source), interval)
    if amount == "all":
        assert not lake.plan().stale


def _newest(lake: ChangedLake) -> Rows:
    """What the source says after the change; who merges keeps a row that it says no more."""
    rows = later(first_rows(), 5000)
    if lake.contract.write != "merge":
        return rows
    return tuple(row for row in under_another_id(rows) if row["id"] != 5)


def _kept(kind: str, rows: Rows) -> Rows:
    """The rows that a rule lets through."""
    return tuple(row for row in rows if kind != "rule" or row["amount"] >= 0)
