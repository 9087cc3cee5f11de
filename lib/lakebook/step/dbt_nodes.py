"""A dbt project's nodes as plain values, alike from dbt's own manifest and from its JSON.

What a selection of them builds, tests and reads stands in `dbt_selection`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import GraphError
from ..names import LAYERS, Dataset

MATERIALIZATION = "lakebook"
STORED = (MATERIALIZATION, "table", "view")
"""Ways to materialize a model that say no more than that it has a result, which Lakebook keeps."""

ENFORCED = ("check", "not_null", "unique", "primary_key")
"""The kinds of a model's constraints that its result is held to."""

_QUOTED = re.compile(r"['\"]([^'\"]+)['\"]")
_WRITE_A_STEP = "make it a step of its own (step.read, step.write) and read that as a source"


@dataclass(frozen=True)
class Node:
    """A model, test, unit test, seed, snapshot or source.

    `name`: of a versioned model with its version (`total_v2`). `relation`: schema and identifier,
    by which SQL names it. `parents`: ids of the nodes that it reads. `attached`: the id of the
    model that a test stands at. `to`: the name in the `to` of a test of relationships. `compares`:
    the test holds two tables against each other row by row. `constraints`: kind, columns and
    expression of each.
    """

    id: str
    kind: str
    name: str
    fqn: tuple[str, ...]
    path: str
    parents: tuple[str, ...] = ()
    materialized: str = ""
    relation: tuple[str, str] = ("", "")
    language: str = "sql"
    source: str = ""
    attached: str = ""
    to: str = ""
    compares: bool = False
    constraints: tuple[tuple[str, list[str], str], ...] = ()

    @property
    def where(self) -> str:
        return f"dbt/{self.path}"

    @property
    def is_ephemeral(self) -> bool:
        return self.kind == "model" and self.materialized == "ephemeral"

    @property
    def dataset(self) -> Dataset:
        """The dataset that a model makes or a source is. Raises GraphError for one that is none."""
        if self.kind == "model":
            self.check()
            return Dataset("gold", self.name)
        if self.kind == "snapshot":
            raise GraphError(
                f"the snapshot {self.name} is read, and Lakebook runs no snapshots",
                where=self.where,
                fix=_WRITE_A_STEP,
            )
        schema, identifier = self.relation
        layer = next((name for name in (schema, self.source) if name in LAYERS), None)
        if layer is not None:
            return Dataset(layer, identifier or self.name)
        raise GraphError(
            f"the source {self.source}.{self.name} is no dataset: it is not named after a layer",
            where=self.where,
            fix=f"name the source, or its schema, after the layer of its tables "
            f"({', '.join(LAYERS)})",
        )

    def check(self) -> None:
        """Raise GraphError for a model whose result cannot be kept as a dataset."""
        if self.language != "sql":
            raise GraphError(
                f"the dbt model {self.name} is written in {self.language.capitalize()}, which "
                "Lakebook does not run",
                where=self.where,
                fix=f"write it in SQL, or {_WRITE_A_STEP}",
            )
        for kind, _, _ in self.constraints:
            if kind not in ENFORCED:
                raise GraphError(
                    f"the dbt model {self.name} has a constraint of the kind {kind}, which nothing "
                    "would hold it to",
                    where=self.where,
                    fix="write it as a relationship or a rule of the contract, or as a dbt test",
                )
        if self.materialized not in (*STORED, "ephemeral", ""):
            why = ""
            if self.materialized == "incremental":
                why = ": a run computes its interval anew and replaces whole partitions"
            raise GraphError(
                f"the dbt model {self.name} is materialized as {self.materialized!r}{why}",
                where=self.where,
                fix=f"materialize it as {MATERIALIZATION!r}",
            )


def read_nodes(manifest: Any) -> dict[str, Node]:
    """Nodes by id, of a `Manifest` of dbt or of the same as JSON."""
    found = {}
    for group in ("nodes", "sources", "unit_tests"):
        for unique_id, node in (_get(manifest, group) or {}).items():
            found[unique_id] = _read(unique_id, node)
    return found


def _read(unique_id: str, node: Any) -> Node:
    name, version = _get(node, "name"), _get(node, "version")
    parents = tuple(_get(node, "depends_on", "nodes") or ())
    if tested := _get(node, "tested_node_unique_id"):
        parents = (*parents, tested)
    arguments = _get(node, "test_metadata", "kwargs") or {}
    is_reference = "relationship" in (_get(node, "test_metadata", "name") or "")
    to = _QUOTED.findall(str(arguments.get("to", ""))) if is_reference else []
    return Node(
        id=unique_id,
        kind=str(_get(node, "resource_type") or ""),
        name=name if version is None else f"{name}_v{version}",
        fqn=tuple(_get(node, "fqn") or ()),
        path=_get(node, "original_file_path") or "",
        parents=tuple(dict.fromkeys(parents)),
        materialized=str(_get(node, "config", "materialized") or ""),
        relation=(
            _get(node, "schema") or "",
            _get(node, "identifier") or _get(node, "alias") or name,
        ),
        language=str(_get(node, "language") or "sql"),
        source=_get(node, "source_name") or "",
        attached=_get(node, "attached_node") or "",
        to=to[-1] if to else "",
        compares="compare_model" in arguments,
        constraints=tuple(_constraints(node)),
    )


def _constraints(node: Any) -> Iterator[tuple[str, list[str], str]]:
    if _get(node, "resource_type") != "model":
        return
    for one in _get(node, "constraints") or ():
        yield _kind(one), list(_get(one, "columns") or ()), _get(one, "expression") or ""
    for name, column in (_get(node, "columns") or {}).items():
        for one in _get(column, "constraints") or ():
            yield _kind(one), [name], _get(one, "expression") or ""


def _kind(constraint: Any) -> str:
    kind = _get(constraint, "type")
    return str(getattr(kind, "value", kind))


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if value is None:
            return None
    return value
