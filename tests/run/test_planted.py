"""A subject with a value of each type, planted wherever it can get to, is gone after an erasure."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator

import pytest
from run import planted as p
from sampling import chosen

from lakebook.run import erasure as erasing
from lakebook.run.erasure import Report, erase, plan_erasure
from lakebook.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.soak]

KEYS = ("id=4", "mail=carl@example.org", "code=887766554433", "born=1987-03-14")
POINTS = (
    *("erase.after_values", "erase.after_rows", "erase.after_pins"),
    *("erase.after_outbox", "erase.after_reports"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = tmp_path_factory.mktemp("planted") / "checkout"
    root.mkdir()
    settings = p.build(root)
    shutil.copytree(root, root.with_name("saved"))
    return settings


@pytest.fixture
def settings(made: Settings) -> Iterator[Settings]:
    """At the same place each time: pins hold whole paths."""
    shutil.rmtree(made.root)
    shutil.copytree(made.root.with_name("saved"), made.root)
    return made


def gone(settings: Settings, key: str = "id=4", *, reports: bool = False) -> Report:
    return erase(plan_erasure(settings, p.PEOPLE, [key], run="e1"), reports=reports)


def kinds(found: dict[str, set[str]]) -> set[str]:
    """The second part of each path below the lake: tier, runs, site, outbox and so on."""
    return {path.split("/")[1] for path in found}


def test_the_subject_was_planted_everywhere(settings: Settings) -> None:
    found = p.standing(settings.lake)
    assert kinds(found) == {"hot", "warm", "cold", "pins", "runs", "site", "outbox", "docs"}
    assert set().union(*found.values()) == set(p.CARL)
    logs = [path for path in found if "_delta_log" in path]
    assert any(path.endswith(".checkpoint.parquet") for path in logs)
    assert {path.split("/")[3] for path in logs} == {"people", "people__quarantine"}
    assert any("lite/catalog.db" in path for path in found)


@pytest.mark.parametrize("key", chosen(KEYS, 1, "planted keys"))
def test_what_is_left_is_evidence_alone_and_all_of_it_is_named(
    settings: Settings, key: str
) -> None:
    report = gone(settings, key)
    assert (report.is_clean, report.is_proved, report.problems) == (True, False, [])
    left = p.standing(settings.lake)
    assert kinds(left) == {"runs", "site", "docs"}
    named = {path.resolve() for group in report.review for path in group.files}
    assert {(settings.lake / path).resolve() for path in left} == named
    assert {group.name for group in report.review if group.kind == "run"} == {"r1"}
    assert report.outbox.files >= 1 and not (settings.lake / ".erasing").exists()


@pytest.mark.parametrize("key", chosen(KEYS, 1, "planted keys of reports"))
def test_with_the_reports_nothing_is_left_anywhere(settings: Settings, key: str) -> None:
    report = gone(settings, key, reports=True)
    assert p.standing(settings.lake) == {}
    assert report.review == () and report.is_proved and report.removed == {"prod": ["r1"]}
    assert "it held values of a subject" in (settings.site / "runs/r1.html").read_text()
    # What another subject left is where it was.
    others = p.standing(settings.lake, {"mail": p.OTHERS["mail"]})
    assert {"hot", "warm", "cold"} <= kinds(others)


@pytest.mark.parametrize("point", [*chosen(POINTS[:-1], 1, "planted deaths"), POINTS[-1]])
def test_who_dies_on_the_way_searches_for_all_values_the_next_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def stop(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "fault_point", stop)
        with pytest.raises(KeyboardInterrupt):
            gone(settings)
    note = settings.lake / "prod" / "note.txt"
    note.write_text(f"{p.CARL['name']} asked")  # by the key alone it would not be found
    report = gone(settings, reports=True)
    assert report.is_clean and [group.files for group in report.review] == [[note]]
    assert set(p.standing(settings.lake)) == {"prod/note.txt"}


def test_who_comes_again_for_the_reports_is_not_told_that_nothing_is_left(
    settings: Settings,
) -> None:
    gone(settings)
    report = gone(settings, reports=True)
    assert report.is_clean and report.key_alone and not report.is_proved
    assert kinds(p.standing(settings.lake)) >= {"runs", "site"}


def test_packed_values_are_found_and_what_cannot_be_decoded_is_named(settings: Settings) -> None:
    folder = settings.lake / "prod" / "other"
    packed = p.pack(folder, p.CARL["mail"])
    picture, locked = folder / "plot.png", folder / "locked.zip"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with zipfile.ZipFile(locked, "w") as archive:
        archive.writestr("inner.txt", "x")
    raw = bytearray(locked.read_bytes())
    raw[6] |= 1  # says that it is encrypted, in both of its headers
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(raw)
    report = gone(settings, reports=True)
    (group,) = report.review
    assert {path.name for path in group.files} == {path.name for path in packed.values()}
    assert {path.name: why for path, why in report.undecoded.items()} == {
        "plot.png": "a picture (PNG)",
        "locked.zip": "inner.txt in it is encrypted",
    }
    assert report.is_clean and not report.is_proved


def test_short_and_common_values_are_said_and_a_source_that_has_the_subject(
    settings: Settings,
) -> None:
    (settings.root / "people.csv").write_text(f"id,name\n4,{p.CARL['mail']}\n")
    notebook = settings.notebooks / "silver" / "people.ipynb"
    text = notebook.read_text().replace(
        "step.write(rows)", "step.write(step.ingest('file://people.csv'))"
    )
    notebook.write_text(text)
    report = gone(settings, reports=True)
    assert set(report.unsearched) == {"id", "amount"}
    assert any("the source file://people.csv still has values" in one for one in report.notes)


def test_a_value_that_others_have_too_is_not_the_subjects(settings: Settings) -> None:
    """Those of id 5 are those of 6 and 7 as well: they stay, and nothing of them is left over."""
    report = gone(settings, "id=5", reports=True)
    assert report.rows == 3 and report.is_proved and report.removed == {}
    left: dict[str, set[str]] = p.standing(settings.lake)
    assert {"hot", "warm", "cold"} <= kinds(left)


def test_the_subject_is_found_by_a_key_in_another_spelling(settings: Settings) -> None:
    assert gone(settings, "id=04", reports=True).rows == 6
    assert p.standing(settings.lake) == {}
