"""What a selection of a dbt project builds, which tests it runs, and what both read.

One reading serves the graph, the check and the run. Every test that dbt would run for the selection
is run once, by whoever builds the last of the models that it names; the others are its inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..errors import GraphError, did_you_mean
from ..names import Dataset
from .dbt_nodes import Node

_TESTS = ("test", "unit_test")


@dataclass(frozen=True)
class Reading:
    """A dataset that models or tests read, by the name that their SQL has for it."""

    dataset: Dataset
    relation: tuple[str, str]
    whole: bool = False


@dataclass(frozen=True)
class Chosen:
    """Models and seeds in the order in which they build, and the tests of them and their inputs.

    `reads`: what models read. `references`: what tests read besides, or wider than models do.
    """

    models: tuple[Node, ...]
    seeds: tuple[Node, ...]
    tests: tuple[Node, ...]
    reads: tuple[Reading, ...]
    references: tuple[Reading, ...]


@dataclass(frozen=True)
class Nodes:
    """The nodes of a project by id."""

    by_id: Mapping[str, Node]

    @cached_property
    def _models(self) -> tuple[Node, ...]:
        return tuple(node for node in self.by_id.values() if node.kind == "model")

    def choose(self, selection: str, *, where: str = "") -> Chosen:
        """Raises GraphError for a word that selects no model, and for what cannot be run.

        Each word is a model, a folder, or a dotted part of a path (`marts.punctuality`). `where`:
        of the selection, for the error.
        """
        chosen: dict[str, Node] = {}
        for word in selection.split():
            chosen |= {node.id: node for node in self._selected(word, where)}
        if not chosen:
            raise GraphError(
                f"step.dbt({selection!r}) selects no model",
                where=where,
                fix="name a model under dbt/models",
            )
        for node in chosen.values():
            node.check()
        models = self._in_build_order(chosen)
        tests = self._tests_of(models)
        reads = self._reads(models, chosen)
        seeds = {node.id: node for one in (*models, *tests) for node in self._seeds_of(one)}
        return Chosen(
            tuple(models),
            tuple(seeds[name] for name in sorted(seeds)),
            tuple(tests),
            reads,
            self._references(tests, chosen, reads),
        )

    def _selected(self, word: str, where: str) -> list[Node]:
        parts = tuple(word.split("."))
        hits = [node for node in self._models if _is_named(node, parts)]
        stored = [node for node in hits if not node.is_ephemeral]
        if stored:
            return stored
        if hits:
            raise GraphError(
                f"step.dbt({word!r}) selects only {hits[0].name}, which is ephemeral: it has no "
                "result, and is a part of the models that use it",
                where=where,
                fix="select those models, or materialize it as 'lakebook'",
            )
        for node in self.by_id.values():
            if node.kind in ("snapshot", "seed") and _is_named(node, parts):
                fix = "select the models that read it" if node.kind == "seed" else (
                    "keep history by a step of its own, and read that as a source"
                )  # fmt: skip
                raise GraphError(
                    f"step.dbt({word!r}) names the {node.kind} {node.name}, which is no model",
                    where=node.where,
                    fix=fix,
                )
        known = [node.name for node in self._models]
        raise GraphError(
            f"step.dbt({word!r}) selects no model{did_you_mean(parts[-1], known)}",
            where=where,
            fix="name a model or a folder under dbt/models",
        )

    # -- what is read ----------------------------------------------------------------------------

    def inputs(self, node: Node) -> Iterator[Node]:
        """What a node reads, with what its ephemeral models read in their place."""
        for parent in node.parents:
            other = self.by_id.get(parent)
            if other is None:
                continue
            if other.is_ephemeral:
                yield from self.inputs(other)
            else:
                yield other

    def _seeds_of(self, node: Node) -> Iterator[Node]:
        return (other for other in self.inputs(node) if other.kind == "seed")

    def _tables_of(self, node: Node, own: Collection[str]) -> Iterator[Node]:
        """The inputs that are datasets and not made here."""
        return (o for o in self.inputs(node) if o.kind != "seed" and o.id not in own)

    def _reads(self, models: Iterable[Node], own: Collection[str]) -> tuple[Reading, ...]:
        found = {
            Reading(other.dataset, other.relation)
            for model in models
            for other in self._tables_of(model, own)
        }
        return tuple(sorted(found, key=lambda read: (read.dataset, read.relation)))

    def _references(
        self, tests: Iterable[Node], own: Collection[str], reads: Collection[Reading]
    ) -> tuple[Reading, ...]:
        """A test sees what the models see; what it refers to, and what no model reads, whole.

        Where two tables are compared, both are of the interval.
        """
        found: dict[Reading, bool] = {}
        for test in tests:
            for other in self._tables_of(test, own):
                read = Reading(other.dataset, other.relation)
                is_new = read not in reads
                whole = (is_new and not test.compares) or test.to in other.id.split(".")
                if is_new or whole:
                    found[read] = whole or found.get(read, False)
        readings = [replace(read, whole=whole) for read, whole in found.items()]
        return tuple(sorted(readings, key=lambda read: (read.dataset, read.relation)))

    # -- tests -----------------------------------------------------------------------------------

    def _tests_of(self, models: Collection[Node]) -> list[Node]:
        ids = {model.id for model in models}
        # Sources, seeds and ephemeral models are tested by whoever reads them.
        reached = {name for model in models for name in self._below(model)}
        return [
            test
            for test in self._tests
            if self._homes.get(test.id) in ids
            or (test.id not in self._homes and reached & set(test.parents))
        ]

    def unrun_tests(self, built: Collection[str]) -> list[Node]:
        """The tests that no step runs, where steps build the models of these names."""
        run = {test.id for test in self._tests_of([m for m in self._models if m.name in built])}
        return [test for test in self._tests if test.id not in run]

    def _below(self, node: Node) -> Iterator[str]:
        for parent in node.parents:
            yield parent
            other = self.by_id.get(parent)
            if other is not None and other.is_ephemeral:
                yield from self._below(other)

    @cached_property
    def _tests(self) -> list[Node]:
        found = [node for node in self.by_id.values() if node.kind in _TESTS]
        return sorted(found, key=lambda test: test.id)

    @cached_property
    def _homes(self) -> dict[str, str]:
        """Test -> the model whose step runs it: of its models the one that none of the others is
        made of. What a test reads makes an edge too, so that no two tests make a circle."""
        above = {model.id: set(model.parents) for model in self._models}
        homes: dict[str, str] = {}
        for test in self._tests:
            models = [
                name
                for name in test.parents
                if (node := self.by_id.get(name)) is not None
                and node.kind == "model"
                and not node.is_ephemeral
            ]
            if not models:
                continue
            last = models
            if len(models) > 1:
                made_of = {name: _all_above(above, name) for name in models}
                last = [m for m in models if not any(m in made_of[o] for o in models if o != m)]
            home = test.attached if test.attached in last else min(last or models)
            above[home] |= {name for name in models if name != home}
            homes[test.id] = home
        return homes

    def _in_build_order(self, chosen: Mapping[str, Node]) -> list[Node]:
        ordered: dict[str, Node] = {}

        def visit(node: Node) -> None:
            if node.id in ordered:
                return
            for parent in sorted(self.inputs(node), key=lambda other: other.id):
                if parent.id in chosen:
                    visit(parent)
            ordered[node.id] = node

        for name in sorted(chosen):
            visit(chosen[name])
        return list(ordered.values())


def _all_above(above: Mapping[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    todo = [*above.get(name, ())]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo.extend(above.get(one, ()))
    return found


def _is_named(node: Node, parts: tuple[str, ...]) -> bool:
    paths = [node.fqn]
    if node.fqn[-1:] != (node.name,):  # a version is a part of its own
        paths.append((*node.fqn[:-2], node.name))
    size = len(parts)
    return any(
        path[at : at + size] == parts for path in paths for at in range(len(path) - size + 1)
    )
