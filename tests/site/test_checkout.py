"""The site of a real checkout: datasets and graph, the commands, and a builder that is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_checkout import Checkout

from .conftest import Archive, code_cell


@pytest.mark.slow
def test_datasets_and_graph_show_promise_rows_quarantine_and_lineage(checkout: Checkout) -> None:
    checkout.run()
    built = checkout.lakebook("report", "build")
    assert built.returncode == 0, built.stderr
    site = checkout.root / ".lake/prod/site"
    page = (site / "datasets/silver.events.html").read_text()
    for said in (
        "One row per event.",
        "One row for each id.",
        "Cut into days by seen, in UTC.",
        "Within 24 hours of the interval&#39;s end.",
        "owner@example.org",
        "3 rows published, 1 quarantined",
        "lakebook quarantine show silver.events",
        "because amount_positive",
        'data-from="bronze.events#amount" data-to="silver.events#amount"',
        'href="bronze.events.html#column-amount"',
    ):
        assert said in page, said
    # Data of 2013 that was loaded now is old on purpose: no run ever brought a day in time.
    assert ">history, not judged</span>" in page and "data-due" not in page
    graph = (site / "graph.html").read_text()
    assert 'data-from="bronze.events" data-to="silver.events"' in graph
    assert "3 rows, 1 set aside" in graph


@pytest.mark.slow
def test_a_changed_contract_changes_the_page_of_its_dataset_alone(checkout: Checkout) -> None:
    checkout.run()
    checkout.lakebook("report", "build")
    site = checkout.root / ".lake/prod/site"
    other = (site / "datasets/bronze.events.html").stat().st_ino
    path = checkout.root / "notebooks/silver/events.contract.yaml"
    path.write_text(path.read_text().replace("One row per event.", "One row for each event."))
    checkout.lakebook("report", "build")
    assert "One row for each event." in (site / "datasets/silver.events.html").read_text()
    assert (site / "datasets/bronze.events.html").stat().st_ino == other


@pytest.mark.slow
def test_the_commands_open_export_and_prune(checkout: Checkout, tmp_path: Path) -> None:
    run_id = checkout.run()["silver.events"]["runs"][0]["run_id"]
    opened = checkout.lakebook("report", "open", run_id, BROWSER="true")
    assert opened.stdout.strip() == f".lake/prod/site/runs/{run_id}.html"
    exported = checkout.lakebook("report", "export", run_id, "-o", str(tmp_path / "one.html"))
    assert exported.returncode == 0 and "amount_positive" in (tmp_path / "one.html").read_text()
    pruned = checkout.lakebook("report", "prune", "--dry-run", "--json")
    assert json.loads(pruned.stdout) == {"would_remove": [], "kept": 2, "bytes": 0}
    said = checkout.lakebook("report", "prune", "--dry-run").stdout
    assert "\n[archive] in lakebook.toml" in said
    wrong = checkout.lakebook("report", "export", "nothing")
    assert wrong.returncode == 2 and "there is no run 'nothing'" in wrong.stderr


def test_a_run_that_read_nothing_leads_up_and_down_all_the_same(checkout: Checkout) -> None:
    (checkout.root / "events.csv").unlink()
    run_id = checkout.run("bronze.events")["bronze.events"]["runs"][0]["run_id"]
    page = (checkout.root / f".lake/prod/site/runs/{run_id}.html").read_text()
    assert "it came to read none" in page
    assert 'Below: <a href="../datasets/silver.events.html">' in page


def test_an_unknown_key_of_the_policy_is_one_sentence(checkout: Checkout) -> None:
    (checkout.root / "lakebook.toml").write_text("[archive]\nkeep_day = 3\n")
    done = checkout.lakebook("report", "prune")
    assert done.returncode == 2
    assert "unknown key 'keep_day' in [archive] (did you mean 'keep_days'?)" in done.stderr


@pytest.mark.slow
def test_a_builder_killed_again_and_again_ends_in_the_whole_site(archive: Archive) -> None:
    for n in range(400):
        archive.run(f"r{n:03}", code_cell("x = 1"), day=1 + n % 20, step=f"silver.s{n % 9}")
    code = (
        "import sys; from pathlib import Path; from lakebook.settings import load_settings;"
        "from lakebook.site.build import build_site;"
        "build_site(load_settings(Path(sys.argv[1]), environ={}))"
    )
    pages, killed = archive.settings.site / "runs", 0
    for wanted in range(1, 400, 40):
        process = subprocess.Popen([sys.executable, "-c", code, str(archive.root)])
        while process.poll() is None and (
            not pages.is_dir() or len(list(pages.iterdir())) < wanted
        ):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed > 3
    archive.build()
    crashed = {p.name: p.read_bytes() for p in (archive.settings.site / "runs").glob("r*.html")}
    archive.build(rebuild=True)
    whole = {p.name: p.read_bytes() for p in (archive.settings.site / "runs").glob("r*.html")}
    assert len(whole) == 400 and crashed == whole
