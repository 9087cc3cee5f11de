"""A subject is gone from every environment, quarantine and copy; what is left is named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from small_checkout import POSITIVE, Checkout
from small_lake import SmallLake, rows

from lakebook import delta
from lakebook.contract.lookup import find_table
from lakebook.delta import begin_stage, open_snapshot
from lakebook.delta.faults import TIER_POINTS
from lakebook.errors import ContractError, UserError
from lakebook.names import Dataset, table_path, tier_tables
from lakebook.run import copies, erasure
from lakebook.run.drop import DROPPED
from lakebook.run.erasure import Erasure, Report, erase, held_rows, plan_erasure
from lakebook.run.remains import TextSearch
from lakebook.settings import Settings, load_settings
from lakebook.tiers.audit import audit_path, read_audit
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.erasure.search import Search
from lakebook.tiers.erasure.subject import parse_subject
from lakebook.tiers.move import move_to_warm

EVENTS = Dataset.parse("silver.events")
WHO = "      - {name: who, logicalType: string, physicalType: string}\n"
ANN, BEN = "ann-sofie@example.org", "ben@example.org"
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")


@dataclass
class People(SmallLake):
    """`silver.events (id, seen, amount, who)`; rows with a negative amount are set aside."""

    def put(self, *given: tuple[int, str, int, str], start: str, end: str) -> None:
        frame = rows(*[row[:3] for row in given])
        who = pl.Series("who", [row[3] for row in given])
        self.open(start, end).write(frame.with_columns(who))


@pytest.fixture
def lake(tmp_path: Path) -> People:
    """Ann has a row in each tier, one set aside, and some in ana's environment."""
    return peopled(tmp_path)


def peopled(tmp_path: Path) -> People:
    lake = People(tmp_path)
    lake.contract("replace", quality=POSITIVE, columns=WHO)
    step = 'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)'
    Checkout(tmp_path).notebook("silver.events", [step, "step.write(rows)"])
    lake.put(
        (1, "2013-01-01", 10, ANN),
        (2, "2013-01-01", 20, BEN),
        (3, "2013-01-01", -1, ANN),
        (4, "2013-01-02", 30, ANN),
        (5, "2013-01-03", 40, ANN),
        (6, "2013-01-03", 50, BEN),
        start="2013-01-01",
        end="2013-01-04",
    )
    settings = load_settings(tmp_path, environ={})
    tables, contract = tier_tables(settings.roots, EVENTS), find_table(settings, EVENTS)
    lake.env = "ana"
    first = [(7, "2013-01-01", 11, ANN), (8, "2013-01-01", -7, ANN), (9, "2013-01-01", 1, BEN)]
    lake.put(*first, start="2013-01-01", end="2013-01-02")
    lake.env = "prod"
    move_to_warm(tables, contract, ["2013-01-02"])
    archive(tables, contract, ["2013-01-03"])
    return lake


@pytest.fixture
def settings(lake: People) -> Settings:
    return load_settings(lake.root, environ={})


def planned(settings: Settings, who: str = ANN, **more: object) -> Erasure:
    return plan_erasure(settings, EVENTS, [f"who={who}"], run="e1", **more)


def standing(settings: Settings, text: str = ANN) -> list[str]:
    """Files of the lake in which the text stands, decoded where they are Parquet."""
    contract = find_table(settings, EVENTS)
    who = parse_subject(contract, [f"who={text}"])
    found = set(Search(who).below([settings.lake]).rows)
    files = [path for path in settings.lake.rglob("*") if path.is_file()]
    found |= set(TextSearch(who).through(files))
    found |= {path for path in files if text.encode() in path.read_bytes()}
    return sorted(str(path.relative_to(settings.lake)) for path in found)


def test_a_subject_is_gone_from_everywhere(lake: People, settings: Settings) -> None:
    assert len(standing(settings)) > 8
    asked = planned(settings)
    assert [(h.env, h.dataset, h.tier, h.partitions, h.rows) for h in held_rows(asked)] == [
        ("prod", "silver.events", "hot", 1, 1),
        ("prod", "silver.events", "warm", 1, 1),
        ("prod", "silver.events", "cold", 1, 1),
        ("prod", "silver.events__quarantine", "hot", 1, 1),
        ("ana", "silver.events", "hot", 1, 1),
        ("ana", "silver.events__quarantine", "hot", 1, 1),
    ]
    before = lake.snapshot
    delta.take_lease(before, "a long report")
    report = erase(asked)
    assert (report.is_clean, report.rows, report.found, report.problems) == (True, 6, {}, [])
    assert report.files >= 6 and report.entries > 0 and report.searched_files > 5
    assert standing(settings) == []

    after = lake.snapshot
    assert [after.place(day).tier for day in DAYS] == ["hot", "warm", "cold"]
    assert {d: after.fp(d) for d in DAYS} == {d: before.fp(d) for d in DAYS}
    tables = tier_tables(settings.roots, EVENTS)
    assert delta.open_whole(tables.hot, tables.warm).rows == 1
    # What ana reads of prod was a version that is gone: her pin has moved.
    assert report.pins == {"ana": ["silver.events"]}
    assert len(report.overridden) == 1
    assert report.overridden[0].startswith("a long report reads it until 20")
    own = open_snapshot(table_path(settings.lake, EVENTS, env="ana"))
    assert (own.rows, own.partitions) == (1, ("2013-01-01",))
    assert report.review == () and report.notes == []


