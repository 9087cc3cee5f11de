"""A run's folder appears whole, is never changed, and holds no secret."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from lakebook.archive.masking import MASK, is_secret, masker
from lakebook.archive.record import RunRecord, read_records, read_step, write_record
from lakebook.errors import StorageError


def record(run_id: str = "r1", **changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "run_id": run_id,
        "step": "silver.flights",
        "env": "prod",
        "status": "ok",
        "began": "2026-11-23T10:00:00+00:00",
        "elapsed_s": 1.5,
    }
    return RunRecord(**{**values, **changes})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "notebook.ipynb").write_text('{"cells": []}')
    return folder


def test_a_record_comes_back_as_it_was_written(tmp_path: Path, out: Path) -> None:
    written = record(outputs=({"dataset": "silver.flights", "rows_published": 5},), cells=({},))
    write_record(tmp_path / "runs", written, out)
    assert read_records(tmp_path / "runs") == (written,)
    assert written.rows("published") == 5


def test_a_folder_is_read_only_and_leaves_nothing_partial(tmp_path: Path, out: Path) -> None:
    folder = write_record(tmp_path / "runs", record(), out, cells="{}")
    assert sorted(file.name for file in folder.iterdir()) == [
        "cells.json",
        "notebook.ipynb",
        "record.json",
    ]
    assert all(not file.stat().st_mode & stat.S_IWUSR for file in folder.iterdir())
    assert [entry.name for entry in folder.parent.iterdir()] == ["r1"]


def test_a_run_is_archived_once(tmp_path: Path, out: Path) -> None:
    write_record(tmp_path / "runs", record(), out)
    with pytest.raises(StorageError, match="archived already"):
        write_record(tmp_path / "runs", record(elapsed_s=9.0), out)
    assert read_records(tmp_path / "runs")[0].elapsed_s == 1.5


def test_records_come_newest_first(tmp_path: Path, out: Path) -> None:
    for hour in (9, 11, 10):
        began = f"2026-11-23T{hour:02}:00:00+00:00"
        write_record(tmp_path / "runs", record(f"r{hour}", began=began), out)
    assert [found.run_id for found in read_records(tmp_path / "runs")] == ["r11", "r10", "r9"]
    assert len(read_records(tmp_path / "runs", limit=2)) == 2


def test_secrets_stay_out_of_record_cells_and_logs(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_PASSWORD", "hunter2-hunter2")
    (out / "kernel.log").write_text("login with hunter2-hunter2 failed")
    run = record(parameters={"dsn": "user:hunter2-hunter2@host"}, error="hunter2-hunter2 refused")
    folder = write_record(tmp_path / "runs", run, out, cells='["hunter2-hunter2"]')
    for file in folder.iterdir():
        assert "hunter2" not in file.read_text()
    assert MASK in (folder / "kernel.log").read_text()


def test_a_step_that_wrote_nothing_has_an_empty_part(tmp_path: Path) -> None:
    assert read_step(tmp_path) == {}


@pytest.mark.parametrize("name", ["API_TOKEN", "DB_PASSWORD", "S3_SECRET_KEY", "aws_secret", "KEY"])
def test_these_variables_hold_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["KEYBOARD", "TOKENIZERS_PARALLELISM", "HOME", "MONKEY"])
def test_these_variables_do_not(name: str) -> None:
    assert not is_secret(name)


def test_a_secret_is_masked_however_it_is_written() -> None:
    mask = masker({"A_TOKEN": 'p@ss "w"/x'})
    masked = mask(
        ['p@ss "w"/x', {"k": "p%40ss%20%22w%22%2Fx"}, 'p@ss \\"w\\"/x', "cEBzcyAidyIveA=="]
    )
    assert masked == [MASK, {"k": MASK}, MASK, MASK]
