"""What a cell shows is kept, in time that grows with it, and never by halves of a secret."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lakebook.archive.masking import MASK, MaskedStream, masker
from lakebook.runtime import outputs
from lakebook.runtime.outputs import Text, overwritten
from lakebook.settings import Settings

from .conftest import write_notebook
from .test_job import Runner


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Runner:
    return Runner(settings, tmp_path)


def test_a_long_line_is_kept(run: Runner) -> None:
    result = run("print('y' * 3_000_000)")
    assert result.status == "ok"
    assert run.cells()[-1]["outputs"][0]["text"] in (
        "y" * 3_000_000 + "\n",
        ["y" * 3_000_000 + "\n"],
    )


def test_of_a_flood_the_two_ends_are_kept_and_what_is_left_out_is_said(run: Runner) -> None:
    result = run("for n in range(600_000): print(f'line {n:07}')")
    assert result.status == "ok"
    [output] = run.cells()[-1]["outputs"]
    text = "".join(output["text"])
    assert text.startswith("line 0000000\nline 0000001\n")
    assert text.endswith("line 0599999\n")
    size = 600_000 * len("line 0000000\n")
    left = size - outputs.HEAD - outputs.TAIL
    assert f"[{left:,} characters are left out here" in text
    assert len(text) < outputs.HEAD + outputs.TAIL + 300


def test_more_displays_than_are_kept_are_counted(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = outputs.SHOWN
    result = run(f"from IPython.display import display\nfor n in range({kept + 100}): display(n)")
    assert result.status == "ok"
    *shown, said = run.cells()[-1]["outputs"]
    assert len(shown) == kept
    assert "100 more outputs are left out" in "".join(said["text"])


def test_a_display_that_is_drawn_anew_costs_the_journal_what_is_drawn(
    run: Runner,
) -> None:
    result = run(
        "from IPython.display import display\n"
        "print('x' * 100_000)\n"
        "shown = display('step 0', display_id=True)\n"
        "for n in range(1, 401): shown.update(f'step {n}')\n"
        "import os\n"
        "from pathlib import Path\n"
        f"print('journal', Path({str(run.out / 'journal.jsonl')!r}).stat().st_size)"
    )
    assert result.status == "ok"
    text = run.outputs()
    assert "step 400" in text and "step 399" not in text
    (size,) = map(int, re.findall(r"journal (\d+)", text))
    assert 100_000 < size < 500_000


def test_what_was_drawn_anew_is_in_the_notebook_of_a_killed_job(run: Runner) -> None:
    result = run(
        "from IPython.display import display, clear_output\n"
        "print('gone'); clear_output()\n"
        "one = display('one, first', display_id=True); display('two'); one.update('one, then')",
        "import os, signal, time\n"
        "from pathlib import Path\n"
        f"os.kill(int(Path({str(run.out / 'job.pid')!r}).read_text()), signal.SIGKILL)\n"
        "time.sleep(60)",
    )
    assert result.status == "killed"
    text = run.outputs()
    assert "one, then" in text and "'two'" in text
    assert "gone" not in text and "one, first" not in text


def test_a_secret_that_is_printed_in_two_halves_is_in_no_file(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-of-the-shop")
    result = run(
        "import os, signal, sys, time\n"
        "from pathlib import Path\n"
        "token = os.environ['SHOP_TOKEN']\n"
        "print('it is', token[:9], end='', flush=True); time.sleep(0.5)\n"
        "print('between', file=sys.stderr, flush=True); time.sleep(0.5)\n"
        "print(token[9:], 'said', flush=True); time.sleep(0.5)\n"
        "print('at the end', token[:9], end='', flush=True); time.sleep(0.5)\n"
        f"os.kill(int(Path({str(run.out / 'job.pid')!r}).read_text()), signal.SIGKILL)\n"
        "time.sleep(60)",
    )
    assert result.status == "killed"
    for file in run.out.rglob("*"):
        if file.is_file():
            held = file.read_bytes()
            assert b"s3cr3t-of" not in held and b"-the-shop" not in held, file.name
    assert f"{MASK} said" in run.outputs()
    assert "between" in run.outputs()


def test_a_job_s_history_is_in_memory(run: Runner) -> None:
    run("print('history in', get_ipython().history_manager.hist_file)")
    assert "history in :memory:" in run.outputs()


def test_a_stream_is_masked_as_the_whole_text_is() -> None:
    dice = random.Random(20260101)
    for _ in range(400):
        secrets = ["".join(dice.choices("ab-", k=dice.randint(4, 9))) for _ in range(3)]
        environ = {f"A{n}_TOKEN": secret for n, secret in enumerate(secrets)}
        text = "".join(dice.choice([*secrets, *"ab-x"]) for _ in range(12))
        stream, written, at = MaskedStream(environ), "", 0
        while at < len(text):
            size = dice.randint(1, 6)
            written += stream.add(text[at : at + size])
            assert not any(secret in written for secret in secrets)
            at += size
        written += stream.rest()
        if masker(environ)(text).count(MASK) == 0:
            assert written == text
        assert not any(secret in written for secret in secrets)


def test_a_text_is_what_a_terminal_shows_however_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "HEAD", 60)
    monkeypatch.setattr(outputs, "TAIL", 20)
    dice = random.Random(20260102)
    for _ in range(2_000):
        text = "".join(dice.choices(["a", "bc", "\r", "\n", "\r\n"], k=dice.randint(0, 60)))
        told, at = Text(), 0
        while at < len(text):
            size = dice.randint(1, 9)
            told.add(text[at : at + size])
            at += size
        whole = re.sub(r".*\r(?=[^\n])", "", text)  # nbclient's own pattern
        assert overwritten(text) == whole
        shown = str(told)
        if "left out" not in shown:
            assert shown == whole
        else:
            assert shown.endswith(whole[-20:])
            assert shown.startswith(whole[:10]) or "\r" in text


def test_a_notebook_that_leaves_by_sys_exit_has_ended_well(run: Runner) -> None:
    result = run("import sys; sys.exit(0)", "print('never')")
    assert (result.status, result.exit_code, result.error) == ("ok", 0, None)
    assert "never" not in json.dumps(run.cells()[-1]["outputs"])
    assert run("import sys; sys.exit(3)").error == "step.ipynb, cell 2: SystemExit: 3"


def test_a_cell_that_is_expected_to_raise_lets_the_next_ones_run(run: Runner) -> None:
    import nbformat

    run("1 / 0", "print('and then')")
    path = run.folder / "step.ipynb"
    notebook = nbformat.read(str(path), as_version=4)
    notebook.cells[1].metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, str(path))
    result = run.again(path)
    assert "and then" in run.outputs()
    assert (result.status, result.exit_code, result.error_cell) == ("failed", 1, 2)
    assert result.error == (
        "step.ipynb, cell 2: ZeroDivisionError: division by zero; "
        "the cells after it have run, as its tag raises-exception says"
    )


def test_papermill_with_the_engine_ends_at_an_interrupt(settings: Settings, tmp_path: Path) -> None:
    notebook = write_notebook(
        tmp_path / "step.ipynb", "start = 0", "from pathlib import Path\nPath('begun').touch()\n"
        "import time; time.sleep(600)",
    )  # fmt: skip
    command = ["papermill", "-k", "lakebook", "--engine", "lakebook", "--no-progress-bar"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, str(notebook), str(tmp_path / "done.ipynb")],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip
    from .conftest import wait_until

    assert wait_until((tmp_path / "begun").exists, 120)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Aborted!" in said and "Traceback" not in said
