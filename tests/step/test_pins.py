"""An environment reads prod at pinned versions: stable while prod moves on, until one expires."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from small_checkout import POSITIVE, Checkout
from small_lake import SmallLake

from lakebook.delta import Pins, open_snapshot, read_leases, vacuum
from lakebook.delta.log import commit_path
from lakebook.errors import UserError
from lakebook.graph import load_graph
from lakebook.intervals import Interval
from lakebook.names import Dataset, Roots, table_path
from lakebook.quality import quarantine
from lakebook.run.drop import apply_drop, plan_drop
from lakebook.run.environments import survey
from lakebook.run.plan import Planner, StepPlan
from lakebook.run.refresh import refresh
from lakebook.settings import Settings, load_settings
from lakebook.step import Step
from lakebook.step.context import use_context
from lakebook.step.declared import DeclaredRead
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext
from lakebook.step.view import look_at, open_view

BRONZE, SILVER = Dataset.parse("bronze.events"), Dataset.parse("silver.events")
DAY_S = 86_400.0
DAYS = Interval.parse("2013-01-01", "2013-01-03")


@pytest.fixture
def lake(tmp_path) -> SmallLake:
    """bronze.events with two days in prod; silver.events is to be made of it."""
    lake = SmallLake(tmp_path)
    lake.contract("replace", quality=POSITIVE)
    read = 'step.write(step.read("bronze.events"))'
    new = 'step = Step("silver.events", start=start, end=end)'
    Checkout(tmp_path).notebook("silver.events", ["from lakebook import Step", new, read])
    lake.step = "bronze.events"
    lake.contract("replace", quality=POSITIVE)
    nothing = 'Step("bronze.events", start=start, end=end).write(None)'
    Checkout(tmp_path).notebook("bronze.events", ["from lakebook import Step", nothing])
    in_prod(lake, 10)
    return lake


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts the clock on by days."""
    clock, now = {"ahead": 0.0}, time.time
    monkeypatch.setattr(time, "time", lambda: now() + clock["ahead"])

    def move(days: float) -> None:
        clock["ahead"] += days * DAY_S

    return move


def in_prod(lake: SmallLake, amount: int) -> None:
    """Prod's bronze moves on."""
    mine = replace(lake, env="prod", step="bronze.events")
    rows = [(1, "2013-01-01", amount), (2, "2013-01-02", amount), (3, "2013-01-02", -amount)]
    mine.write(rows, "2013-01-01", "2013-01-03")


def settings_of(lake: SmallLake, env: str = "ana") -> Settings:
    return load_settings(lake.root, env=env, environ={})


def run(lake: SmallLake, env: str, days: Interval = DAYS) -> StepPlan:
    """Make silver.events where it is stale, as a run does; return the plan."""
    settings = settings_of(lake, env)
    graph = load_graph(settings)
    planned = Planner(settings, graph, days).plan_step(graph.steps[SILVER])
    if planned.stale:
        made = RunContext("r", settings, static=planned.static, declared=(DeclaredRead(BRONZE),))
        with use_context(lambda *step: LakeContext(made, *step)):
            step = Step("silver.events", start=days.start, end=days.end)
            step.write(step.read("bronze.events"))
    return planned


def amounts(lake: SmallLake, dataset: Dataset, env: str = "ana") -> list[int]:
    from lakebook.contract.lookup import find_table
    from lakebook.engines import get_engine

    settings = settings_of(lake, env)
    view = open_view(settings, find_table(settings, dataset))
    frame = get_engine("polars").scan(view.paths(), view.contract.arrow_schema())
    return sorted(frame.select("amount").collect()["amount"].to_list())


