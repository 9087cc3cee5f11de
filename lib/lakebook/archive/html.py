"""The report of a run: its executed notebook as one sanitized, self-contained HTML page.

nbconvert renders each cell and nh3 cleans what comes out. Both are slow to import, so this is
called in a child of the warm parent, as "lakebook.archive.html:write_report".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from ..engines.messages import without_plan
from .page import badge, count, duration, interval, page, table
from .record import RunRecord

_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
_CLASS = re.compile(r"(highlight|hll|[a-z]{1,2}\d?|ansi-[a-z-]+|dataframe|input|output)")
_TAGS = """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6
    hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td
    tfoot th thead tr u ul var
"""
_ATTRIBUTES = {
    "*": {"class", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
}
_LARGEST_OUTPUT = 4_000_000  # characters: a browser opens a report, not a data dump


def write_report(notebook: str, record: Mapping[str, Any], target: str) -> str:
    """Render to `target` and return its path; all arguments are JSON, for another process."""
    import nbformat  # joins the lists of lines that notebooks are saved with

    text = render(nbformat.read(notebook, as_version=4), record)
    Path(target).write_text(text, encoding="utf-8")
    return target


def render(notebook: Mapping[str, Any], record: Mapping[str, Any] | RunRecord) -> str:
    """The report of `record` with the cells of its executed notebook (nbformat 4 JSON)."""
    run = record if isinstance(record, RunRecord) else RunRecord.from_json(record)
    title = f"{run.step} {interval(run.start, run.end)}: {run.status}"
    return page(title, f"{_header(run)}<main>\n<h2>Notebook</h2>\n{_cells(notebook)}</main>")


def sanitize(html: str) -> str:
    """Keep structure, text and embedded images; drop scripts, styles, handlers, foreign loads."""
    import nh3

    return nh3.clean(
        html,
        tags=set(_TAGS.split()),
        clean_content_tags={"script", "style", "iframe", "object", "template", "svg", "math"},
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_keep_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if _IMAGE.fullmatch(value) else None
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "class":
        # Only classes of code and of plain tables: others could dress output up as our header.
        kept = [word for word in value.split() if _CLASS.fullmatch(word)]
        return " ".join(kept) or None
    return value


def _header(run: RunRecord) -> str:
    facts = {
        "Interval": interval(run.start, run.end),
        "Environment": escape(run.env),
        "Began (UTC)": escape(run.began[:19].replace("T", " ")),
        "Took": duration(run.elapsed_s),
        "Peak memory": f"{run.peak_rss_mb:,.0f} MB",
        "Kernel": escape(run.kernel),
        "Run": f"<code>{escape(run.run_id)}</code>",
    }
    lines = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in facts.items())
    return (
        f"<header>\n<h1>{escape(run.step)} {badge(run.status)}</h1>\n"
        f'{_error(run)}<dl class="facts">{lines}</dl>\n{_tables(run)}</header>\n'
    )


def _error(run: RunRecord) -> str:
    if not run.error:
        return ""
    link = ' <a href="#failed">To the failing cell</a>' if run.error_cell is not None else ""
    return f'<p class="error" role="alert">{escape(run.error)}{link}</p>\n'


def _tables(run: RunRecord) -> str:
    outputs = table(
        "Rows: audited = published + quarantined",
        ("Dataset", "Version", "Audited", "Published", "Quarantined", "Partitions committed"),
        (
            (
                f"<strong>{escape(str(output.get('dataset', '')))}</strong>",
                count(output.get("version", "")),
                *(count(output.get(f"rows_{kind}", "")) for kind in _ROWS),
                _names(output.get("committed") or ()) or "none: unchanged",
            )
            for output in run.outputs
        ),
    )
    inputs = table(
        "Inputs",
        ("Read", "Version", "Partitions"),
        (
            (
                escape(str(found.get("dataset") or found.get("source") or "")),
                count(found.get("version", "")),
                _names(found.get("partitions") or ()),
            )
            for found in run.inputs
        ),
    )
    return outputs + _checks(run) + inputs


_ROWS = ("audited", "published", "quarantined")


def _checks(run: RunRecord) -> str:
    def verdict(check: Mapping[str, Any]) -> str:
        if check.get("success"):
            return badge("ok")
        return badge("failed" if check.get("action") == "fail" else "warn")

    # What did not hold comes first.
    ordered = sorted(run.checks, key=lambda check: bool(check.get("success")))
    return table(
        "Checks",
        ("Result", "Rule", "Column", "Action", "Unexpected", "Observed", "Why"),
        (
            (
                verdict(check),
                escape(str(check.get("name", ""))),
                escape(str(check.get("column") or "")),
                escape(str(check.get("action", ""))),
                "" if check.get("unexpected") is None else count(check["unexpected"]),
                escape(
                    str(check.get("observed") if check.get("observed") is not None else "")[:80]
                ),
                escape(str(check.get("reason") or "")),
            )
            for check in ordered
        ),
    )


def _short(value: object) -> str:
    return "" if value is None else str(value)[:80]


def _names(names: Any) -> str:
    """A few names, or the first and last of many."""
    words = [escape(str(name)) for name in names]
    return ", ".join(words) if len(words) <= 4 else f"{words[0]} … {words[-1]} ({len(words)})"


def _cells(notebook: Mapping[str, Any]) -> str:
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic", anchor_links=False, embed_images=False)
    sections = []
    failed = False
    for cell in notebook["cells"]:
        if "papermill-error-cell-tag" in cell.get("metadata", {}).get("tags", []):
            continue  # Papermill's own banner; the header says it already
        stat = cell.get("metadata", {}).get("lakebook") or {}
        here = stat.get("status") == "failed" and not failed
        failed = failed or here
        node = nbformat.from_dict(
            {**cell, "outputs": [_safe(o) for o in cell["outputs"]]}
            if cell["cell_type"] == "code"
            else cell
        )
        one = nbformat.v4.new_notebook(cells=[node], metadata=notebook.get("metadata", {}))
        body, _ = exporter.from_notebook_node(one)
        sections.append(
            f'<section class="cell{" failed" if here else ""}"{_ID if here else ""}>\n'
            f'<p class="figures">{_figures(cell, stat)}</p>\n'
            f'<div class="{"output" if cell["cell_type"] == "code" else "text"}">'
            f"{sanitize(body)}</div>\n</section>\n"
        )
    return "".join(sections)


_ID = ' id="failed"'


def _figures(cell: Mapping[str, Any], stat: Mapping[str, Any]) -> str:
    if cell["cell_type"] != "code":
        return ""
    if not stat:
        return "not run"
    number = f"cell {stat['number']}" if stat.get("number") else "parameters"
    return f"{number}<br>{duration(stat['elapsed_s'])}<br>{stat['peak_rss_mb']:,.0f} MB"


def _safe(output: Mapping[str, Any]) -> dict[str, Any]:
    """An output whose pictures are data URIs, since inline SVG may carry scripts."""
    if output.get("output_type") == "error":
        return {**output, "traceback": [without_plan(line) for line in output["traceback"]]}
    if "data" not in output:
        return dict(output)
    data = dict(output["data"])
    svg = _text(data.pop("image/svg+xml", ""))
    for kind in [kind for kind in data if "javascript" in kind or "widget" in kind]:
        del data[kind]
    if len(_text(data.get("text/html", ""))) > _LARGEST_OUTPUT:
        data = {"text/plain": "(an output too large for the report; it is in notebook.ipynb)"}
    if svg:
        coded = base64.b64encode(svg.encode()).decode()
        picture = f'<img alt="plot" src="data:image/svg+xml;base64,{coded}">'
        data = {"text/html": picture}
    return {**output, "data": data}


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)
