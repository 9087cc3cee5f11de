"""What follows a run in the catalog never fails it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from lakebook.errors import RunError
from lakebook.run import emission
from lakebook.runtime.warm import WarmUnavailable
from lakebook.settings import CatalogSettings, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "lakebook.toml").write_text("")
    return Settings(tmp_path, tmp_path / "lake")


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[Any]:
    calls: list[Any] = []

    def call(*args: Any, **_: Any) -> Any:
        calls.append(args)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(emission, "call", call)
    return calls


def test_without_a_warm_parent_this_process_emits(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    answering(monkeypatch, WarmUnavailable("no parent"))
    assert emission.emit_after_run(settings) == ""
    assert (settings.lake / "prod" / "outbox" / "state.json").is_file()


@pytest.mark.parametrize("raised", [RunError("it took too long"), OSError("it took too long")])
def test_whatever_goes_wrong_is_a_note(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, raised: Exception
):
    answering(monkeypatch, raised)
    note = emission.emit_after_run(settings)
    assert "it took too long" in note and note.endswith("the next run tries again")


def test_runs_that_were_left_out_are_a_note(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    answering(monkeypatch, {"problem": "run a: broken (and 1 more)"})
    assert "run a: broken (and 1 more)" in emission.emit_after_run(settings)


def test_it_goes_on_beside_what_else_ends_a_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    begun, release = Event(), Event()

    def call(*_: Any, **__: Any) -> Any:
        begun.set()
        assert release.wait(10)
        return {"problem": "run a: broken"}

    monkeypatch.setattr(emission, "call", call)
    finish = emission.begin_emission(settings)
    assert begun.wait(10)  # and this thread is free
    release.set()
    assert "run a: broken" in finish()


def test_the_settings_say_which_environments_emit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    calls = answering(monkeypatch, {"problem": ""})
    emission.emit_after_run(replace(settings, env="ana"))
    assert calls == []
    emission.emit_after_run(replace(settings, env="ana", catalog=CatalogSettings(("prod", "ana"))))
    assert len(calls) == 1