def test_reads_stay_as_they_were_first_seen_and_a_rerun_commits_nothing(lake: SmallLake):
    run(lake, "prod")
    assert run(lake, "ana").stale == ()  # prod's partitions count as made
    run(lake, "ana", Interval.parse("2013-01-01", "2013-01-02"))
    in_prod(lake, 20)
    assert run(lake, "prod").stale == ("2013-01-01", "2013-01-02")
    assert (amounts(lake, BRONZE), amounts(lake, SILVER)) == ([10, 10], [10, 10])
    assert amounts(lake, SILVER, "prod") == [20, 20]
    assert run(lake, "ana").stale == ()
    assert not table_path(lake.root / ".lake", SILVER, env="ana").exists()

    # What ana wrote of pinned inputs is not stale either.
    notebook = lake.root / "notebooks/silver/events.ipynb"
    notebook.write_text(notebook.read_text().replace("step.write(", "y = 1; step.write("))
    assert run(lake, "ana").stale == ("2013-01-01", "2013-01-02")
    in_prod(lake, 30)
    own = table_path(lake.root / ".lake", SILVER, env="ana")
    before = open_snapshot(own).version
    assert run(lake, "ana").stale == ()
    assert (open_snapshot(own).version, amounts(lake, SILVER)) == (before, [10, 10])

    # The inputs of an older version are stale once the pins move.
    moved = refresh(settings_of(lake), "ana")
    assert [(old.dataset, new.version > old.version) for old, new in moved] == [
        ("bronze.events", True),
        ("silver.events", True),
    ]
    assert amounts(lake, BRONZE) == [30, 30]
    assert run(lake, "ana").stale == ("2013-01-01", "2013-01-02")
    assert amounts(lake, SILVER) == [30, 30]


def test_of_many_first_readers_one_pins(lake: SmallLake):
    pins = Pins(Roots.at(lake.root / ".lake"), "ana")
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: pins.snapshot(BRONZE), range(32)))
    assert all(one == seen[0] for one in seen)
    newest = open_snapshot(table_path(lake.root / ".lake", BRONZE))
    assert replace(seen[0], tombstones=newest.tombstones) == newest
    assert len(read_leases(newest.table)) == 1


def test_a_step_in_a_notebook_pins_its_output_with_its_inputs(lake: SmallLake):
    run(lake, "prod")
    made = RunContext("interactive", settings_of(lake))
    with use_context(lambda *step: LakeContext(made, *step)):
        Step("silver.events", start="2013-01-01", end="2013-01-03").read("bronze.events")
    in_prod(lake, 20)
    run(lake, "prod")
    assert run(lake, "ana").stale == ()


def test_a_pin_is_renewed_by_use_and_keeps_its_files(lake: SmallLake, later):
    assert amounts(lake, BRONZE) == [10, 10]
    table = table_path(lake.root / ".lake", BRONZE)
    path = lake.root / ".lake/ana/pins/bronze.events.json"
    first = path.read_text()
    amounts(lake, BRONZE)
    assert path.read_text() == first  # a read within the hour writes nothing
    in_prod(lake, 20)
    for _ in range(8):
        later(5)
        assert amounts(lake, BRONZE) == [10, 10]
        kept = vacuum(table)
        assert kept.deleted == ()
    assert kept.kept_by_lease > 0
    (lease,) = read_leases(table)
    assert (lease.holder, lease.version) == ("the environment ana", 1)
    # Entries of the log go after 30 days; the pin does not need them.
    commit_path(table, 0).unlink()
    assert amounts(lake, BRONZE) == [10, 10]


def test_a_pin_that_has_expired_says_so_with_the_way_out(lake: SmallLake, later):
    amounts(lake, BRONZE)
    in_prod(lake, 20)
    later(7.1)
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 0.1 * DAY_S))
    with pytest.raises(UserError) as caught:
        amounts(lake, BRONZE)
    assert caught.value.sentence.startswith(
        "bronze.events: the environment 'ana' reads version 1 of prod, and that pin expired on "
        + until
    )
    way_out = "move it to the newest version: lakebook env refresh ana bronze.events"
    assert caught.value.fix == way_out
    with pytest.raises(UserError, match="expired"):
        run(lake, "ana")
    assert vacuum(table_path(lake.root / ".lake", BRONZE)).deleted != ()
    # A report shows what there is all the same, and pins nothing.
    settings = settings_of(lake)
    contract = load_graph(settings).steps[BRONZE].contract
    assert contract is not None
    assert look_at(settings, contract.table(BRONZE)).prod.version == 1
    ((old, new),) = refresh(settings, "ana", ["bronze.events"])
    assert (old.version, new.version > 1, amounts(lake, BRONZE)) == (1, True, [20, 20])


