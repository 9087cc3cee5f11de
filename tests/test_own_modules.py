"""What a module says is what its file says, also for edits that Python's bytecode does not see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_checkout import COLUMNS, Checkout

NEW, OLD = "FACTOR = 7\n", "FACTOR = 3\n"


def rewrite(path: Path, text: str) -> None:
    """Of the same size and time as before: an editor saves twice within a second."""
    before = path.stat()
    assert len(text) == before.st_size
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def python(code: str, folder: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


INSTALL = (
    "from pathlib import Path; from lakebook.own_modules import compile_own_modules; "
    "compile_own_modules(Path.cwd()); compile_own_modules(Path.cwd()); "
)


@pytest.mark.parametrize("place", ["own.py", "pack/__init__.py", "pack/deep/own.py"])
def test_an_edit_within_a_second_is_seen(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(OLD)
    name = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    show = f"import {name} as own; print(own.FACTOR)"
    assert python(show, tmp_path) == "3"
    rewrite(path, NEW)
    assert python(show, tmp_path) == "3", "Python sees it by now: this is needed no more"
    assert python(f"import sys; {INSTALL}{show}", tmp_path) == "7"
    beside = "import lakebook.intervals as it; print(it.__cached__ is not None)"
    assert python(f"{INSTALL}{beside}", tmp_path) == "True"


def test_what_is_installed_below_the_checkout_keeps_its_bytecode(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lakebook import own_modules as own; "
        "sys.prefix = str(Path.cwd() / 'venv'); own.compile_own_modules(Path.cwd()); "
        "sys.path.insert(0, str(Path.cwd() / 'venv')); import other; "
        "print(type(other.__spec__.loader).__name__)"
    )
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "other.py").write_text("")
    assert python(code, tmp_path) == "SourceFileLoader"


@pytest.mark.parametrize("warm", ["1", "0"])
def test_a_run_is_of_the_text_that_its_fingerprint_says(checkout: Checkout, warm: str) -> None:
    module = checkout.root / "notebooks/silver/factors.py"
    module.write_text(OLD)
    checkout.contract("silver.scaled", COLUMNS)
    checkout.notebook(
        "silver.scaled",
        [
            'from lakebook import Step\nstep = Step("silver.scaled", start=start, end=end)',
            "import narwhals as nw\nfrom factors import FACTOR",
            'events = step.read("bronze.events").select("id", "seen", "amount")',
            'step.write(events.with_columns(amount=nw.col("amount") * FACTOR))',
        ],
    )
    environ = {"LAKEBOOK_WARM": warm, "PYTHONDONTWRITEBYTECODE": ""}
    args = ("--start", "2013-01-01", "--end", "2013-01-04", "--json")

    def amounts() -> list[int]:
        done = checkout.lakebook("run", "bronze.events", "silver.scaled", *args, **environ)
        assert done.returncode == 0, done.stderr
        found = checkout.query("select amount from silver.scaled order by id")
        return [row["amount"] for row in found]

    before = amounts()
    rewrite(module, NEW)
    assert amounts() == [amount // 3 * 7 for amount in before]
