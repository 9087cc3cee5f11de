"""The cells of an executed notebook as sanitized HTML and plain text: `cells.json` of a run.

nbconvert renders, `sanitize` cleans. Both are slow to import, so this is called in a child of the
warm parent, as "lakebook.archive.cells:write_cells"; pages are made from it without either.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..engines.messages import without_plan
from .sanitize import IMAGE, sanitize

FORMAT = 1
CARD_TRACE = "lakebook_traceback"  # in the metadata of an error's card
# Characters. A browser opens a report, not a data dump; what is left out is in notebook.ipynb.
TEXT_MAX, TEXT_HEAD, TEXT_TAIL = 24_000, 16_000, 6_000
HTML_MAX = 500_000
IMAGE_MAX = 4_000_000
SOURCE_MAX = 100_000
CELL_OUTPUTS_MAX = 100
RUN_MAX = 12_000_000
PLAIN_MAX = 6_000
_TAG = re.compile(r"<[^>]{0,2000}>")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_RANDOM_ID = re.compile(r'(id="|#)[A-Za-z]+[0-9a-f]{10}\b')
_PERMALINK = re.compile(r"<a [^>]*>¶</a>")
_HEADING = re.compile(r"(</?)h([1-6])\b")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


@dataclass
class _Budget:
    """What is left of a run's share of a page."""

    left: int

    def take(self, size: int) -> bool:
        if size > self.left:
            return False
        self.left -= size
        return True


def write_cells(notebook: str, target: str) -> str:
    """Render the notebook at a path to the JSON file `target`; both are strings, for a call."""
    loaded = json.loads(Path(notebook).read_text(encoding="utf-8"))
    Path(target).write_text(json.dumps(render_cells(loaded), ensure_ascii=False), encoding="utf-8")
    return target


