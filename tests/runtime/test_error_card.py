"""An error that a person can act on is one card in a real kernel, and the cell has failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from small_lake import SmallLake

from lakebook.archive.cells import render_cells
from lakebook.errors import UserError
from lakebook.runtime.error_card import card_of
from lakebook.runtime.kernelspec import install
from lakebook.settings import Settings

from .conftest import running_kernel

SECRET = "hunter2-hunter2"
START = """\
import narwhals as nw
from lakebook import Step
step = Step("silver.events", start="2013-01-01", end="2013-01-02")
def read(name):
    return step.read(name)
"""


@pytest.fixture
def kernel(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A kernel beside a lake that has a day of silver.events."""
    lake = SmallLake(settings.root)
    text = (settings.root / "lakebook.toml").read_text()
    lake.contract("replace")
    (settings.root / "lakebook.toml").write_text(text)
    lake.write([(1, "2013-01-01", 10)], "2013-01-01", "2013-01-02")
    monkeypatch.setenv("LAKEBOOK_ENV", "prod")
    monkeypatch.setenv("SOURCE_PASSWORD", SECRET)
    install()
    with running_kernel("lakebook", settings.root, ready_s=60) as client:
        yield client


def run(client: Any, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The reply and the outputs, as a notebook stores them."""
    outputs: list[dict[str, Any]] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "error", "stream"):
            content = {k: v for k, v in message["content"].items() if k != "transient"}
            outputs.append({"output_type": message["msg_type"], **content})

    reply = client.execute_interactive(code, timeout=60, output_hook=keep)
    return reply["content"], outputs


def test_cards_in_a_real_kernel(kernel: Any) -> None:
    assert run(kernel, START)[0]["status"] == "ok"

    # An error of Lakebook, raised in a function of another cell.
    reply, (card, ended) = run(kernel, "x = 1\nread('silver.evnts')")
    sentence = "silver.evnts"
    assert (reply["status"], reply["ename"]) == ("error", "UserError")
    assert sentence in reply["evalue"] and reply["evalue"] == ended["evalue"]
    assert reply["traceback"] == ended["traceback"] and len(ended["traceback"]) == 2
    assert "Traceback" not in "".join(ended["traceback"])
    html, plain = card["data"]["text/html"], card["data"]["text/plain"]
    assert "line 5 of In[1], called from line 2 of this cell" in plain
    assert len(plain.splitlines()) <= 4
    assert html.count("<details><summary>Traceback</summary><pre>") == 1
    assert "return step.read(name)" in html and "Traceback (most recent call last)" in html

    # An engine's error: the column, those that there are, the nearest; raised when it is computed.
    code = f"frame = read('silver.events').filter(nw.col('amuont') > 0)  # {SECRET}\n"
    reply, (card, ended) = run(kernel, code + f"frame.collect()  # {SECRET}")
    assert (reply["ename"], ended["ename"]) == ("ColumnNotFoundError", "ColumnNotFoundError")
    assert "amuont" in reply["evalue"]
    html, plain = card["data"]["text/html"], card["data"]["text/plain"]
    said = "column 'amuont' is not in silver.events (did you mean 'amount'?)"
    assert said in plain and said in ended["traceback"][0]
    assert "Columns of silver.events (3)" in html and "<code>amount</code>" in html
    assert "line 2 of this cell" in plain
    assert SECRET not in str(card) + str(ended["traceback"]) and "•••" in html
    assert "Resolved plan" not in html

    # In the archive: the same card, harmless, and the traceback with the page's own folding.
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": [card, ended]}
    (archived,) = render_cells({"cells": [cell]})["cells"]
    shown, error = archived["outputs"]
    assert (shown["kind"], error["kind"], error["carded"]) == ("html", "error", True)
    for words in ("<details><summary>Traceback</summary>", "did you mean", "What to do", "amuont"):
        assert (words in shown["html"]) is (words != "What to do")
    assert "style=" not in shown["html"]
    assert "Cell In[3], line 2" in error["text"] and "Resolved plan" not in error["html"]

    # Other errors, and errors of syntax, are shown as ever.
    reply, (ended,) = run(kernel, "1 / 0")
    assert reply["ename"] == "ZeroDivisionError" and len(ended["traceback"]) > 2
    reply, (ended,) = run(kernel, "def broken(:")
    assert reply["ename"] == "SyntaxError"
    assert run(kernel, "step")[0]["status"] == "ok"


def test_a_card_escapes_what_it_shows() -> None:
    hostile = UserError("<script>alert(1)</script>", where="<b>", fix="<img src=x>")
    card = card_of(hostile, hostile, place=None, trace=["<i>\x1b[0;31m"], columns={"<u>": ["<s>"]})
    html = card._repr_html_()
    for tag in ("<script", "<img", "<i>", "<u>", "<s>"):
        assert tag not in html
    assert "\x1b" not in html
