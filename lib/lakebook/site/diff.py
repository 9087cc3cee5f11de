"""What differs between a run and the last good run of its step before: data for the page."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..archive.record import RunRecord

LINES_MAX = 400  # of one text: beyond it, only that it differs is said
CONTEXT = 3


@dataclass(frozen=True)
class Line:
    """A line of a diff. `kind`: same, gone, new or skip (lines in between that are alike)."""

    kind: str
    text: str


@dataclass(frozen=True)
class CellChange:
    """A cell whose code or text differs; `number` is the new cell's, None: the cell is gone."""

    kind: str  # changed | new | gone
    number: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Value:
    """A value before and now; `name` says of what."""

    name: str
    before: Any
    now: Any


@dataclass(frozen=True)
class Picture:
    number: int | None
    before: str  # data URI; empty: there was none
    now: str


@dataclass(frozen=True)
class Difference:
    """Of a run (now) against another (before); empty tuples where nothing differs."""

    code: tuple[CellChange, ...] = ()
    words: tuple[CellChange, ...] = ()
    parameters: tuple[Value, ...] = ()
    interval: Value | None = None
    inputs: tuple[Value, ...] = ()
    rows: tuple[Value, ...] = ()
    checks: tuple[Value, ...] = ()
    outputs: tuple[CellChange, ...] = ()
    pictures: tuple[Picture, ...] = ()
    versions: tuple[Value, ...] = ()
    profile: tuple[Value, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any(vars(self).values())


def compare(
    now: RunRecord,
    before: RunRecord,
    now_cells: Sequence[Mapping[str, Any]],
    before_cells: Sequence[Mapping[str, Any]],
) -> Difference:
    """The difference of two runs of one step with their cells."""
    pairs = list(_paired(_own(before_cells), _own(now_cells)))
    rows = _rows(before), _rows(now)
    return Difference(
        code=tuple(_changes(pairs, "code")),
        words=tuple(_changes(pairs, "markdown")),
        parameters=_values(_parameters(before), _parameters(now)),
        interval=_interval(before, now),
        inputs=_values(_known(before, now), _inputs(now)),
        # A run that died before its write has no rows; to call that a loss would mislead.
        rows=_values(*rows) if rows[1] else (),
        checks=_values(_checks(before), _checks(now)) if now.checks else (),
        outputs=tuple(_output_changes(pairs)),
        pictures=tuple(_pictures(pairs)),
        versions=_values(now.versions and before.versions, before.versions and now.versions),
        profile=_values(_profile(before), _profile(now)) if rows[1] else (),
    )


Pair = tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]


