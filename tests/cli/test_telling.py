"""What a command did is archived as a run and emitted, however the command ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakebook.archive.record import read_records
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.cli.telling import telling
from lakebook.errors import StorageError
from lakebook.settings import Settings

MOVE = {"kind": "move", "dataset": "silver.events", "partitions": ["2013-01"], "rows": 3}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "lakebook.toml").touch()
    return Settings(tmp_path, tmp_path / "lake")


def emitted(settings: Settings) -> list[str]:
    return [file.name for file in list_files(outbox_folder(settings)) if file.kind == "run"]


def test_what_was_done_is_a_run_of_the_job(settings: Settings) -> None:
    with telling(settings, "tier restore", job="restore") as told:
        told.add([MOVE])
    [record] = read_records(settings.runs)
    assert (record.step, record.status) == ("ops.restore", "ok")
    assert (record.note, record.operations) == ("lakebook tier restore", (MOVE,))
    assert record.run_id == told.run_id and "-tier-restore-" in told.run_id
    assert emitted(settings) == [told.run_id]


def test_what_was_done_before_an_error_is_told_with_it(settings: Settings) -> None:
    with pytest.raises(StorageError), telling(settings, "tier apply") as told:
        told.add([MOVE])
        raise StorageError("the disk is full")
    [record] = read_records(settings.runs)
    assert (record.status, record.error) == ("failed", "the disk is full")
    assert emitted(settings) == [told.run_id]


def test_where_nothing_was_done_nothing_is_told(settings: Settings) -> None:
    with pytest.raises(StorageError), telling(settings, "tier apply"):
        raise StorageError("the disk is full")
    with telling(settings, "tier apply"):
        pass
    assert not read_records(settings.runs) and not emitted(settings)
    assert list((settings.runs / ".work").iterdir()) == []


def test_what_could_not_be_emitted_is_a_note(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox_folder(settings).parent.mkdir(parents=True)
    outbox_folder(settings).write_text("in the way")
    with telling(settings, "tier apply") as told:
        told.add([MOVE])
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("note: not emitted to the catalog: ")
    assert len(read_records(settings.runs)) == 1
