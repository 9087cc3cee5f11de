"""Valid notebooks of every kind, drawn: what nbformat allows, run, archive and site take."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import nbformat
from hypothesis import strategies as st

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "![i](attachment:i.png)",
            "![i](attachment:absent.png) and ![j](attachment:b%20c.png)",
            '<img src="attachment:i.png"><script>alert(1)</script>',
            "# head\n\n[link](#head) $x^2$ `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |",
            "\x1b[31mred\x1b[0m \x00 \u2028",
            "```python\nx = 1\n```\n- a\n  - b\n",
            "$$\\frac{1}{2$$ \\begin{align}",
            "<div><p>never closed",
            "{% raw %}{{ x }}",
        ]
    ),
)
_MULTILINE = st.one_of(_TEXTS, st.lists(_TEXTS.map(lambda line: f"{line}\n"), max_size=3))
_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        _TEXTS,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_TEXT_KINDS = ["text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml",
               "application/javascript", "application/pdf", "text/x-unheard-of"]  # fmt: skip
_JSON_KINDS = ["application/json", "application/vnd.jupyter.widget-view+json",
               "application/vnd.plotly.v1+json", "application/geo+json"]  # fmt: skip
_PICTURE_KINDS = ["image/png", "image/jpeg", "image/gif", "image/webp"]
_BUNDLES = st.dictionaries(
    st.sampled_from([*_TEXT_KINDS, *_JSON_KINDS, *_PICTURE_KINDS]), st.none(), max_size=4
).flatmap(
    lambda kinds: st.fixed_dictionaries(
        {
            kind: _JSON if kind in _JSON_KINDS
            else st.one_of(st.just(PNG), _MULTILINE) if kind in _PICTURE_KINDS else _MULTILINE
            for kind in kinds
        }
    )
)  # fmt: skip
_ATTACHMENTS = st.dictionaries(
    st.sampled_from(["i.png", "b c.png", "x"]),
    st.sampled_from([{"image/png": PNG}, {"text/plain": "no picture"}, {}]),
    max_size=2,
)
_ODD = st.dictionaries(
    st.sampled_from(
        ["lakebook", "lakebook_cell", "papermill", "collapsed", "scrolled", "trusted", "vscode",
         "execution", "jupyter", "name", "slideshow", "own thing", "lakebook_card"]
    ),
    _JSON,
    max_size=3,
)  # fmt: skip


def outputs() -> Any:
    """An output of each type."""
    count = st.one_of(st.none(), st.integers(0, 99))
    return st.one_of(
        st.fixed_dictionaries(
            {"output_type": st.just("stream"), "name": st.sampled_from(["stdout", "stderr", "log"]),
             "text": _MULTILINE}
        ),
        st.fixed_dictionaries(
            {"output_type": st.just("display_data"), "data": _BUNDLES, "metadata": _ODD}
        ),
        st.fixed_dictionaries(
            {"output_type": st.just("execute_result"), "data": _BUNDLES, "metadata": _ODD,
             "execution_count": count}
        ),
        st.fixed_dictionaries(
            {"output_type": st.just("error"), "ename": _TEXTS, "evalue": _TEXTS,
             "traceback": st.lists(_TEXTS, max_size=3)}
        ),
    )  # fmt: skip


@st.composite
def cells(draw: Any) -> dict[str, Any]:
    """A cell of each type, as format 4.1 has it (4.5 adds its name)."""
    kind = draw(st.sampled_from(["markdown", "raw", "code"]))
    metadata = draw(_ODD)
    if draw(st.booleans()):
        metadata["tags"] = draw(st.lists(st.sampled_from(["a", "b c", "ü"]), unique=True))
    if not isinstance(metadata.get("name", ""), str):
        del metadata["name"]
    if not isinstance(metadata.get("jupyter", {}), dict):
        del metadata["jupyter"]
    cell = {"cell_type": kind, "metadata": metadata, "source": draw(_MULTILINE)}
    if kind == "code":
        metadata.pop("collapsed", None)
        metadata.pop("scrolled", None)
        if not isinstance(metadata.get("execution", {}), dict):
            del metadata["execution"]
        count = draw(st.one_of(st.none(), st.integers(0, 9)))
        return cell | {"execution_count": count, "outputs": draw(st.lists(outputs(), max_size=3))}
    if draw(st.booleans()):
        cell["attachments"] = draw(_ATTACHMENTS)
    return cell


@st.composite
def notebooks(draw: Any) -> dict[str, Any]:
    """A notebook of format 4.0 to 4.5 that nbformat says is valid."""
    minor = draw(st.integers(0, 5))
    drawn = draw(st.lists(cells(), min_size=1, max_size=5))
    if minor == 0:  # attachments came with 4.1
        for cell in drawn:
            cell.pop("attachments", None)
    if minor == 5:
        for number, cell in enumerate(drawn):
            cell["id"] = f"cell-{number}"
    made = {"nbformat": 4, "nbformat_minor": minor, "metadata": draw(_ODD), "cells": drawn}
    try:
        nbformat.validate(nbformat.from_dict(json.loads(json.dumps(made))))
    except nbformat.ValidationError:
        hypothesis.reject()
    return made
