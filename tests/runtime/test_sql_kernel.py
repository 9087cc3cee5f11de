"""SQL and its completion in real kernels: a warm one, as in JupyterLab, and a plain one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_lake import SmallLake

from lakebook.runtime.kernelspec import install

from .conftest import IMPORTS, running_kernel

BEGIN = 'from lakebook import Step\nstep = Step("silver.totals", start=start, end=end)'


@pytest.fixture(params=["lakebook", "python3"], scope="module")
def client(request: pytest.FixtureRequest, root: Path) -> Iterator[Any]:
    """One kernel of a kind for all tests here."""
    install()
    with contextlib.ExitStack() as held:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LAKEBOOK_ENV", "ana")
            patch.setenv("LAKEBOOK_ROOT", str(root))
            patch.setenv("LAKEBOOK_WARM_IMPORTS", IMPORTS)
            client = held.enter_context(running_kernel(request.param, written(root), ready_s=30))
        yield client


def written(root: Path) -> Path:
    """A lake with `silver.events` of two days and the contract of `silver.totals`."""
    if not (root / "notebooks/silver/totals.contract.yaml").is_file():
        lake = SmallLake(root)
        lake.contract("replace")
        rows = [(1, "2013-01-01T10", 10), (2, "2013-01-02T10", 20)]
        lake.write(rows, "2013-01-01", "2013-01-03")
        lake.step = "silver.totals"
        lake.contract("replace")
    return root / "notebooks/silver"


def run(client: Any, code: str) -> str:
    """Everything that a cell shows, as text; it must not fail."""
    shown: list[str] = []

    def note(message: Any) -> None:
        content = message["content"]
        shown.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

    reply = client.execute_interactive(code, timeout=60, output_hook=note)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(shown)


def complete(client: Any, cell: str) -> list[str]:
    """The texts that a front end would put in at the mark |, as the whole word there."""
    code, at = cell.replace("|", ""), cell.index("|")
    content = client.complete(code, at, reply=True, timeout=30)["content"]
    return [code[: content["cursor_start"]] + match for match in content["matches"]]


def test_a_sql_cell_makes_a_frame_of_the_notebooks_step_and_shows_its_rows(client: Any) -> None:
    run(client, f'start, end, most = "2013-01-01", "2013-01-02", 15\n{BEGIN}')
    shown = run(client, "%%sql few\nselect id, amount from silver.events where amount < $most;")
    assert "10" in shown and "20" not in shown
    assert run(client, "print(type(few).__name__, few.collect().rows())") == (
        "LazyFrame [(1, 10)]\n"
    )
    shown = run(client, "%%sql --after 1\nselect sum(e.amount) as total, count(few.id) as few\n"
                        "from silver.events e left join few using (id)")  # fmt: skip
    assert "30" in shown and "1" in shown

    reply = client.execute_interactive("%%sql x\nfrom fwe", timeout=30, output_hook=lambda _: None)
    assert reply["content"]["status"] == "error"
    assert "no dataset and no frame (did you mean 'few'?)" in reply["content"]["evalue"]


def test_names_of_datasets_and_columns_are_completed(client: Any) -> None:
    run(client, f'start, end = "2013-01-01", "2013-01-02"\n{BEGIN}')

    def ends(cell: str) -> list[str]:
        return [text.replace("\n", " ").split(" ")[-1] for text in complete(client, cell)]

    assert complete(client, 'x = step.read("silver.e|") ') == ['x = step.read("silver.events']
    assert ends('y = step.sql("""\nselect * from silver.|""")') == [
        "silver.events",
        "silver.totals",
    ]
    assert ends("%%sql x\nselect e.am| from silver.events e") == ["e.amount"]
    run(client, 'clean = step.read("silver.events").rename({"amount": "sum_min"})')
    assert ends("%%sql x\nselect * from silver.events join cl|") == ["clean"]
    assert ends("%%sql x\nselect su| from clean") == ["sum_min"]
    assert "step.write" in ends("step.wri|")  # IPython's own is as before
