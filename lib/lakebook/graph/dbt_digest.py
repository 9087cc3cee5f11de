"""Digests of a dbt project's models and tests: of all that decides what they compute.

dbt's manifest names the macros that a text calls outright. One that is passed on by its name, or
dispatched, is found by that name in the text; where a name is put together, all macros count.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..step.dbt_clock import DBTS_OWN

_WORDS = ("description", "docs", "group", "meta", "tags", "access", "persist_docs")
"""Configuration that describes a node and decides nothing of its rows, unless a macro asks it."""

_WORD = re.compile(r"\w+")
_COMPUTED = re.compile(r"\bcontext\s*(\[|\.get\b)|\bdispatch\s*\(\s*(?!['\"])")
"""A macro that is called by a name which no text holds."""

_VARIABLE = re.compile(r"\bvar\b")
_DESCRIBED = {
    "meta": re.compile(r"\bmeta(_get|_require)?\b"),
    "tags": re.compile(r"\btags\b"),
    "columns": re.compile(
        r"\bmodel\s*(\.\s*columns\b|\[\s*['\"]columns\b|\.get\(\s*['\"]columns\b)"
    ),
}
"""What Jinja says where it asks for what describes its own model."""

_OF_TEST = ("test_metadata", "column_name", "model", "given", "expect", "overrides", "versions")


class Digests:
    """Digests of a manifest's nodes, as JSON has them. `variables`: `vars` of the project."""

    def __init__(self, raw: Mapping[str, Any], variables: Any) -> None:
        self._nodes: Mapping[str, Any] = {**raw["nodes"], **raw.get("unit_tests", {})}
        self._macros: Mapping[str, Any] = raw["macros"]
        self._variables = variables
        self._at_start = [n["raw_code"] for n in self._nodes.values() if _runs_before(n)]

    def models(self) -> dict[str, str]:
        return {key: self.of(node) for key, node in self._of_kind("model")}

    def tests(self) -> dict[str, str]:
        """Of tests and unit tests: what they ask, and how strictly."""
        return {
            key: self.of(node, {word: node.get(word) for word in _OF_TEST} | _fixtures(node))
            for key, node in (*self._of_kind("test"), *self._of_kind("unit_test"))
        }

    def _of_kind(self, kind: str) -> Iterator[tuple[str, Any]]:
        return ((k, node) for k, node in self._nodes.items() if node["resource_type"] == kind)

    def of(self, node: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> str:
        """SQL, configuration, the project's own macros, vars, seeds and ephemeral models."""
        code = node.get("raw_code") or ""
        config = {k: v for k, v in node["config"].items() if k not in _WORDS}
        given = json.dumps([config, asked], default=str)
        own = sorted(self._own_macros(node, [code, given]))
        uses_variables = any(map(_VARIABLE.search, (code, given, *own)))
        below = []
        for unique_id in node["depends_on"]["nodes"]:
            other = self._nodes.get(unique_id)
            if other is None:
                continue
            if other["resource_type"] == "seed":
                below.append(_of_seed(other))
            elif other["config"].get("materialized") == "ephemeral":
                below.append(self.of(other))
        parts = [code, own, config, self._variables if uses_variables else None, sorted(below)]
        constraints = _constraints(node)
        if asked is not None or constraints:
            parts += [asked, constraints]
        parts += _described(node, (code, *own))
        parts += self._at_start
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    def _own_macros(self, node: Mapping[str, Any], texts: list[str]) -> list[str]:
        """Texts of the macros that a node may use, without dbt's own: its version counts."""
        ours = {
            name: macro
            for name, macro in self._macros.items()
            if macro["package_name"] not in DBTS_OWN
        }
        own: list[str] = []
        todo: list[str] = list(node["depends_on"]["macros"])
        seen: set[str] = set()
        while todo or texts:
            for text in texts:
                todo += ours if _COMPUTED.search(text) else _named(text, ours)
            texts = []
            name = todo.pop() if todo else ""
            if name in seen or name not in self._macros:
                continue
            seen.add(name)
            if name in ours:
                own.append(ours[name]["macro_sql"])
                texts.append(ours[name]["macro_sql"])
            todo.extend(self._macros[name]["depends_on"]["macros"])
        return own


def _named(text: str, macros: Mapping[str, Any]) -> list[str]:
    """The macros whose name stands in a text, also those that a dispatch of that name may find."""
    words = set(_WORD.findall(text))
    return [key for key in macros if {name := key.split(".")[-1], name.split("__")[-1]} & words]


def _of_seed(seed: Mapping[str, Any]) -> Any:
    checksum = seed["checksum"]["checksum"]
    if seed["checksum"].get("name") == "path":  # dbt does not read a large one
        path = Path(seed["root_path"], seed["original_file_path"])
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    config = {k: v for k, v in (seed.get("config") or {}).items() if k in _OF_SEED and v}
    return checksum if not config else json.dumps([checksum, config], sort_keys=True)


_OF_SEED = ("column_types", "delimiter", "quote_columns")


def _constraints(node: Mapping[str, Any]) -> list[Any]:
    columns = (node.get("columns") or {}).values()
    of_columns = [[c["name"], c["constraints"]] for c in columns if c.get("constraints")]
    return [*([node["constraints"]] if node.get("constraints") else []), *of_columns]


def _described(node: Mapping[str, Any], texts: Iterable[str]) -> list[Any]:
    """Of what describes a node, that which its texts ask for; empty if that is nothing."""
    known = {"meta": node["config"].get("meta"), "tags": node["config"].get("tags")}
    known["columns"] = node.get("columns")
    asked = {name for text in texts for name, word in _DESCRIBED.items() if word.search(text)}
    found = {name: known[name] for name in sorted(asked) if known[name]}
    return [found] if found else []


def _runs_before(node: Mapping[str, Any]) -> bool:
    """Whether a node is SQL of `on-run-start`, which may make macros of the database."""
    return node["resource_type"] == "operation" and "on-run-start" in (node.get("tags") or ())


def _fixtures(node: Mapping[str, Any]) -> dict[str, Any]:
    """A unit test's rows may stand in files of their own, which its checksum knows."""
    return {"checksum": node.get("checksum")} if node["resource_type"] == "unit_test" else {}
