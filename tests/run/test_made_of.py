"""Fresh means made of exactly what is there: one thing is changed at a time, and what a run then
leaves is what a forced run leaves."""

from __future__ import annotations

import json
import re

import pytest
import sampling
from changes import Change, edit, put
from small_checkout import COLUMNS, Checkout

FILES = {
    "notebooks/silver/helpers.py": "import deeper\n\ndef more(x):\n    return deeper.twice(x)\n",
    "notebooks/silver/deeper.py": 'from pathlib import Path\n\ndef twice(x):\n    """Doubles."""\n'
    '    return 2 * x + int(Path("../../data/plus.txt").read_text())\n',
    "lib/team.py": "ONE = 1\n",
    "lib/shop/rates.py": "ZERO = 0\n",
    "data/plus.txt": "1",
    "data/parts/a.txt": "2",
    "data/unused.txt": "5",
}
STEP = [
    'from lakebook import Step\nstep = Step("silver.sums", start=start, end=end)',
    "import narwhals as nw\nimport helpers\nfrom team import ONE\nfrom pathlib import Path\n"
    "from shop.rates import ZERO",
    '"""The cell says what it does, and of which file: data/unused.txt"""\n'
    'extra = sum(int(p.read_text()) for p in Path("../../data/parts").glob("*.txt"))',
    'events = step.read("bronze.events").select("id", "seen", "amount")',
    'step.write(events.with_columns(amount=helpers.more(nw.col("amount")) + ONE + extra + ZERO))',
]


NOTEBOOK = "notebooks/silver/sums.ipynb"
MATTERS: dict[str, Change] = {
    "a module beside the notebook": edit("notebooks/silver/helpers.py", "twice(x)", "twice(x) + 1"),
    "a module of a module": edit("notebooks/silver/deeper.py", "2 * x", "3 * x"),
    "a module of the team's": edit("lib/team.py", "1", "7"),
    "a module of a folder without an init": edit("lib/shop/rates.py", "0", "3"),
    "a module that comes before the team's": put("notebooks/silver/team.py", "ONE = 9\n"),
    "a file that a module names": put("data/plus.txt", "4"),
    "a file of a folder": put("data/parts/a.txt", "8"),
    "a file more in a folder": put("data/parts/b.txt", "8"),
    "code": edit(NOTEBOOK, "+ ONE + extra", "+ ONE - extra"),
    "the source": edit("events.csv", "10:00:00Z,10", "10:00:00Z,11"),
}
DOES_NOT: dict[str, Change] = {
    "a comment": edit(NOTEBOOK, "import helpers", "import helpers  # ours"),
    "blanks": edit(NOTEBOOK, "+ ONE + extra", "+  ONE  +  extra"),
    "words of the contract": edit(
        "notebooks/silver/sums.contract.yaml", "One row per event.", "A row per event."
    ),
    "a file that nothing names": put("data/unused.txt", "6"),
    "a module that nothing imports": put("notebooks/silver/others.py", "1"),
    "the same file once more": edit("data/plus.txt", "1", "1"),
}


@pytest.fixture
def made(checkout: Checkout) -> Checkout:
    for name, text in FILES.items():
        (checkout.root / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / name).write_text(text)
    checkout.contract("silver.sums", COLUMNS)
    checkout.notebook("silver.sums", STEP)
    assert checkout.run()["silver.sums"]["status"] == "ok"
    return checkout


def stale(checkout: Checkout) -> list[str]:
    found = checkout.lakebook(
        *("plan", "silver.sums+", "+silver.sums"),
        *("--start", "2013-01-01", "--end", "2013-01-04", "--json"),
    )
    assert found.returncode == 0, found.stderr
    return [one["step"] for one in json.loads(found.stdout) if one["stale"]]


def run(checkout: Checkout, *args: str) -> None:
    steps = checkout.run("silver.sums", "bronze.events", *args)
    assert [one["error"] for one in steps.values()] == [None, None]


def sums(checkout: Checkout) -> list[dict[str, object]]:
    return checkout.query("select id, amount from silver.sums order by id")


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("what", sampling.chosen([*MATTERS, *DOES_NOT], 6, "made of"))
def test_a_run_leaves_what_a_forced_run_leaves(made: Checkout, what: str) -> None:
    before = sums(made)
    (MATTERS | DOES_NOT)[what](made.root)
    is_stale = bool(stale(made))
    assert is_stale == (what in MATTERS)
    run(made)
    after = sums(made)
    run(made, "--force")
    assert sums(made) == after
    assert (after != before) == is_stale
    assert stale(made) == []


def test_a_module_beside_and_a_file_that_it_names_make_stale_and_are_said(made: Checkout) -> None:
    MATTERS["a file that a module names"](made.root)
    MATTERS["a module beside the notebook"](made.root)
    done = made.lakebook(
        *("plan", "silver.sums", "--explain", "--start", "2013-01-01", "--end", "2013-01-04")
    )
    assert re.search(r"changed: files, library\b", done.stdout), done.stdout
