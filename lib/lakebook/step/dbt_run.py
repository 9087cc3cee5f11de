"""Build a dbt selection inside a step: dbt computes and tests, the step audits and commits.

What models see and where their results go is `dbt_plugin`'s. A result is written only after every
dbt test of the selection has passed, so a failing test publishes nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..contract.lookup import find_table
from ..errors import GraphError, RunError, UserError
from ..names import Dataset
from ..settings import Settings
from .dbt_plugin import Input, open_session, time_filter

if TYPE_CHECKING:
    import pyarrow as pa
    from dbt.contracts.graph.manifest import Manifest

    from ..engines import Engine
    from ..intervals import Interval

_QUIET = (
    "--quiet", "--no-use-colors", "--log-level", "none", "--log-level-file", "none",
    "--no-send-anonymous-usage-stats", "--no-version-check", "--no-print",
)  # fmt: skip
_PARSED = "partial_parse.msgpack"
MATERIALIZATION = "lakebook"


class DbtHost(Protocol):
    """What building a selection asks of the active step's context."""

    settings: Settings
    step: Dataset
    interval: Interval | None
    engine: Engine

    def dataset_files(
        self, dataset: Dataset, *, whole: bool = False
    ) -> tuple[list[str], pa.Schema]:
        """Files of an input's partitions that the step's interval touches, and its schema."""
        ...

    def write(self, frame: Any, table: Dataset) -> Any:
        """Audit and commit one result. Returns a card."""
        ...


@dataclass(frozen=True)
class Cards:
    """The cards of several tables, one below the other."""

    cards: tuple[Any, ...]

    def __repr__(self) -> str:
        return "\n".join(repr(card) for card in self.cards)

    def _repr_html_(self) -> str:
        return "".join(card._repr_html_() for card in self.cards)


def run_selection(host: DbtHost, selection: str) -> Any:
    """Build the models of a dbt selection and write each as `gold.<model>`. Returns their cards.

    Raises UserError for a selection or a model that is wrong, RunError for one that fails.
    """
    import pyarrow.parquet as pq

    cache = host.settings.state / "dbt"
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=cache))
    try:
        project = _Project(host.settings, folder, cache)
        manifest = project.parse()
        models = project.select(manifest, selection)
        inputs = [_input(host, dataset) for dataset in inputs_of(manifest, models)]
        with open_session(inputs, folder) as session:
            project.build(manifest, selection)
        cards = []
        for name in (manifest.nodes[model].name for model in models):
            path = session.results[name]
            frame = host.engine.scan([str(path)], pq.read_schema(path))
            cards.append(host.write(frame, Dataset("gold", name)))
        return cards[0] if len(cards) == 1 else Cards(tuple(cards))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def inputs_of(manifest: Manifest, models: Sequence[str]) -> tuple[Dataset, ...]:
    """Datasets that the selected models read and do not make themselves."""
    found = set()
    for model in models:
        for parent in manifest.nodes[model].depends_on_nodes:
            if parent in manifest.sources:
                source = manifest.sources[parent]
                found.add(Dataset(source.source_name, source.name))
            elif parent in manifest.nodes and parent not in models:
                node = manifest.nodes[parent]
                if node.config.materialized != MATERIALIZATION:
                    reader = manifest.nodes[model].name
                    raise GraphError(
                        f"model {reader} reads {node.name}, which is no dataset",
                        where=f"dbt/{node.original_file_path}",
                        fix=f"materialize it as {MATERIALIZATION!r}, or select both together",
                    )
                found.add(Dataset("gold", node.name))
    return tuple(sorted(found))


def _input(host: DbtHost, dataset: Dataset) -> Input:
    files, schema = host.dataset_files(dataset)
    where = time_filter(find_table(host.settings, dataset), host.interval)
    return Input(dataset, files, schema, where)


@dataclass(frozen=True)
class _Project:
    """dbt's command line on the checkout's project, with files of its own per run."""

    settings: Settings
    folder: Path
    cache: Path

    def parse(self) -> Manifest:
        """Parse what changed since the last run; the parse state is shared, runs are not."""
        target = self.folder / "target"
        target.mkdir()
        kept = self.cache / _PARSED
        if kept.is_file():
            shutil.copy(kept, target / _PARSED)
        before = _stamp(target / _PARSED)
        manifest: Manifest = self._invoke(["parse"])
        if _stamp(target / _PARSED) not in (before, None):
            part = self.folder / _PARSED
            shutil.copy(target / _PARSED, part)
            part.replace(kept)
        return manifest

    def select(self, manifest: Manifest, selection: str) -> list[str]:
        """Ids of the selected models, in the order in which they build."""
        listed = self._invoke(
            ["ls", "--resource-type", "model", "--output", "json", "--output-keys", "unique_id"],
            manifest=manifest,
            selection=selection,
        )
        import json

        chosen = {json.loads(line)["unique_id"] for line in listed or ()}
        if not chosen:
            raise UserError(
                f"the dbt selection {selection!r} matches no model",
                where="step.dbt(…)",
                fix="name models of dbt/models, such as dim_airline",
            )
        return _in_build_order(manifest, chosen)

    def build(self, manifest: Manifest, selection: str) -> None:
        # "buildable" leaves out tests that also need a model further down, which is not there yet.
        self._invoke(
            ["build", "--indirect-selection", "buildable"], manifest=manifest, selection=selection
        )

    def _invoke(
        self, command: list[str], *, manifest: Manifest | None = None, selection: str = ""
    ) -> Any:
        from dbt.cli.main import dbtRunner

        dbt = str(self.settings.dbt)
        chosen = ["--select", *selection.split()] if selection else []
        places = [
            "--project-dir", dbt, "--profiles-dir", dbt,
            "--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs"),
        ]  # fmt: skip
        done = dbtRunner(manifest=manifest).invoke([*command, *chosen, *places, *_QUIET])
        if not done.success:
            raise _failure(done)
        return done.result


def _in_build_order(manifest: Manifest, chosen: set[str]) -> list[str]:
    ordered: list[str] = []

    def visit(model: str) -> None:
        if model in ordered:
            return
        for parent in sorted(set(manifest.nodes[model].depends_on_nodes) & chosen):
            visit(parent)
        ordered.append(model)

    for model in sorted(chosen):
        visit(model)
    return ordered


def _stamp(path: Path) -> tuple[int, int] | None:
    if not path.is_file():
        return None
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _failure(done: Any) -> Exception:
    """One sentence: which model or test, in which file, and why."""
    for result in getattr(done.result, "results", None) or ():
        if str(result.status) not in ("error", "fail", "runtime error"):
            continue
        node = result.node
        where = f"dbt/{node.original_file_path}"
        cause = " ".join((result.message or "").split())
        if node.resource_type == "test":
            return RunError(
                f"dbt test {node.name} failed: {cause}",
                where=where,
                fix="correct the model or its input; nothing was published",
            )
        return RunError(f"dbt model {node.name} failed: {cause}", where=where)
    if done.exception is None:
        return RunError("dbt failed and gave no reason")
    node = getattr(done.exception, "node", None)
    where = f"dbt/{node.original_file_path}" if node is not None else "dbt"
    return UserError(" ".join(str(done.exception).split()), where=where)
