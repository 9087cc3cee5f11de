"""Delivery to a server that is away, slow, in trouble or picky, and a pusher that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from catalog.gms import Gms
from catalog.records import proposals

from lakebook.archive.record import RunRecord
from lakebook.catalog import server as serving
from lakebook.catalog.emit import emit_runs
from lakebook.catalog.outbox import outbox_folder
from lakebook.catalog.push import push, server_of
from lakebook.catalog.server import Away, Patience
from lakebook.catalog.status import status_of
from lakebook.errors import UserError
from lakebook.settings import Settings

QUICK = Patience(attempts=3, first_s=0.01, longest_s=0.02, timeout_s=5.0)
Archive = Callable[..., RunRecord]


@pytest.fixture
def outbox(settings: Settings, archived: Archive) -> Settings:
    archived(ok=False)
    archived()
    emit_runs(settings)
    return settings


def keys(settings: Settings) -> list[tuple[str, str]]:
    return [(one["entityUrn"], one["aspectName"]) for one in proposals(settings)]


def test_everything_arrives_once_in_order_and_as_it_is(outbox: Settings, gms: Gms):
    done = push(outbox, gms.url, patience=QUICK, batch=7)
    assert done.proposals == len(gms.taken) and done.set_aside == []
    assert gms.keys() == keys(outbox)
    assert [one["aspect"]["json"] for one in gms.taken] == [
        one["aspect"]["json"] for one in proposals(outbox)
    ]
    assert push(outbox, gms.url, patience=QUICK).proposals == 0


def test_what_is_new_is_delivered_next_time(outbox: Settings, gms: Gms, archived: Archive):
    push(outbox, gms.url, patience=QUICK)
    archived()
    emit_runs(outbox)
    push(outbox, gms.url, patience=QUICK)
    assert gms.keys() == keys(outbox)


def test_the_token_is_in_a_header_and_in_no_file(outbox: Settings, gms: Gms):
    gms.token = "secret-token-7"
    push(outbox, gms.url, "secret-token-7", patience=QUICK)
    assert gms.keys() == keys(outbox)
    files = [path for path in outbox_folder(outbox).rglob("*") if path.is_file()]
    assert not any(b"secret-token-7" in path.read_bytes() for path in files)


def test_a_server_in_trouble_is_asked_again(outbox: Settings, gms: Gms):
    gms.greetings.extend([503, 429])
    gms.plan.extend([500, 503, 200, 502])
    push(outbox, gms.url, patience=QUICK, batch=20)
    assert gms.keys() == keys(outbox)


def test_the_server_says_how_long_to_wait(
    outbox: Settings, gms: Gms, monkeypatch: pytest.MonkeyPatch
):
    waits: list[float] = []
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    gms.plan.extend([(429, {"Retry-After": "17"}), (503, {"Retry-After": later}), 500])
    real = serving.Server

    class Noted(real):  # type: ignore[misc, valid-type]
        def __init__(self, address: str, token: str | None, patience: Patience) -> None:
            super().__init__(address, token, patience, sleep=waits.append)

    monkeypatch.setattr("lakebook.catalog.push.Server", Noted)
    push(outbox, gms.url, patience=Patience(attempts=5, first_s=1.0, longest_s=30.0))
    assert waits[0] == 17.0
    assert 80 < waits[1] <= 90
    assert 2.0 <= waits[2] <= 4.0  # the third wait: 1, 2, 4 with jitter
    assert gms.keys() == keys(outbox)


def test_a_server_that_is_away_loses_nothing(outbox: Settings, gms: Gms):
    gms.stop()
    with pytest.raises(Away, match=r"cannot be reached.*3 attempts.*nothing is lost"):
        push(outbox, gms.url, patience=QUICK)
    gms.start()
    push(outbox, gms.url, patience=QUICK)
    assert gms.keys() == keys(outbox)


def test_a_server_that_goes_away_in_the_middle_is_gone_on_with(outbox: Settings, gms: Gms):
    gms.plan.extend([200, 200, 200, 500, 500, 500])
    with pytest.raises(Away, match="answers 500"):
        push(outbox, gms.url, patience=QUICK, batch=5)
    before = len(gms.taken)
    assert 0 < before < len(keys(outbox))
    push(outbox, gms.url, patience=QUICK, batch=5)
    assert gms.keys() == keys(outbox)  # nothing twice: the cursor stood after the last batch


def test_a_slow_server_is_waited_for_only_so_long(outbox: Settings, gms: Gms):
    gms.delay_s = 1.5
    with pytest.raises(Away, match="no answer in time"):
        push(outbox, gms.url, patience=Patience(1, 0.01, 0.02, timeout_s=1.0))
    gms.delay_s = 0.0
    push(outbox, gms.url, patience=QUICK)
    assert set(gms.keys()) == set(keys(outbox))


def test_a_proposal_that_is_refused_is_set_aside_and_the_rest_goes_on(outbox: Settings, gms: Gms):
    bad = "urn:li:tag:events"
    gms.bad.add(bad)
    done = push(outbox, gms.url, patience=QUICK)
    assert len(done.set_aside) == 1 and bad in done.set_aside[0]
    assert gms.keys() != keys(outbox)
    assert list(dict.fromkeys(gms.keys())) == [
        key for key in dict.fromkeys(keys(outbox)) if key[0] != bad
    ]
    [kept] = outbox_folder(outbox).glob("delivered/*/rejected/*.json")
    content = json.loads(kept.read_text())
    assert content["status"] == 422
    assert content["reason"].startswith("Failed to validate record")
    assert content["proposal"]["entityUrn"] == bad
    assert status_of(outbox, {"DATAHUB_GMS_URL": gms.url})["set_aside"] == done.set_aside
    assert push(outbox, gms.url, patience=QUICK).proposals == 0


def test_a_wrong_token_sets_nothing_aside(outbox: Settings, gms: Gms):
    gms.token = "right"
    with pytest.raises(UserError, match=r"does not know us \(401\).*DATAHUB_GMS_TOKEN"):
        push(outbox, gms.url, "wrong", patience=QUICK)
    assert list(outbox_folder(outbox).glob("delivered/*/rejected/*")) == []
    push(outbox, gms.url, "right", patience=QUICK)
    assert gms.keys() == keys(outbox)


def test_something_that_is_no_gms_gets_nothing(outbox: Settings, gms: Gms):
    gms.config = {"name": "a web site"}
    with pytest.raises(UserError, match="there is no DataHub GMS at http://127"):
        push(outbox, gms.url, patience=QUICK)
    gms.greetings.append(404)
    with pytest.raises(UserError, match="has no such address"):
        push(outbox, gms.url, patience=QUICK)
    with pytest.raises(UserError, match="there is no DataHub GMS at nowhere"):
        push(outbox, "nowhere", patience=QUICK)
    assert gms.taken == []


def test_another_server_gets_everything(outbox: Settings, gms: Gms):
    push(outbox, gms.url, patience=QUICK)
    with Gms() as other:
        push(outbox, other.url, patience=QUICK)
        assert other.keys() == keys(outbox)


def test_a_pusher_that_is_killed_leaves_nothing_out(outbox: Settings, gms: Gms):
    """kill -9 again and again, while a batch is on its way; then once to the end."""
    gms.delay_s = 0.15
    code = (
        "import sys; from pathlib import Path; from lakebook.settings import load_settings;"
        "from lakebook.catalog.push import push;"
        "push(load_settings(Path(sys.argv[1])), sys.argv[2], batch=4)"
    )
    command = [sys.executable, "-c", code, str(outbox.root), gms.url]
    for wanted in (2, 9, 14):
        pusher = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while len(gms.requests) < wanted + 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(pusher.pid, signal.SIGKILL)
        assert pusher.wait(20) == -signal.SIGKILL
    time.sleep(0.4)  # what was under way when it was killed still arrives
    seen = len(gms.taken)
    assert 0 < seen < len(keys(outbox)) + 12
    gms.delay_s = 0.0
    push(outbox, gms.url, patience=QUICK, batch=4)
    assert set(gms.keys()) == set(keys(outbox))
    assert _without_repeats(gms) == [_text(one) for one in proposals(outbox)]


def _without_repeats(gms: Gms) -> list[str]:
    """What arrived, each proposal at its first arrival: then in the outbox's order."""
    return list(dict.fromkeys(_text(one) for one in gms.taken))


def _text(one: dict[str, object]) -> str:
    return json.dumps([one["entityUrn"], one["aspectName"], one["aspect"]], sort_keys=True)


def test_the_command_ends_with_one_sentence_when_the_server_is_away(outbox: Settings, gms: Gms):
    gms.stop()
    done = subprocess.run(
        [sys.executable, "-m", "lakebook.cli.main", "datahub", "push", "--attempts", "1"],
        cwd=outbox.root,
        env={**os.environ, "DATAHUB_GMS_URL": gms.url, "DATAHUB_GMS_TOKEN": "hidden-token"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and "nothing is lost" in done.stderr
    assert "hidden-token" not in done.stderr + done.stdout


def test_without_an_address_the_command_says_which_variable():
    with pytest.raises(UserError, match="DATAHUB_GMS_URL is not set"):
        server_of({})