def _own(cells: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without the parameters that Papermill injects: they are compared as values."""
    return [cell for cell in cells if "injected-parameters" not in cell.get("tags", ())]


def _paired(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Iterable[Pair]:
    """Cells that belong together: equal ones, and those between two equal ones in their order."""
    old, new = ([(c["kind"], c["source"]) for c in cells] for cells in (before, now))
    for tag, i, j, m, n in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(before[i:j], now[m:n], strict=True)
            continue
        left, right = list(before[i:j]), list(now[m:n])
        while left and right and left[0]["kind"] == right[0]["kind"]:
            yield left.pop(0), right.pop(0)
        yield from ((cell, None) for cell in left)
        yield from ((None, cell) for cell in right)


def _changes(pairs: Iterable[Pair], kind: str) -> Iterable[CellChange]:
    for old, new in pairs:
        if (new or old or {}).get("kind") != kind:
            continue
        lines = ["", ""]
        for at, cell in enumerate((old, new)):
            lines[at] = cell["source"] if cell else ""
        if lines[0] != lines[1]:
            what = "changed" if old and new else "new" if new else "gone"
            yield CellChange(what, new["number"] if new else None, tuple(diff_lines(*lines)))


def _output_changes(pairs: Iterable[Pair]) -> Iterable[CellChange]:
    for old, new in pairs:
        if new is None or new.get("status") in ("none", "failed"):
            continue  # a cell that did not come to its end has no output to compare
        texts = [_texts(cell) if cell else "" for cell in (old, new)]
        if texts[0] != texts[1]:
            yield CellChange("changed", new["number"], tuple(diff_lines(*texts)))


def _texts(cell: Mapping[str, Any]) -> str:
    kept = [o.get("text", "") for o in cell["outputs"] if o["kind"] not in ("image", "error")]
    return "\n".join(text.rstrip() for text in kept)


def _pictures(pairs: Iterable[Pair]) -> Iterable[Picture]:
    for old, new in pairs:
        if new is None or new.get("status") == "none":
            continue
        shown = [[o for o in c["outputs"] if o["kind"] == "image"] if c else [] for c in (old, new)]
        for at in range(max(map(len, shown))):
            left, right = (one[at] if at < len(one) else {} for one in shown)
            if left.get("digest") != right.get("digest"):
                yield Picture(new["number"], left.get("src", ""), right.get("src", ""))


def diff_lines(before: str, now: str) -> Iterable[Line]:
    """A unified diff without its headers, long stretches that are alike left out."""
    old, new = before.splitlines(), now.splitlines()
    if max(len(old), len(new)) > LINES_MAX:
        yield Line("skip", f"texts of {len(old):,} and {len(new):,} lines; the first are compared")
        old, new = old[:LINES_MAX], new[:LINES_MAX]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    ended = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if group[0][1] > ended:
            yield Line("skip", f"{group[0][1] - ended} lines alike")
        for tag, i, j, m, n in group:
            if tag == "equal":
                yield from (Line("same", text) for text in old[i:j])
            else:
                yield from (Line("gone", text) for text in old[i:j])
                yield from (Line("new", text) for text in new[m:n])
        ended = group[-1][2]
    if 0 < ended < len(old):
        yield Line("skip", f"{len(old) - ended} lines alike")


def _values(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Value, ...]:
    names = dict.fromkeys([*before, *now])
    return tuple(
        Value(name, before.get(name), now.get(name))
        for name in names
        if before.get(name) != now.get(name)
    )


def _parameters(record: RunRecord) -> dict[str, Any]:
    return {k: v for k, v in record.parameters.items() if k not in ("start", "end")}


def _interval(before: RunRecord, now: RunRecord) -> Value | None:
    old, new = (before.start, before.end), (now.start, now.end)
    return Value("interval", old, new) if old != new else None


def _inputs(record: RunRecord) -> dict[str, Any]:
    """Version of each dataset, digest of each source."""
    found: dict[str, Any] = {}
    for entry in record.inputs:
        if entry.get("dataset"):
            found[str(entry["dataset"])] = f"version {entry.get('version')}"
        elif entry.get("source"):
            found[str(entry["source"])] = f"content {str(entry.get('digest'))[:12]}"
    return found


def _known(before: RunRecord, now: RunRecord) -> dict[str, Any]:
    """Inputs before; of a run that failed, only those that it came to read."""
    names = _inputs(now)
    old = _inputs(before)
    return old if now.status == "ok" else {k: v for k, v in old.items() if k in names}


def _rows(record: RunRecord) -> dict[str, Any]:
    return {
        f"{output.get('dataset')}: {kind}": output.get(f"rows_{kind}")
        for output in record.outputs
        for kind in ("audited", "published", "quarantined")
    }


def _checks(record: RunRecord) -> dict[str, Any]:
    return {
        f"{check.get('dataset')}: {check.get('name')}": (
            "holds"
            if check.get("success")
            else "does not hold"
            if check.get("unexpected") is None
            else f"{check['unexpected']:,} rows do not hold"
        )
        for check in record.checks
    }


def _profile(record: RunRecord) -> dict[str, Any]:
    """Nulls and distinct values by column. Bounds stay out: they may show a restricted value."""
    found: dict[str, Any] = {}
    for output in record.outputs:
        for column, figures in ((output.get("profile") or {}).get("columns") or {}).items():
            for kind in ("nulls", "distinct"):
                if figures.get(kind) is not None:
                    found[f"{output.get('dataset')}.{column}: {kind}"] = figures[kind]
    return found
