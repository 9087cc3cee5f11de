"""What a cell printed stays out of the archive where its step touches columns that stay hidden.

A value cannot be told from other text: it may have been cut, rounded or spelled otherwise. So of a
run that touches such columns only Lakebook's own cards are kept, which mask by lineage, and
pictures, in which nobody can search. The kernel says so in a file beside the run's other files
before a cell can hold a row; the job that keeps the outputs looks for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files import put_file

FILE = "hidden.json"
CARD = "lakebook_card"  # in the metadata of what a card shows
_PICTURES = ("image/png", "image/jpeg")
_SEE = "run the cell in a session of your own to see it"
_NAMED = 6

Columns = Mapping[str, Iterable[str]]
"""The columns whose values stay hidden, by dataset or source."""


def note(out: Path, columns: Columns) -> None:
    """Say that the run in this folder touches such columns; those said before stay."""
    found = read(out)
    merged = {name: {*found.get(name, ()), *columns.get(name, ())} for name in {*found, *columns}}
    after = {name: sorted(one) for name, one in sorted(merged.items()) if one}
    if after == found:
        return
    # Durable: after a power cut the outputs that are still there are kept by what it says.
    put_file(out / FILE, json.dumps(after))


def read(out: Path) -> dict[str, list[str]]:
    """What was said; nothing where no such column was touched."""
    try:
        found: dict[str, list[str]] = json.loads((out / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def of_run(environ: Mapping[str, str]) -> dict[str, list[str]]:
    """As `read`, for the run that this process belongs to; nothing outside of a run."""
    context = environ.get("LAKEBOOK_RUN")
    return read(Path(context).parent) if context else {}


def named(columns: Columns) -> str:
    """`email of bronze.people, ssn of bronze.people`, cut short."""
    words = [f"{column} of {name}" for name, one in columns.items() for column in one]
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return f"{', '.join(words[:_NAMED])}{more}"


def why(columns: Columns) -> str:
    """The reason, as a clause."""
    return f"the step touches columns whose values stay hidden: {named(columns)}"


def hidden_message(columns: Columns) -> tuple[str, str]:
    """What is said instead of an error's own words, and what to do."""
    return f"its message is hidden, since {why(columns)}", _SEE


def kept_output(output: Any, columns: Columns) -> Any:
    """An output of a cell as it may be kept: the same one, its picture, or a line instead of it."""
    kind = output["output_type"]
    if not columns or kind == "error":  # whose words the kernel has hidden: `runtime.hooks`
        return output
    if kind == "stream":
        return type(output)({**output, "text": f"{_sentence(output.get('text'), columns)}\n"})
    if {CARD, "lakebook_traceback"} & set(output.get("metadata", {})):
        return output
    data = output.get("data", {})
    pictures = {name: data[name] for name in _PICTURES if name in data}
    text = "a picture" if pictures else _sentence(data.get("text/plain"), columns)
    return type(output)({**output, "data": {**pictures, "text/plain": text}, "metadata": {}})


def kept_log(columns: Columns) -> str:
    """What stands in the archive for what was written past Jupyter."""
    return f"left out: {why(columns)}\n"


def _sentence(text: Any, columns: Columns) -> str:
    whole = "".join(text) if isinstance(text, list) else str(text or "")
    lines = max(1, len(whole.splitlines()))
    what = "1 line is hidden" if lines == 1 else f"{lines} lines are hidden"
    return f"[{what}, since {why(columns)}; {_SEE}]"
