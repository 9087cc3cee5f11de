"""DataHub Lite over the outbox, DataHub's own check of its files, and an untouched home folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakebook.archive.record import RunRecord
from lakebook.catalog import lite
from lakebook.catalog.emit import emit_all
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.errors import UserError
from lakebook.settings import Settings

SILVER = "urn:li:dataset:(urn:li:dataPlatform:delta-lake,silver.events,PROD)"
Archive = Callable[..., RunRecord]


@pytest.fixture
def outbox(settings: Settings, archived: Archive) -> Settings:
    archived(ok=False)
    archived()
    emit_all(settings)
    return settings


def test_search_get_and_ls_find_a_dataset(outbox: Settings):
    assert lite.load(outbox) > 50
    assert SILVER in {one["urn"] for one in lite.search(outbox, "silver.ev")}
    found = lite.get(outbox, SILVER)
    assert found["datasetProperties"]["name"] == "silver.events"
    assert found["datasetProfile"]["rowCount"] == 3
    assert "silver.events" in lite.ls(outbox, "/data_lakes/delta-lake/instances/default/tables")


def test_loading_again_adds_nothing_and_a_lost_database_is_made_again(outbox: Settings):
    first = lite.load(outbox)
    assert lite.load(outbox) == 0
    (lite.lite_folder(outbox) / lite.DATABASE).unlink()
    assert lite.load(outbox) == first


def test_a_lake_is_named_before_or_after_the_command(outbox: Settings):
    command = [sys.executable, "-m", "lakebook.cli.main", "datahub", "lite"]
    lake = ["--lake", str(outbox.lake)]
    for words in (["search", "silver.ev", *lake], [*lake, "search", "silver.ev"]):
        done = subprocess.run(
            [*command, *words],
            cwd=outbox.root,
            env={**os.environ, "LAKEBOOK_LAKE": "elsewhere"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert SILVER in done.stdout.splitlines(), done.stderr


def test_what_is_not_there_is_one_sentence(outbox: Settings):
    with pytest.raises(UserError, match="there is no local catalog yet"):
        lite.search(outbox, "events")
    lite.load(outbox)
    with pytest.raises(UserError, match="has no urn:li:tag:nothing"):
        lite.get(outbox, "urn:li:tag:nothing")
    with pytest.raises(UserError, match="has no path '/data_lake'"):
        lite.ls(outbox, "/data_lake")


def test_datahub_accepts_every_file_and_nothing_is_written_to_the_home(
    outbox: Settings, tmp_path: Path
):
    """The real commands: DataHub's check of each file, and ours, with a home of their own."""
    home = tmp_path / "home"
    home.mkdir()
    files = [str(file.path) for file in list_files(outbox_folder(outbox))]
    environ = {**os.environ, "HOME": str(home), "DATAHUB_TELEMETRY_ENABLED": "true"}
    code = (
        "import sys; from lakebook.catalog.hub import quiet_datahub; quiet_datahub();"
        "from click.testing import CliRunner; from datahub.cli.check_cli import check;"
        "from datahub.telemetry.telemetry import telemetry_instance as t; assert not t.enabled;"
        "found = [CliRunner().invoke(check, ['metadata-file', file]) for file in sys.argv[1:]];"
        "assert all(one.exit_code == 0 and 'all valid' in one.output for one in found), found"
    )
    done = [subprocess.run([sys.executable, "-c", code, *files], env=environ, check=False)]
    ours = [sys.executable, "-m", "lakebook.cli.main", "datahub", "lite", "get", "silver.events"]
    shown = subprocess.run(
        ours, cwd=outbox.root, env=environ, capture_output=True, text=True, check=False
    )
    assert [one.returncode for one in (*done, shown)] == [0, 0], shown.stderr
    assert json.loads(shown.stdout)["urn"] == SILVER
    assert list(home.iterdir()) == []


def test_datahubs_check_refuses_a_broken_file(outbox: Settings, tmp_path: Path):
    """The check that accepts ours does look."""
    from lakebook.catalog.hub import quiet_datahub

    quiet_datahub()
    from datahub.cli.json_file import check_mce_file

    file = list_files(outbox_folder(outbox))[0]
    content = file.read()
    content[0]["aspect"]["json"] = {"no such": "field"}
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(content))
    with pytest.raises(Exception, match=r"(?i)aspect|record|field|missing"):
        check_mce_file(str(broken))
