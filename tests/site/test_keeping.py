"""What the policy removes, what always stays, one run as one file, and the server."""

from __future__ import annotations

import re
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
from lakebook.site import retention
from lakebook.site.export import export_run
from lakebook.site.retention import apply_prune, plan_prune
from lakebook.site.serve import server

from .conftest import Archive, code_cell, output, shown

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