def render_cells(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of a notebook (nbformat 4 JSON), in order.

    A cell has kind (code | markdown), number (as people count it, None: injected), status (ok |
    failed | none), elapsed_s, peak_rss_mb, source, source_html and outputs; an output has kind
    (text | html | image | error | note), html or src, and its plain text.
    """
    budget = _Budget(RUN_MAX)
    cells = []
    for cell in notebook["cells"]:
        if "papermill-error-cell-tag" in cell.get("metadata", {}).get("tags", []):
            continue  # Papermill's own banner; the page says it already
        cells.append(_cell(cell, budget))
    return {"format": FORMAT, "cells": cells}


def _cell(cell: Mapping[str, Any], budget: _Budget) -> dict[str, Any]:
    meta = cell.get("metadata", {})
    stat = meta.get("lakebook")
    if not isinstance(stat, dict) or cell["cell_type"] != "code":
        stat = {}  # somebody else's word in a cell that never runs
    source = _cut(text_of(cell.get("source", "")), SOURCE_MAX, SOURCE_MAX, 0)
    code = cell["cell_type"] == "code"
    outputs = _unfolded(_merged(cell.get("outputs", []))) if code else []
    shown = [_output(output, budget) for output in outputs[:CELL_OUTPUTS_MAX]]
    if len(outputs) > CELL_OUTPUTS_MAX:
        shown.append(_note(f"{len(outputs) - CELL_OUTPUTS_MAX:,} more outputs of this cell"))
    return {
        "kind": "code" if code else "markdown",
        "number": stat.get("number") or meta.get("lakebook_cell"),
        "tags": list(meta.get("tags", [])),
        "status": stat.get("status", "none"),
        "elapsed_s": stat.get("elapsed_s"),
        "peak_rss_mb": stat.get("peak_rss_mb"),
        "source": source,
        "source_html": _code(source) if code else _shown_text(cell, source),
        "outputs": shown,
    }


def _merged(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Outputs with neighbouring pieces of one stream joined: a loop of prints is one text."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output.get("name"):
            last["text"].append(text_of(output["text"]))
        elif output["output_type"] == "stream":
            joined.append({**output, "text": [text_of(output["text"])]})
        else:
            joined.append(dict(output))
    return joined


def _unfolded(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The error after a card gets back the traceback that the card folds; the card says the rest.

    See `lakebook.runtime.error_card`.
    """
    folded: list[str] = []
    for output in outputs:
        if output["output_type"] == "error" and folded:
            output |= {"traceback": folded, "carded": True}
        folded = list(output.get("metadata", {}).get(CARD_TRACE) or ())
    return outputs


def _output(output: Mapping[str, Any], budget: _Budget) -> dict[str, Any]:
    try:
        shown = _rendered(output)
    except Exception as broken:  # whatever a cell shows, the run and its neighbours are archived
        shown = _note(f"an output that cannot be rendered ({_why(broken)})")
    if not budget.take(len(shown.get("html", "")) + len(shown.get("src", ""))):
        return _note("this output: the run shows more than a page should hold")
    return shown


def _rendered(output: Mapping[str, Any]) -> dict[str, Any]:
    kind = output["output_type"]
    if kind == "stream":
        return _text(text_of(output["text"]), "error-text" if output["name"] == "stderr" else "")
    if kind == "error":
        trace = text_of("\n".join(map(without_plan, output.get("traceback") or ())))
        text = _text(trace or f"{output['ename']}: {output['evalue']}")
        return {**text, "kind": "error", **({"carded": True} if output.get("carded") else {})}
    data = {name: text_of(value) for name, value in output.get("data", {}).items()}
    for name in _PICTURES:
        if data.get(name):
            return _picture(name, data[name], data.get("text/plain", ""))
    rich = next((n for n in ("text/html", "text/markdown", "text/latex") if data.get(n)), None)
    if rich is None:
        return _text(data.get("text/plain", ""))
    if len(data[rich]) > HTML_MAX:
        return _note(f"an output of {len(data[rich]):,} characters")
    body = _converted_html(rich, data[rich])
    plain = data.get("text/plain") or html.unescape(_TAG.sub(" ", body))
    return {"kind": "html", "html": body, "text": _cut(_plain(plain), PLAIN_MAX, PLAIN_MAX, 0)}


def _picture(kind: str, value: str, plain: str) -> dict[str, Any]:
    coded = base64.b64encode(value.encode()).decode() if kind == "image/svg+xml" else value.strip()
    src = f"data:{kind};base64,{''.join(coded.split())}"
    if len(src) > IMAGE_MAX:
        return _note(f"a picture of {len(src) * 3 // 4:,} bytes")
    if not _BASE64.fullmatch(coded) or not IMAGE.fullmatch(src):
        return _note("a picture that is none")
    same = hashlib.sha256(_steady(value).encode()).hexdigest()[:16]
    return {"kind": "image", "src": src, "digest": same, "text": _cut(plain, 200, 200, 0)}


def _steady(picture: str) -> str:
    """A picture without what Matplotlib makes anew each time: its date and random names."""
    return _RANDOM_ID.sub(r"\1", _METADATA.sub("", picture))


def _text(text: str, kind: str = "") -> dict[str, Any]:
    shown = _cut(text, TEXT_MAX, TEXT_HEAD, TEXT_TAIL)
    body = sanitize(f"<pre>{_ansi(shown)}</pre>")
    plain = _cut(ANSI.sub("", shown), PLAIN_MAX, PLAIN_MAX * 2 // 3, PLAIN_MAX // 3)
    return {"kind": "text", "html": body, "text": plain, **({"stream": kind} if kind else {})}


def _note(what: str) -> dict[str, Any]:
    text = f"left out: {what}; the whole is in notebook.ipynb"
    return {"kind": "note", "html": f"<p>{html.escape(text)}</p>", "text": text}


def _cut(text: str, most: int, head: int, tail: int) -> str:
    """A text at most `most` long; of a longer one its beginning and end, and what is missing."""
    if len(text) <= most:
        return text
    gone = len(text) - head - tail
    end = text[-tail:] if tail else ""
    return f"{text[:head]}\n… {gone:,} characters left out; the whole is in notebook.ipynb …\n{end}"


def _plain(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def text_of(value: Any) -> str:
    """A notebook's multi-line string, saved as one text or as its lines."""
    is_lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "".join(value) if is_lines else str(value)


def _ansi(text: str) -> str:
    from nbconvert.filters import ansi2html

    return str(ansi2html(text))


def _code(source: str) -> str:
    from nbconvert.filters import Highlight2HTML

    return sanitize(Highlight2HTML(pygments_lexer="ipython3")(source))


def _shown_text(cell: Mapping[str, Any], source: str) -> str:
    """A cell of text: Markdown as it reads, or as it is written where it cannot be rendered."""
    if cell["cell_type"] != "markdown":
        return sanitize(f"<pre>{html.escape(source)}</pre>")
    try:
        return _converted_text(source, cell.get("attachments") or {})
    except Exception as broken:
        said = _note(f"this text as it reads, for it cannot be rendered ({_why(broken)})")["html"]
        return sanitize(f"{said}<pre>{html.escape(source)}</pre>")


def _why(broken: Exception) -> str:
    return _cut(f"{type(broken).__name__}: {broken}", 300, 300, 0)


def _converted_text(source: str, attachments: Mapping[str, Any]) -> str:
    import nbformat

    cell = nbformat.v4.new_markdown_cell(source, attachments=nbformat.from_dict(attachments))
    body = _PERMALINK.sub("", _converted(cell))
    # Below the page's own headings, or a screen reader's outline makes no sense.
    return _HEADING.sub(lambda hit: f"{hit[1]}h{min(6, int(hit[2]) + 2)}", body)


def _converted_html(kind: str, value: str) -> str:
    import nbformat

    output = nbformat.v4.new_output("display_data", {kind: value})
    return _converted(nbformat.v4.new_code_cell(outputs=[output]))


def _converted(cell: Any) -> str:
    import nbformat

    body, _ = _exporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    return sanitize(body)


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="basic",
        anchor_links=False,
        embed_images=False,
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