def test_roots_outside_the_lake_are_cleaned_and_searched(tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    root.mkdir()
    roots = f'[profiles.local.roots]\nwarm = "{tmp_path}/w"\ncold = "{tmp_path}/c"\n'
    (root / "lakebook.toml").write_text(roots)
    peopled(root)
    settings = load_settings(root, environ={})
    who = planned(settings).subject
    outside = [tmp_path / "w", tmp_path / "c"]
    assert len(Search(who).below(outside).rows) == 2
    kept = tmp_path / "c" / "notes.txt"
    kept.write_text(f"{ANN} asked")
    report = erase(planned(settings))
    assert report.is_clean and report.rows == 6
    assert Search(who).below([tmp_path]).rows == {}
    assert [(group.kind, group.files) for group in report.review] == [("other", [kept])]


def test_again_there_is_nothing_left_and_the_proof_runs(lake: People, settings: Settings) -> None:
    erase(planned(settings))
    version = lake.snapshot.version
    again = erase(planned(settings))
    assert (again.is_clean, again.rows, again.files, again.entries) == (True, 0, 0, 0)
    assert again.searched_files > 5 and lake.snapshot.version == version


def test_another_subject_is_untouched(lake: People, settings: Settings) -> None:
    erase(planned(settings))
    held = [(one.env, one.tier, one.rows) for one in held_rows(planned(settings, BEN))]
    assert held == [("prod", "hot", 1), ("prod", "cold", 1), ("ana", "hot", 1)]


def test_the_trail_knows_columns_and_counts_alone(lake: People, settings: Settings) -> None:
    erase(planned(settings))
    (record,) = read_audit(settings.lake)
    assert (record["event"], record["state"], record["columns"]) == ("erasure", "done", ["who"])
    assert (record["rows"], record["clean"], record["dataset"]) == (6, True, "silver.events")
    assert "ann" not in audit_path(settings.lake).read_text()


def test_reports_and_notebooks_are_named_and_left(lake: People, settings: Settings) -> None:
    run = settings.runs / "2013-01-01" / "20130101T000000-silver.events-abc"
    run.mkdir(parents=True)
    quoted = 'm\u00fcller <ann-sofie@example.org> said "x"'
    (run / "cells.json").write_text(json.dumps({"html": "<td>ann-sofie@example.org</td>"}))
    (run / "notebook.ipynb").write_text(json.dumps({"text": [quoted]}))
    (run / "other.json").write_text("{}")
    for place in ("site/index.html", "outbox/1.json", "docs/silver.events/index.html"):
        path = settings.lake / "prod" / place
        path.parent.mkdir(parents=True)
        path.write_text(f"x{ANN}y")
    mine = settings.notebooks / "scratch" / "look.ipynb"
    mine.parent.mkdir()
    mine.write_text(ANN)
    report = erase(planned(settings))
    assert report.is_clean
    assert [(g.kind, g.env, g.name, len(g.files)) for g in report.review] == [
        ("Data Docs", "prod", "", 1),
        ("catalog outbox", "prod", "", 1),
        ("notebook", "", "notebooks/scratch/look.ipynb", 1),
        ("report site", "prod", "", 1),
        ("run", "prod", "20130101T000000-silver.events-abc", 2),
    ]
    assert mine.read_text() == ANN and ANN not in json.dumps(report.to_json())


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("Müller & Söhne", json.dumps("Müller & Söhne")),
        ("Müller & Söhne", "M&uuml;ller"),
        ('said "yes"', json.dumps({"html": "said &quot;yes&quot;"})),
        ('said "yes"', json.dumps(json.dumps('said "yes"'))),
        ("a b/c", "https://x/?q=a%20b%2Fc"),
    ],
)
def test_values_are_found_in_the_forms_of_json_html_and_urls(
    tmp_path: Path, value: str, stored: str
) -> None:
    lake = People(tmp_path)
    lake.contract("replace", columns=WHO)
    contract = find_table(load_settings(tmp_path, environ={}), EVENTS)
    (tmp_path / "x.json").write_text(f"...{stored}...")
    search = TextSearch(parse_subject(contract, [f"who={value}"]))
    expected = [] if "&uuml;" in stored else [tmp_path / "x.json"]  # nothing of ours writes it so
    assert list(search.through([tmp_path / "x.json", tmp_path / "none"])) == expected


