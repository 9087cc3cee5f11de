"""Runs that were not emitted are known afterwards, and to the report site; `emit` catches up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from lakebook.archive.record import RunRecord
from lakebook.catalog.emit import emit_all, emit_runs
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.catalog.pending import settle, tell_site
from lakebook.catalog.status import status_of
from lakebook.settings import Settings
from lakebook.site.places import CATALOG

Archive = Callable[..., RunRecord]


def told(settings: Settings) -> dict[str, object]:
    text = (settings.site / CATALOG).read_text()
    return json.loads(text.removeprefix("lakebook.catalog(").removesuffix(");\n"))


def test_what_was_not_emitted_is_named_until_it_is(settings: Settings, archived: Archive):
    archived()
    emit_runs(settings)
    missed = archived()
    settle(settings, "the disk is full")
    found = status_of(settings, {})
    assert (found["not_emitted"], found["problem"]) == ([missed.run_id], "the disk is full")
    assert told(settings) == {"waiting": [missed.run_id], "problem": "the disk is full"}
    emit_all(settings)
    found = status_of(settings, {})
    assert (found["not_emitted"], found["problem"]) == ([], "")
    assert told(settings) == {"waiting": [], "problem": ""}


def test_a_run_that_cannot_be_emitted_is_named_with_the_reason(
    settings: Settings, archived: Archive
):
    record = archived(began="2026-03-02 no time at all")
    archived()
    assert emit_runs(settings).runs == 1
    found = status_of(settings, {})
    assert found["not_emitted"] == [record.run_id]
    assert record.run_id in found["problem"]


def test_files_that_were_removed_after_delivery_are_not_missing(
    settings: Settings, archived: Archive
):
    archived(began="2026-03-01T00:00:00+00:00", run_id="r1")
    archived()
    emit_runs(settings)
    [old] = [file for file in list_files(outbox_folder(settings)) if file.name == "r1"]
    old.path.unlink()
    assert status_of(settings, {})["not_emitted"] == []


def test_an_environment_without_a_catalog_misses_nothing(settings: Settings, archived: Archive):
    archived()
    own = replace(settings, catalog=replace(settings.catalog, emit=()))
    tell_site(own)
    assert told(own) == {"waiting": [], "problem": ""}
    tell_site(settings)
    assert len(told(settings)["waiting"]) == 1  # type: ignore[arg-type]
