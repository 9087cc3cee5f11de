"""What the policy removes, what always stays, one run as one file, and the server."""

from __future__ import annotations

import json
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakebook.errors import UserError
from lakebook.settings import ArchiveSettings
from lakebook.site import retention, store
from lakebook.site.export import export_run
from lakebook.site.removed import SOURCE
from lakebook.site.retention import ASKED_FOR, apply_prune, plan_prune, plan_removal
from lakebook.site.serve import server

from .conftest import Archive, check, code_cell, output, shown

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def aged(archive: Archive) -> Archive:
    """Good on the 1st, 2nd and 3rd, failed on the 4th and 5th; kept: 10 days, failures 20."""
    for day in (1, 2, 3):
        archive.run(f"good{day}", code_cell(f"x = {day}"), day=day, outputs=(output(audited=day),))
    for day in (4, 15, 29):
        archive.run(f"bad{day}", code_cell("x"), day=day, status="failed", error="no")
    archive.settings = replace(archive.settings, archive=ArchiveSettings(10, 20))
    return archive


def doomed(archive: Archive) -> list[str]:
    return [one.record.run_id for one in plan_prune(archive.settings, now=NOW).doomed]


def test_the_last_good_run_and_young_failures_stay(aged: Archive) -> None:
    assert doomed(aged) == ["good1", "good2", "bad4"]


def test_without_a_policy_everything_stays(aged: Archive) -> None:
    aged.settings = replace(aged.settings, archive=ArchiveSettings())
    assert doomed(aged) == []


def test_a_link_to_a_removed_run_finds_a_page_that_says_so(aged: Archive) -> None:
    aged.build()
    apply_prune(aged.settings, plan_prune(aged.settings, now=NOW))
    aged.build()
    page = aged.page("runs/good1.html")
    assert "keep_days = 10" in page and "silver.flights" in page
    assert not (aged.settings.runs / "2026-11-01/good1").exists()
    assert '"pruned": 1' in aged.page("data/runs-0.js")
    aged.build(rebuild=True)
    assert "keep_days = 10" in aged.page("runs/good1.html")
    assert doomed(aged) == []


def test_what_is_left_of_a_removed_run_holds_none_of_its_values(aged: Archive) -> None:
    secret = {"parameters": {"who": "Jo Smith"}, "day": 1}
    aged.run("named", code_cell("x", shown(text="Jo Smith")), **secret)
    aged.build()
    apply_prune(aged.settings, plan_prune(aged.settings, now=NOW))
    aged.build()
    for place in (aged.settings.runs, aged.settings.site):
        for file in place.rglob("*"):
            assert not file.is_file() or b"Jo Smith" not in file.read_bytes().title(), file


SAID = "carl@example.org"


@pytest.fixture
def telling(archive: Archive) -> Archive:
    """Three runs, the first two with a value in each place that a page takes from; all built."""
    row = {"columns": ["who"], "rows": [[SAID]]}
    for day, status in ((1, "ok"), (2, "failed")):
        archive.run(
            f"r{day}",
            code_cell("x", shown(text=SAID, html=f"<td>{SAID}</td>")),
            day=day,
            status=status,
            error=f"ValueError: {SAID} is no number" if status == "failed" else None,
            parameters={"who": SAID},
            note=f"made for {SAID}",
            notes=(SAID,),
            summary=SAID,
            checks=(check("c", success=False, reason=SAID, sample=[row]),),
            outputs=(output(audited=day, profile={"rows": 1, "columns": {"who": {"min": SAID}}}),),
        )
    archive.run("r3", code_cell("y"), day=3, status="failed", error="other")
    archive.build()
    assert len(holding(archive)) >= 5
    return archive


def holding(archive: Archive) -> list[str]:
    """Files of the site and notes of the archive that hold the value, whatever they are."""
    places = [archive.settings.site, archive.settings.runs]
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    found = [file.name for file in files if SAID.encode() in file.read_bytes()]
    return sorted(name for name in found if name not in ("notebook.ipynb", "record.json"))


@pytest.mark.parametrize("rebuild", [False, True])
def test_nothing_of_runs_whose_folders_were_deleted_is_left_in_the_site(
    telling: Archive, rebuild: bool
) -> None:
    for folder in telling.settings.runs.glob("*/r[12]"):
        shutil.rmtree(folder)
    telling.build(rebuild=rebuild)
    assert holding(telling) == []
    assert "no longer in the archive" in telling.page("runs/r1.html")
    assert "other" in telling.page("runs/r3.html")


def test_data_docs_of_a_removed_run_go_with_it(telling: Archive) -> None:
    docs = telling.settings.lake / "prod" / "docs"
    for dataset, run_id in (("silver.a", "r1"), ("silver.b", "r3")):
        (docs / dataset).mkdir(parents=True)
        (docs / dataset / SOURCE).write_text(json.dumps({"run": run_id}))
    telling.build()
    assert {folder.name for folder in docs.iterdir()} == {"silver.a", "silver.b"}
    apply_prune(telling.settings, plan_removal(telling.settings, ["r1"], ASKED_FOR))
    telling.build()
    assert {folder.name for folder in docs.iterdir()} == {"silver.b"}


