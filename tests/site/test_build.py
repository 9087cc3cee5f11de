"""The site is built by what is new, survives being killed, and shows every run."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from lakebook.site import build as building
from lakebook.site import render

from .conftest import Archive, check, code_cell, output, shown


def test_an_empty_lake_has_a_page_that_says_so(archive: Archive) -> None:
    archive.build()
    assert "No run yet" in archive.page("index.html")


def test_a_run_has_its_page_and_stands_in_the_index(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1", shown(text="hello")), outputs=(output(audited=27004),))
    built = archive.build()
    assert built.new_runs == 1
    page = archive.page("runs/r1.html")
    assert "27,004" in page and "hello" in page and "200 ms" in page and "80 MB" in page
    assert '"id": "r1"' in archive.page("data/runs-0.js")
    words = archive.page("data/words-0.js")
    assert "hello" in words and "silver.flights" in words  # what it printed, what it wrote


def test_a_build_without_news_writes_nothing(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1"))
    archive.build()
    assert archive.build().pages == 0


def test_a_new_run_rewrites_its_neighbour_and_no_other(archive: Archive) -> None:
    for day in range(1, 11):
        archive.run(f"r{day:02}", code_cell("x = 1"), day=day)
    archive.run("other", code_cell("x = 1"), step="silver.planes")
    archive.build()
    before = {p.name: p.stat().st_ino for p in (archive.settings.site / "runs").iterdir()}
    archive.run("r11", code_cell("x = 1"), day=11)
    archive.build()
    after = {p.name: p.stat().st_ino for p in (archive.settings.site / "runs").iterdir()}
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {"r11.html", "r10.html"}
    assert 'href="r11.html"' in archive.page("runs/r10.html")
    assert 'href="r10.html"' in archive.page("runs/r11.html")


def test_a_run_that_arrives_late_finds_its_place(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1"), day=1)
    archive.run("r3", code_cell("x = 3"), day=3)
    archive.build()
    assert 'href="r1.html"' in archive.page("runs/r3.html")
    archive.run("r2", code_cell("x = 2"), day=2)
    archive.build()
    assert 'rel="prev" href="r2.html"' in archive.page("runs/r3.html")
    assert "x = 2" in archive.page("runs/r3.html")  # what it differs from is now the late one


def test_a_failed_run_leads_with_the_cell_and_the_cause(archive: Archive) -> None:
    trace = ["Cell In[4], line 2\n      1 y = 1\n----> 2 raise ValueError('no')\nValueError: no"]
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": trace}
    archive.run("good", code_cell("x = 1"), day=1)
    archive.run(
        "bad",
        code_cell("y = 1\nraise ValueError('no')", error, number=4, status="failed"),
        code_cell("z = 1", number=5, status="none"),
        status="failed",
        error="notebooks/silver/flights.ipynb, cell 4: ValueError: no",
        error_cell=4,
    )
    archive.build()
    page = archive.page("runs/bad.html")
    cause = page.index("Failed in cell 4, line 2")
    assert cause < page.index("ValueError: no") < page.index('id="notebook"')
    assert '<tr class="here">' in page
    assert 'Last good run: <a href="good.html">' in page
    index = archive.page("index.html")
    assert "1 step needs attention" in index and 'href="runs/bad.html#failed"' in index


def test_checks_come_with_their_values_and_their_history(archive: Archive) -> None:
    for day, unexpected in enumerate((0, 3, 7), start=1):
        found = check("known", success=unexpected < 5, unexpected=unexpected)
        archive.run(f"r{day}", code_cell("x = 1"), day=day, checks=(check("fine"), found))
    archive.build()
    page = archive.page("runs/r3.html")
    assert page.index("because known") < page.index("because fine")
    assert "last 3 runs: did not hold in 1; now 7, most 7" in page
    # History ends at the run itself.
    assert "last 2 runs: did not hold in 0; now 3, most 3" in archive.page("runs/r2.html")


def test_values_of_columns_that_no_contract_calls_public_are_hidden(archive: Archive) -> None:
    found = check(
        "known", success=False, column="name", sample=[{"name": "Jo Smith"}], observed="Jo Smith"
    )
    figures = {"nulls": 1, "distinct": 9, "min": "Ann Lee", "max": "Zoe Ray"}
    profile = {"rows": 10, "columns": {"name": figures}}
    archive.run(
        "r1", code_cell("x = 1"), checks=(found,), outputs=(output(audited=10, profile=profile),)
    )
    archive.build()
    page = archive.page("runs/r1.html")
    for value in ("Jo Smith", "Ann Lee", "Zoe Ray"):
        assert value not in page
    assert page.count("•••") == 3
    assert "Column profile" in page


def test_a_run_of_an_older_lakebook_is_rendered_from_its_notebook(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1", shown(text="hello")), rendered=False)
    archive.build()
    assert "hello" in archive.page("runs/r1.html")


def test_a_killed_build_is_finished_by_the_next(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 8):
        archive.run(f"r{day}", code_cell("x = 1"), day=day)
    written = 0
    write = render.write

    def die(target: Path, text: str) -> None:
        nonlocal written
        written += 1
        if written > 5:
            raise KeyboardInterrupt
        write(target, text)

    monkeypatch.setattr(render, "write", die)
    with pytest.raises(KeyboardInterrupt):
        archive.build()
    monkeypatch.undo()
    assert not (archive.settings.site / "index.html").exists()
    archive.build()
    assert len(list((archive.settings.site / "runs").glob("r*.html"))) == 7
    assert archive.build().pages == 0


def _build(root: Path) -> None:
    from lakebook.settings import load_settings

    building.build_site(load_settings(root, environ={}))


def test_builders_side_by_side_end_in_one_whole_site(archive: Archive) -> None:
    for day in range(1, 15):
        archive.run(f"r{day:02}", code_cell("x = 1"), day=day)
    context = multiprocessing.get_context("spawn")
    builders = [context.Process(target=_build, args=(archive.root,)) for _ in range(3)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(60)
    assert [builder.exitcode for builder in builders] == [0, 0, 0]
    rows = archive.page("data/runs-0.js")
    assert rows.count('"id"') == 14
    assert archive.build().pages == 0
    left = [p.name for p in archive.settings.site.rglob(".*") if p.name != ".build"]
    assert left == []


def test_a_damaged_state_is_made_anew(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1"))
    archive.build()
    state = archive.settings.site / ".build/state/runs.sqlite"
    state.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    assert archive.build().new_runs == 1
    assert "x" in archive.page("runs/r1.html")


def test_a_folder_removed_by_hand_leaves_a_page_that_says_so(archive: Archive) -> None:
    folder = archive.run("r1", code_cell("x = 1"), day=1)
    archive.run("r2", code_cell("x = 2"), day=2)
    archive.build()
    shutil.rmtree(folder)
    archive.build()
    assert "no longer in the archive" in archive.page("runs/r1.html")
    assert "Difference to the last good run" not in archive.page("runs/r2.html")
    assert archive.build().pages == 0


def test_a_broken_record_hides_no_other_run(archive: Archive) -> None:
    folder = archive.run("broken", code_cell("x = 1"))
    archive.run("r1", code_cell("x = 1"))
    (folder / "record.json").chmod(0o600)
    (folder / "record.json").write_text("{")
    archive.build()
    assert (archive.settings.site / "runs/r1.html").is_file()


def test_a_broken_checkout_still_shows_its_runs(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1"))
    notebook = archive.root / "notebooks/silver/flights.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_text("{}")
    built = archive.build()
    assert "not a notebook" in built.problem
    assert "The graph could not be read" in archive.page("index.html")
    assert (archive.settings.site / "runs/r1.html").is_file()


def test_the_old_place_of_the_index_leads_to_the_new(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1"))
    archive.build()
    assert "../site/index.html" in (archive.settings.runs / "index.html").read_text()


def test_names_and_errors_are_text_on_every_page(archive: Archive) -> None:
    evil = "<img src=x onerror=alert(1)>"
    archive.run(
        "r1",
        code_cell("x = 1"),
        status="failed",
        error=evil,
        parameters={evil: evil},
        note=evil,
        checks=(check(evil, success=False, column=evil, reason=evil, sample=[{evil: evil}]),),
        outputs=(output(evil, audited=3),),
        inputs=({"dataset": evil, "version": evil, "partitions": [evil]},),
    )
    archive.build()
    for page in archive.settings.site.rglob("*.html"):
        foreign = page.read_text().replace('<img class="lb-', "")  # pictures of our own
        assert "<img" not in foreign, page


def test_data_files_are_json_in_one_call(archive: Archive) -> None:
    archive.run("r1", code_cell("x = 1"), status="failed", error="</script>\"\\ '")
    archive.build()
    call = archive.page("data/runs-0.js")
    assert call.startswith("lakebook.runs(0, ") and call.endswith(");\n")
    (row,) = json.loads(call[len("lakebook.runs(0, ") : -3])
    assert row["error"] == "</script>\"\\ '."