def test_numbers_are_found_whole_and_short_values_are_not_searched(lake: People) -> None:
    contract = find_table(load_settings(lake.root, environ={}), EVENTS)
    path = lake.root / "x.txt"

    def finds(key: str, text: str) -> bool:
        path.write_text(text)
        return list(TextSearch(parse_subject(contract, [key])).through([path])) == [path]

    assert (
        finds("id=4711", "[4711]")
        and finds("id=4711", r'"a\n4711\n"')
        and finds("id=4711", "4,711 rows.")
    )
    assert finds("id=4711", "no. 4711.")
    for other in ("14711", "47110", "4711.5", "x4711", "0.4711"):
        assert not finds("id=4711", other)
    assert finds("seen=2013-01-31", "2013-01-31T00:00:00")
    assert TextSearch(parse_subject(contract, ["id=7"])).left_out == ("id",)
    assert TextSearch(parse_subject(contract, ["who=UA"])).left_out == ("who",)


def test_caches_and_environments_on_their_way_out_go(lake: People, settings: Settings) -> None:
    cache = settings.state / "sources" / "x.csv"
    cache.parent.mkdir(parents=True)
    cache.write_text(f"id,who\n1,{ANN}\n")
    spilled = settings.state / "x.spill"
    pl.DataFrame({"who": [ANN]}).write_parquet(spilled)
    (settings.lake / DROPPED).mkdir()
    (settings.lake / "ana").rename(settings.lake / DROPPED / "ana.abcd")
    report = erase(planned(settings))
    assert report.is_clean and report.caches == 2
    assert not cache.exists() and not spilled.exists()
    assert list((settings.lake / DROPPED).iterdir()) == []
    assert standing(settings) == []


def test_what_a_living_run_has_staged_is_found_and_said(lake: People, settings: Settings) -> None:
    stage = begin_stage(lake.table, "a backfill")
    path = stage.file_path("2013-01-01", 0)
    pl.DataFrame({"who": [ANN, ANN]}).write_parquet(path)
    report = erase(planned(settings))
    assert not report.is_clean and report.found == {path: "2 rows"}
    assert report.notes == [
        "the run a backfill is writing silver.events in prod: run this again after its end"
    ]
    assert read_audit(settings.lake)[0]["state"] == "begun"
    stage.finish()
    assert erase(planned(settings)).is_clean


def test_damage_in_one_table_does_not_keep_the_others(lake: People, settings: Settings) -> None:
    own = table_path(settings.lake, EVENTS, env="ana")
    (file,) = open_snapshot(own).files
    (own / file.path).write_bytes(b"PAR1 and nothing")
    report = erase(planned(settings))
    assert not report.is_clean and len(report.found) == 1
    assert any("cannot be read" in problem for problem in report.problems)
    # What the proof must look for is kept until it has come to its end.
    assert {path.split("/")[0] for path in standing(settings)} == {"ana", ".erasing"}
    note = next((settings.lake / ".erasing").iterdir())
    assert note.stat().st_mode & 0o077 == 0 and note.parent.stat().st_mode & 0o077 == 0


def test_a_dataset_under_legal_hold_is_refused(lake: People, settings: Settings) -> None:
    path = lake.root / "notebooks/silver/events.contract.yaml"
    hold = "customProperties:\n      - {property: legalHold, value: true}\n"
    path.write_text(path.read_text().replace("customProperties:\n", hold, 1))
    with pytest.raises(UserError, match=r"silver\.events is under legal hold"):
        planned(settings)


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("silver.event", ["id=1"], "no contract promises silver.event.*silver.events"),
        ("silver.events__quarantine", ["id=1"], "is no dataset but the quarantine of"),
        ("silver.events", ["idd=1"], "no column 'idd'"),
        ("silver.events", ["id=x"], "the value of the key 'id' is no int64"),
    ],
)
def test_bad_input_gets_a_sentence(
    settings: Settings, name: str, keys: list[str], said: str
) -> None:
    with pytest.raises((UserError, ContractError), match=said):
        plan_erasure(settings, Dataset.parse(name), keys)


POINTS = ("erase.after_rows", "erase.after_pins")


@pytest.mark.parametrize("point", POINTS)
def test_interrupted_between_its_parts_it_is_finished_by_the_same_call(
    lake: People, settings: Settings, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    assert point in TIER_POINTS

    def stop(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasure, "fault_point", stop)
        with pytest.raises(KeyboardInterrupt):
            erase(planned(settings))
    report: Report = erase(planned(settings))
    assert report.is_clean and standing(settings) == []
    # The pin was moved before the files of its version went, so it was never broken.
    pins = delta.Pins(settings.roots, "ana")
    assert pins.snapshot(EVENTS).version <= lake.snapshot.version
    assert all((lake.table / file.path).exists() for file in pins.snapshot(EVENTS).files)


def test_a_pin_that_tells_nothing_stays(lake: People, settings: Settings) -> None:
    before = delta.Pins(settings.roots, "ana").get(EVENTS)
    search = Search(planned(settings, "nobody@example.org").subject)
    assert copies.move_pins(settings, [EVENTS], search) == {}
    assert delta.Pins(settings.roots, "ana").get(EVENTS) == before
