"""Build a dbt selection inside a step: dbt computes and tests, the step audits and commits.

What models see and where their results go is `dbt_plugin`'s. A result is written only after every
dbt test of the selection has passed, so a failing test publishes nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..cards.render import Bundle, bundle
from ..contract.lookup import find_table
from ..contract.time import inside
from ..engines.duckdb_input import Input, rows_inside, time_filter
from ..names import Dataset
from ..settings import Settings
from .context import DbtRequest, ReadRequest
from .dbt_constraints import check_constraints
from .dbt_held import refuse_what_is_asked
from .dbt_nodes import MATERIALIZATION, Node, read_nodes
from .dbt_plugin import Session, open_session
from .dbt_project import DbtProject
from .dbt_selection import Chosen, Nodes, Reading
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

    def dataset_files(self, request: ReadRequest) -> tuple[list[str], pa.Schema]:
        """Files of an input's partitions that a read takes, and its schema."""
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


def run_selection(host: DbtHost, request: DbtRequest) -> Any:
    """Build the models of a dbt selection and write each as `gold.<model>`. Returns their cards.

    Raises UserError for a selection or a model that is wrong, RunError for one that fails.
    """
    import pyarrow.parquet as pq

    home = host.settings.state / "dbt"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=home))
    try:
        manifest = DbtProject(host.settings, folder).parse()
        nodes = Nodes(read_nodes(manifest))
        chosen = nodes.choose(request.selection)
        _store_by_lakebook(manifest, chosen)
        inputs = _inputs(host, request, chosen)
        shown = _shown(host, request, chosen)
        project = DbtProject(host.settings, folder, hides=bool(host.withheld))
        with open_session(inputs.of_models, folder) as session:
            sql: dict[str, str] = {}

            def note(built: Any) -> None:
                host.note_checks(checks_of(built, nodes, chosen))
                results = getattr(built, "results", None) or ()
                sql.update(
                    {
                        one.node.unique_id: one.node.compiled_code or ""
                        for one in results
                        if hasattr(one.node, "compiled_code")
                    }
                )

            _build(partial(project.build, manifest, note=note), chosen, inputs, shown, session)
        refuse_what_is_asked(host.settings, request, chosen, manifest, sql)
        for model in chosen.models:
            place = model.relation
            check_constraints(model, session.results[place], shown.get(place, ""))
        cards = []
        for model in chosen.models:
            path = session.results[model.relation]
            frame = host.engine.scan([str(path)], pq.read_schema(path))
            if model.relation in shown:
                frame = _own_rows(host, model, frame)
            cards.append(host.write(frame, model.dataset))
        return cards[0] if len(cards) == 1 else Cards(tuple(cards))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _shown(host: DbtHost, request: DbtRequest, chosen: Chosen) -> dict[tuple[str, str], str]:
    """Where models see rows around the interval: which of a result's are its own, as SQL."""
    if not request.is_wide:
        return {}
    tables = {model.relation: find_table(host.settings, model.dataset) for model in chosen.models}
    limits = {place: rows_inside(table, host.interval) for place, table in tables.items()}
    return {place: where for place, where in limits.items() if where}


def _own_rows(host: DbtHost, model: Node, frame: Any) -> Any:
    """The same of a frame."""
    import narwhals as nw

    table = find_table(host.settings, model.dataset)
    assert table.time is not None and host.interval is not None
    column = nw.col(table.time.column)
    return frame.filter(inside(column, table, host.interval) | column.is_null())


@dataclass(frozen=True)
class _Inputs:
    """What models see, and what tests see where that is more."""

    of_models: tuple[Input, ...]
    of_tests: tuple[Input, ...]


def _inputs(host: DbtHost, request: DbtRequest, chosen: Chosen) -> _Inputs:
    models = {read.relation: _input(host, request, read) for read in chosen.reads}
    tests = models | {read.relation: _input(host, request, read) for read in chosen.references}
    # What only tests read is no hindrance to models, so that one session serves both.
    models = tests | models
    return _Inputs(tuple(models.values()), tuple(tests.values()))


def _build(
    build: Callable[[Iterable[str]], None],
    chosen: Chosen,
    inputs: _Inputs,
    shown: Mapping[tuple[str, str], str],
    session: Session,
) -> None:
    """Models and tests at once, or where tests see other rows, one after the other.

    `shown`: the rows of results that tests see, where these are not all.
    """
    seeds = [seed.id for seed in chosen.seeds]
    models = [model.id for model in chosen.models]
    tests = [test.id for test in chosen.tests if test.kind == "test"]
    # A unit test computes its model from rows of its own, before the model is built.
    units = [test.id for test in chosen.tests if test.kind == "unit_test"]

    if not tests or (inputs.of_tests == inputs.of_models and not shown):
        build([*seeds, *models, *units, *tests])
        return
    build([*seeds, *models, *units])
    session.show(inputs.of_tests, shown)
    build([*seeds, *tests])


def _store_by_lakebook(manifest: Manifest, chosen: Chosen) -> None:
    """A table or a view is a result like any other: it goes to a file."""
    for model in chosen.models:
        manifest.nodes[model.id].config.materialized = MATERIALIZATION


def _input(host: DbtHost, request: DbtRequest, read: Reading) -> Input:
    interval = host.interval
    whole = read.whole or request.whole or interval is None
    days = (0, 0) if read.whole else (request.before_days, request.after_days)
    files, schema = host.dataset_files(ReadRequest(read.dataset, interval, *days, whole))
    around = None if whole or interval is None else interval.expand(*days)
    where = time_filter(find_table(host.settings, read.dataset), around)
    return Input(read.dataset, files, schema, where, place=read.relation)
