"""The warm parent forks clean children, renews itself with the code, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from counted import calls_of

import lakebook
from lakebook.errors import ContractError, RunError
from lakebook.processes import PlainProcess
from lakebook.runtime import place
from lakebook.runtime.spec import warm_spec
from lakebook.runtime.warm import WarmUnavailable, call, connect, hold, launch, spawner
from lakebook.runtime.warm_process import WarmProcess
from lakebook.settings import Settings, load_settings

from .conftest import checkout, processes_of, wait_until


@pytest.fixture
def brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A checkout whose parent imports next to nothing and goes with its last client."""
    monkeypatch.setenv("LAKEBOOK_WARM_IMPORTS", "json")
    monkeypatch.setenv("LAKEBOOK_LINGER_S", "0")
    monkeypatch.delenv("LAKEBOOK_ROOT", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return load_settings(checkout(tmp_path))


def module(settings: Settings, name: str, source: str) -> None:
    (settings.root / f"{name}.py").write_text(source)


def test_a_call_returns_its_value(settings: Settings) -> None:
    assert call(settings, "operator:add", 20, 22) == 42


def test_an_error_of_lakebook_comes_back_as_it_was(brief: Settings) -> None:
    module(
        brief,
        "broken",
        "from lakebook.errors import ContractError\n"
        "def check(): raise ContractError('no key', where='a.yaml:3', fix='add one')",
    )
    with pytest.raises(ContractError, match=r"a\.yaml:3: no key; add one") as raised:
        call(brief, "broken:check")
    assert raised.value.fix == "add one"


def test_a_child_that_dies_or_hangs_is_an_error(settings: Settings) -> None:
    with pytest.raises(RunError, match="ended with status 3"):
        call(settings, "os:_exit", 3)
    with pytest.raises(RunError, match="took too long"):
        call(settings, "time:sleep", 60, timeout_s=0.5)


def started(settings: Settings, target: str, *args: str) -> tuple[object, int | None, str]:
    """Kind, exit code and output of a process that `spawner` starts."""
    log = settings.root / "spawned.log"
    log.unlink(missing_ok=True)
    process = spawner(settings)(target, args, cwd=settings.root, log=log, environ={"WORD": "from"})
    return type(process), process.wait(60), log.read_text()


def test_a_spawned_function_is_forked_where_a_parent_is_ready_and_plain_elsewhere(
    brief: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBOOK_LINGER_S", "5")
    settings = load_settings(brief.root)
    module(
        settings, "words", "import os\ndef say(who): print('greetings', os.environ['WORD'], who)"
    )
    said = "greetings from us\n"
    assert started(settings, "words:say", "us") == (PlainProcess, 0, said)
    call(settings, "operator:add", 1, 1)  # starts a parent
    assert started(settings, "words:say", "us") == (WarmProcess, 0, said)
    _, status, log = started(settings, "words:sing", "us")
    assert status not in (0, None) and "has no attribute 'sing'" in log
    (parent,) = processes_of(settings.root)
    os.kill(parent, signal.SIGKILL)
    assert wait_until(lambda: not processes_of(settings.root))
    ready = warm_spec(settings.root, linger_s=5).ready
    assert ready.exists()  # as the killed one left it
    assert started(settings, "words:say", "us") == (PlainProcess, 0, said)


def test_two_children_share_neither_state_nor_dice(brief: Settings) -> None:
    module(
        brief,
        "probe",
        "import random, os\n"
        "def touch():\n"
        "    import json\n"
        "    seen = getattr(json, 'touched', None)\n"
        "    json.touched = True\n"
        "    return [seen, random.random(), os.getsid(0) == os.getpid()]",
    )
    first, second = call(brief, "probe:touch"), call(brief, "probe:touch")
    assert (first[0], second[0]) == (None, None)
    assert first[1] != second[1]
    assert first[2] is second[2] is True


def test_a_child_has_the_environment_and_folder_of_its_request(
    brief: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module(brief, "where", "import os\ndef am_i(): return [os.getcwd(), os.environ.get('WHO')]")
    monkeypatch.setenv("WHO", "first")
    assert call(brief, "where:am_i", cwd=tmp_path) == [str(tmp_path), "first"]
    monkeypatch.delenv("WHO")
    assert call(brief, "where:am_i") == [str(brief.root), None]


def test_a_parent_without_linger_goes_with_its_last_client(brief: Settings) -> None:
    process = launch(brief, {"kind": "call", "target": "time:sleep", "args": [60], "kwargs": {},
                             "cwd": "/"})  # fmt: skip
    assert len(processes_of(brief.root)) == 2
    process.close()
    assert wait_until(lambda: not processes_of(brief.root))
    spec = warm_spec(brief.root, linger_s=0)
    assert [path.suffix for path in spec.socket.parent.glob(f"{spec.key}*")] == [".lock"]


def test_a_killed_client_leaves_no_process(brief: Settings) -> None:
    code = (
        "from lakebook.settings import load_settings; from lakebook.runtime.warm import call\n"
        "call(load_settings(), 'time:sleep', 60)"
    )
    client = subprocess.Popen([sys.executable, "-c", code], cwd=brief.root)
    assert wait_until(lambda: len(processes_of(brief.root)) == 2)
    client.kill()
    client.wait()
    assert wait_until(lambda: not processes_of(brief.root))


def test_children_die_with_a_killed_parent_and_the_next_request_starts_another(
    brief: Settings,
) -> None:
    process = launch(brief, {"kind": "call", "target": "time:sleep", "args": [60], "kwargs": {},
                             "cwd": "/"})  # fmt: skip
    parent = next(pid for pid in processes_of(brief.root) if pid != process.pid)
    os.kill(parent, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert process.lost
    assert wait_until(lambda: not processes_of(brief.root))
    assert call(brief, "operator:add", 1, 1) == 2


def test_many_starters_make_one_parent(brief: Settings) -> None:
    spec = warm_spec(brief.root, linger_s=0)
    with ThreadPoolExecutor(8) as pool:
        connections = list(pool.map(lambda _: connect(spec), range(8)))
    assert wait_until(lambda: len(processes_of(brief.root)) == 1)
    for connection in connections:
        connection.close()
    assert call(brief, "operator:add", 1, 1) == 2
    assert wait_until(lambda: not processes_of(brief.root))


def test_the_parent_renews_itself_when_code_changed(
    brief: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "copy"
    shutil.copytree(Path(lakebook.__file__).parent, library / "lakebook")
    probe = library / "lakebook" / "probe.py"
    code = (
        "from lakebook.settings import load_settings; from lakebook.runtime.warm import call\n"
        "print(call(load_settings(), 'lakebook.probe:value'))"
    )
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.setenv("LAKEBOOK_LINGER_S", "30")

    def value() -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, cwd=brief.root, capture_output=True, text=True, check=True
        ).stdout

    probe.write_text("def value(): return 'old'")
    assert value() == "old\n"
    # Of another length: Python tells its bytecode from the source by seconds and size.
    probe.write_text("def value(): return 'newer'")
    assert value() == "newer\n"
    # The one with the old code was told to go, although it would have lingered.
    assert wait_until(lambda: len(processes_of(brief.root)) == 1)
    for pid in processes_of(brief.root):
        os.kill(pid, signal.SIGTERM)
    assert wait_until(lambda: not processes_of(brief.root))


@pytest.mark.parametrize(
    ("start", "named"),
    [
        ("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "Python threads"),
        ("_thread.start_new_thread(time.sleep, (60,))", "the thread"),
    ],
)
def test_a_parent_with_a_thread_refuses_to_fork(
    brief: Settings, monkeypatch: pytest.MonkeyPatch, start: str, named: str
) -> None:
    module(brief, "pool", f"import _thread, threading, time\n{start}\ntime.sleep(0.1)")
    monkeypatch.setenv("LAKEBOOK_WARM_IMPORTS", "pool")
    with pytest.raises(WarmUnavailable, match=f"importing pool started {named}"):
        call(brief, "operator:add", 1, 1)
    assert wait_until(lambda: not processes_of(brief.root))


def test_variables_that_imports_read_are_part_of_the_key(tmp_path: Path) -> None:
    def key(**environ: str) -> str:
        return warm_spec(checkout(tmp_path), linger_s=0, environ=environ).key

    assert key() != key(POLARS_MAX_THREADS="1")
    assert key() != key(PYTHONHASHSEED="0")
    assert key() != key(https_proxy="http://proxy")
    assert key() == key(POLARS_CLOUD_TOKEN="secret") == key(DB_PASSWORD="x") == key(WHO="me")


def test_a_socket_is_in_a_folder_that_only_its_user_enters(tmp_path: Path) -> None:
    spec = warm_spec(checkout(tmp_path), linger_s=0)
    assert Path(spec.folder) == tmp_path / ".lakebook" / "warm"
    assert Path(spec.folder).stat().st_mode & 0o777 == 0o700


def test_a_parent_is_reached_however_deep_its_checkout_lies(
    brief: Settings, tmp_path: Path
) -> None:
    root = checkout(tmp_path.joinpath(*["ä" * 60] * 4))
    deep = replace(brief, root=root)
    assert len(os.fsencode(warm_spec(root, linger_s=0).socket)) > 400
    assert call(deep, "os.path:basename", "a/b") == "b"
    assert wait_until(lambda: not processes_of(root))


def test_a_folder_of_somebody_else_is_never_taken(
    brief: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = checkout(tmp_path / "root")
    (root / ".lakebook").write_text("")  # no folder can be made in it
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    assert place.folder(root, os.environ) == tmp_path / "XDG_RUNTIME_DIR" / "lakebook"
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(place.NoPlace, match="is not a folder of this user"):
        place.folder(root, os.environ)
    with pytest.raises(WarmUnavailable, match="no warm parent: there is no folder for its socket"):
        call(replace(brief, root=root), "os.path:basename", "a/b")


def test_a_parent_stays_while_somebody_holds_it(brief: Settings) -> None:
    held = hold(brief, os.environ)
    assert call(brief, "os.path:basename", "a/b") == "b"
    spec = warm_spec(brief.root, linger_s=0)
    with place.dial(spec.socket):
        assert len(processes_of(brief.root)) == 1
    assert os.get_inheritable(held.fileno())
    held.close()
    assert wait_until(lambda: not processes_of(brief.root))


def test_who_holds_a_parent_keeps_no_old_one(brief: Settings) -> None:
    with hold(brief, os.environ):
        call(brief, "os.path:basename", "a/b")
        with place.dial(warm_spec(brief.root, linger_s=0).socket) as peer:
            peer.sendall(b'{"kind": "retire"}\n')
            assert wait_until(lambda: not processes_of(brief.root))


def test_the_key_is_found_without_much_work(tmp_path: Path) -> None:
    checkout(tmp_path)
    assert calls_of(lambda: warm_spec(tmp_path, linger_s=0)) < 60_000