def test_looking_for_a_report_pins_nothing(lake: SmallLake):
    settings = settings_of(lake)
    contract = load_graph(settings).steps[BRONZE].contract
    assert contract is not None and look_at(settings, contract.table(BRONZE)).rows() == 2
    assert not (settings.lake / "ana").exists()


def test_the_days_of_a_pin_are_a_setting(lake: SmallLake, later):
    (lake.root / "lakebook.toml").write_text("[environments]\npin_days = 0.5\n")
    amounts(lake, BRONZE)
    later(0.6)
    with pytest.raises(UserError, match="expired"):
        amounts(lake, BRONZE)


@pytest.mark.parametrize("value", ["0", "-1", "true", "'7'", "nan"])
def test_days_that_make_no_sense_are_refused(lake: SmallLake, value: str):
    (lake.root / "lakebook.toml").write_text(f"[environments]\npin_days = {value}\n")
    with pytest.raises(UserError, match=r"lakebook.toml:2: .* makes no sense; set a number above"):
        settings_of(lake)


def test_the_quarantine_is_that_of_the_pinned_version(lake: SmallLake):
    settings = settings_of(lake)
    contract = load_graph(settings).steps[BRONZE].contract
    assert contract is not None
    table = contract.table(BRONZE)

    def kept_out() -> list[int]:
        return quarantine.show(settings, table).select("amount").collect()["amount"].to_list()

    amounts(lake, BRONZE)
    assert kept_out() == [-10]
    lake.code = "two"  # another fingerprint, as another making of the rows has
    in_prod(lake, 20)
    assert kept_out() == [-10]
    refresh(settings, "ana")
    assert kept_out() == [-20]


@pytest.mark.parametrize(
    ("name", "datasets", "words"),
    [
        ("prod", [], "prod has no pins"),
        ("ann", [], r"no environment 'ann' \(did you mean 'ana'\?\)"),
        ("ana", ["bronze.event"], r"no pin of bronze.event \(did you mean 'bronze.events'\?\)"),
    ],
)
def test_what_cannot_be_refreshed_is_refused(lake: SmallLake, name, datasets, words: str):
    amounts(lake, BRONZE)
    with pytest.raises(UserError, match=words):
        refresh(settings_of(lake), name, datasets)


def test_a_damaged_pin_is_one_sentence_and_can_be_made_anew(lake: SmallLake):
    amounts(lake, BRONZE)
    pins = Pins(Roots.at(lake.root / ".lake"), "ana")
    (pins.folder / "bronze.events.json").write_text("{")
    with pytest.raises(Exception, match=r"not a pin: .*; lakebook env refresh ana bronze.events"):
        amounts(lake, BRONZE)
    assert survey(settings_of(lake))[1].pins[0].version == -1
    refresh(settings_of(lake), "ana")
    assert amounts(lake, BRONZE) == [10, 10]


def test_a_drop_lets_go_of_what_the_pins_keep(lake: SmallLake):
    amounts(lake, BRONZE)
    table = table_path(lake.root / ".lake", BRONZE)
    assert len(read_leases(table)) == 1
    apply_drop(plan_drop(settings_of(lake, "prod"), "ana"))
    assert read_leases(table) == ()
    assert amounts(lake, BRONZE) == [10, 10]  # an environment begins anew
    shutil.rmtree(lake.root / ".lake/ana")
