"""Build a dbt selection inside a step: dbt computes and tests, the step audits and commits.

What models see and where their results go is `dbt_plugin`'s. A result is written only after every
dbt test of the selection has passed, so a failing test publishes nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..cards.render import Bundle, bundle
from ..contract.lookup import find_table
from ..engines.duckdb_input import Input, time_filter
from ..errors import GraphError
from ..names import Dataset
from ..settings import Settings
from .dbt_plugin import open_session
from .dbt_project import MATERIALIZATION, DbtProject, select_models
from .dbt_tests import checks_of

if TYPE_CHECKING:
    import pyarrow as pa
    from dbt.contracts.graph.manifest import Manifest

    from ..engines import Engine
    from ..intervals import Interval


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

    @property
    def withheld(self) -> Mapping[str, Collection[str]]:
        """The columns touched so far whose values must not reach the archive."""
        ...

    def note_checks(self, checks: list[dict[str, Any]]) -> None:
        """Take the results of dbt's tests into the run's record."""
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
        return "\n".join(card._repr_html_() for card in self.cards)

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return bundle(self)


def run_selection(host: DbtHost, selection: str) -> Any:
    """Build the models of a dbt selection and write each as `gold.<model>`. Returns their cards.

    Raises UserError for a selection or a model that is wrong, RunError for one that fails.
    """
    import pyarrow.parquet as pq

    home = host.settings.state / "dbt"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=home))
    try:
        manifest = DbtProject(host.settings, folder).parse()
        models = select_models(manifest, selection)
        inputs = [_input(host, dataset) for dataset in inputs_of(manifest, models)]
        project = DbtProject(host.settings, folder, hides=bool(host.withheld))
        with open_session(inputs, folder) as session:
            project.build(manifest, models, lambda built: host.note_checks(checks_of(built)))
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
