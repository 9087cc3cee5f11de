"""Completion in a kernel: IPython asks, `sql_complete` answers from contracts and variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..settings import Settings, load_settings
from .known import KnownTables
from .sql_complete import Tables, complete

_ID = "lakebook"
_PRIORITY = 1000  # above IPython's own, which would offer files inside a text


def register(shell: Any) -> None:
    """Add the matcher to an IPython shell, once."""
    from IPython.core.completer import (
        CompletionContext,
        SimpleCompletion,
        SimpleMatcherResult,
        context_matcher,
    )

    matchers = shell.Completer.custom_matchers
    if any(getattr(one, "matcher_identifier", "") == _ID for one in matchers):
        return
    kept: list[KnownTables] = []

    @context_matcher(priority=_PRIORITY, identifier=_ID)
    def match(context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")
        above = "\n".join([*lines[: context.cursor_line], ""])
        line = lines[context.cursor_line]
        before = above + line[: context.cursor_position]
        after = "\n".join([line[context.cursor_position :], *lines[context.cursor_line + 1 :]])
        found = None
        if "%%sql" in before or ".sql(" in before or ".read(" in before:
            names = shell.user_ns
            tables, frames = _known(kept, names), _frames(names, f"{before}{after}")
            found = complete(before, after, tables, frames, lambda name: _is_other(names, name))
        if found is None:
            return SimpleMatcherResult(completions=[], suppress=False)
        return SimpleMatcherResult(
            completions=[SimpleCompletion(word, type=kind) for word, kind in found.words.items()],
            matched_fragment=found.fragment,
            suppress=True,
        )

    matchers.append(match)


def _is_other(names: Mapping[str, Any], name: str) -> bool:
    from .api import Step

    return name in names and not isinstance(names[name], Step)


def _known(kept: list[KnownTables], names: Mapping[str, Any]) -> Tables:
    if not kept:
        kept.append(KnownTables(_settings(names)))
    return kept[0].tables()


def _settings(names: Mapping[str, Any]) -> Settings:
    """Of the lake that the notebook works with; before it has a Step, of the checkout around."""
    from .api import Step

    for value in names.values():
        if isinstance(value, Step) and hasattr(value._context, "settings"):
            settings: Settings = value._context.settings
            return settings
    return load_settings()


def _frames(names: Mapping[str, Any], text: str) -> Tables:
    """Frames of the notebook that the text may name. Their columns are known without computing."""
    import narwhals as nw

    found: dict[str, dict[str, str]] = {}
    for name, value in names.items():
        if name.startswith("_") or not isinstance(value, nw.LazyFrame | nw.DataFrame):
            continue
        # Asking for a schema goes through the frame's plan, so only where its name stands.
        columns = value.collect_schema() if name in text else {}
        found[name] = {column: str(kind) for column, kind in columns.items()}
    return found