def test_nothing_of_runs_that_were_pruned_by_their_ids_is_left(telling: Archive) -> None:
    plan = plan_removal(telling.settings, ["r1", "r2"], ASKED_FOR)
    assert ([one.record.run_id for one in plan.doomed], plan.kept) == (["r1", "r2"], 1)
    apply_prune(telling.settings, plan)
    telling.build()
    assert holding(telling) == []
    assert "it was asked for by its id" in telling.page("runs/r2.html")
    with pytest.raises(UserError, match="there is no run 'r9'"):
        plan_removal(telling.settings, ["r9"], ASKED_FOR)


def test_a_note_that_an_older_version_left_is_made_anew(telling: Archive) -> None:
    """It kept the error, which may quote a value; the site never shows it."""
    folder = next(telling.settings.runs.glob("*/r2"))
    record = json.loads((folder / "record.json").read_text())
    note = folder.with_name("r2.pruned.json")
    note.write_text(json.dumps({"why": "keep_days = 1", "record": record}))
    shutil.rmtree(folder)
    telling.build()
    assert "r2.html" not in holding(telling) and "r2.pruned.json" in holding(telling)
    apply_prune(telling.settings, plan_removal(telling.settings, ["r2"], ASKED_FOR))
    assert "r2.pruned.json" not in holding(telling)
    assert json.loads(note.read_text())["why"] == "keep_days = 1"


def test_data_of_a_site_that_was_larger_goes(
    telling: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SEGMENT", 1)
    telling.build(rebuild=True)
    assert (telling.settings.site / "data/words-2.js").is_file()
    for folder in telling.settings.runs.glob("*/r[12]"):
        shutil.rmtree(folder)
    stale = telling.settings.site / "datasets" / "silver.gone.html"
    stale.parent.mkdir(exist_ok=True)
    stale.write_text(SAID)
    telling.build(rebuild=True)
    assert holding(telling) == []
    names = {file.name for file in (telling.settings.site / "data").iterdir()}
    assert names == {"catalog.js", "steps.js", "runs-0.js", "words-0.js"}


def test_pruning_that_was_killed_goes_on(aged: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    aged.build()
    monkeypatch.setattr(retention.shutil, "rmtree", lambda *_, **__: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):
        apply_prune(aged.settings, plan_prune(aged.settings, now=NOW))
    monkeypatch.undo()
    apply_prune(aged.settings, plan_prune(aged.settings, now=NOW))
    aged.build()
    assert list(aged.settings.runs.glob("*/.*")) == []
    assert [aged.page(f"runs/{name}.html").count("keep_") for name in ("good1", "good2")] == [1, 1]


def test_an_exported_run_needs_no_other_file(archive: Archive, tmp_path: Path) -> None:
    picture = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    archive.run("r1", code_cell("x = 0"), day=1)
    archive.run("r2", code_cell("x = 1", shown(svg=picture)), day=2, outputs=(output(audited=3),))
    place = export_run(archive.settings, "r2", tmp_path / "one.html")
    page = place.read_text()
    assert "<style>" in page and "<script" not in page and "<link" not in page
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert links and all(link.startswith(("#", "data:image/")) for link in links)
    assert "style-src &#39;sha256-" in page and "unsafe-inline" not in page


def test_a_run_is_found_by_the_beginning_of_its_id(archive: Archive, tmp_path: Path) -> None:
    archive.run("20261120-a", code_cell("x"), day=1)
    archive.run("20261120-b", code_cell("x"), day=2)
    assert export_run(archive.settings, "20261120-a", tmp_path).name == "20261120-a.html"
    with pytest.raises(UserError, match="begin with '20261120'"):
        export_run(archive.settings, "20261120")
    with pytest.raises(UserError, match="there is no run 'x'"):
        export_run(archive.settings, "x")


@pytest.fixture
def address(archive: Archive) -> Iterator[str]:
    archive.run("r1", code_cell("x = 1"))
    archive.build()
    with server(archive.settings.site, 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


def test_the_server_gives_pages_with_a_strict_policy(address: str) -> None:
    with urllib.request.urlopen(f"{address}/runs/r1.html") as answer:
        assert b"silver.flights" in answer.read()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/.build/state/runs.sqlite", "/%2ebuild/lock", "/runs/", "/../runs/", "/data/../.build/"],
)
def test_the_server_gives_nothing_else(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address + path)
    assert refused.value.code == 404


def test_the_server_does_not_answer_to_a_foreign_name(address: str) -> None:
    asked = urllib.request.Request(f"{address}/index.html", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    assert refused.value.code == 403


def test_a_port_in_use_is_one_sentence(archive: Archive) -> None:
    archive.build()
    with server(archive.settings.site, 0) as running, pytest.raises(UserError) as refused:
        server(archive.settings.site, running.server_port)
    assert f"port {running.server_port} cannot be used" in str(refused.value)
