"""The real context of a step: reads snapshots of the lake and lands, writes and builds into it.

What one write does, from staged files to the commit, stands in `publish`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..archive.withheld import note
from ..contract.derived import hide, note_derived, undeclared
from ..contract.lookup import find_table, load_step_contract
from ..contract.misfits import MISFIT, set_aside
from ..contract.model import Contract, TableContract
from ..contract.time import inside
from ..delta import Snapshot, with_extras
from ..engines import check_run_engine, get_engine
from ..engines.messages import may_be_damage
from ..errors import ColdError, RunError, SourceError, StorageError, UserError, did_you_mean
from ..ingest import Landing, open_source
from ..ingest.log import LogSource
from ..intervals import Interval
from ..names import Dataset
from .agreed import check_agreed
from .context import Context, DbtRequest, ReadRequest, SqlRequest
from .damage import check_whole, first_damage
from .declared import declared_inputs, tokens_of
from .fingerprint import InputTokens
from .hidden import made_of_hidden, touched
from .interval import check_interval
from .landed import account, limited, untouched
from .landed_time import check_time
from .misfits import check_kept
from .never_made import check_made
from .offsets import Offsets, land_log
from .outcome import Outcome
from .run_context import RunContext
from .sources import current_source, source_tokens
from .sql_magic import register_here
from .taken_up import schemas_of, take_up
from .view import DatasetView, open_view, prod_below

if TYPE_CHECKING:
    import narwhals as nw

    from .card import Card
    from .look.lake import LakeLook


def open_lake(step: Dataset, interval: Interval | None, engine: str | None) -> Context:
    """The lake that the run, or else the settings of this checkout, name."""
    register_here()
    return LakeContext(RunContext.current(), step, interval, engine)


class LakeContext:
    """State of one `Step` in one run: its contract, what it has read, what it has written."""

    def __init__(
        self, run: RunContext, step: Dataset, interval: Interval | None, engine: str | None
    ) -> None:
        from .publish import note_fences

        self.run = run
        self.settings = run.settings
        self.step = step
        self.interval = interval
        own = check_run_engine(engine, where=str(step)) if engine else ""
        self.engine = get_engine(own or run.settings.engine)
        self.contract: Contract = load_step_contract(self.settings, step)
        if len(self.contract.tables) > 1 and any(t.write == "append" for t in self.contract.tables):
            raise UserError(
                f"{step} writes several tables, one of them by append",
                where=self.contract.path.name,
                fix="give the appended table a notebook of its own",
            )
        for table in self.contract.tables:
            check_interval(step, table, interval)
        # Fences are noted before any input is read, so that a result made of old inputs is refused.
        self.noted = {t.dataset: note_fences(self.settings, t) for t in self.contract.tables}
        self.inputs: list[InputTokens] = []
        self.outcome = Outcome(run.out, step, interval)
        self._views: dict[Dataset, DatasetView] = {}
        for table in self.contract.tables:
            # Pinned with the inputs: what prod made of newer ones is not to count as made of these.
            below = prod_below(self.settings, table.dataset)
            check_agreed(self.settings, table, self.noted[table.dataset], below)
        self.new_columns: dict[str, str] = {}  # of the sources landed: name and URI
        self._landed: dict[str, Landing] = {}
        self._before: dict[Dataset, Snapshot] = {}
        self.offsets = Offsets({}, {})  # of the logs that were ingested
        self._schemas: dict[Dataset, list[Any]] = {}
        self._note_hidden()

    # -- reading ---------------------------------------------------------------------------------

    def view(self, dataset: Dataset) -> DatasetView:
        """One snapshot per dataset and step: every read of it sees the same version."""
        view = self.peek(dataset)
        if not view.exists:
            raise UserError(
                f"{dataset} has no table yet in this lake",
                where=str(self.step),
                fix=f"run it first: lakebook run {dataset}",
            )
        return view

    def peek(self, dataset: Dataset) -> DatasetView:
        """As `view`, also where there is no table yet."""
        if dataset not in self._views:
            self._views[dataset] = open_view(self.settings, find_table(self.settings, dataset))
            self._note_hidden()
        return self._views[dataset]

    def made_of(self) -> tuple[InputTokens, ...]:
        """The inputs that decide the result: as declared, or where nobody knows, as read so far."""
        if self.run.declared is None:
            return tuple(self.inputs)
        landed = {tokens.dataset: tokens for tokens in self.inputs}
        return declared_inputs(
            self.run.declared,
            self.run.sources,
            self.contract,
            view=self.peek,
            source=lambda uri: landed.get(uri) or current_source(uri, self.settings),
        )

    def opened(self, request: ReadRequest) -> tuple[DatasetView, list[str]]:
        """The dataset of a read and the files that it takes; the read is noted."""
        self._known_to_graph(request.dataset)
        view = self.view(request.dataset)
        return view, self._note_read(view, request)

    def sql(self, request: SqlRequest) -> nw.LazyFrame[Any]:
        from .sql_run import run_sql

        return run_sql(self, request)

    def read(self, request: ReadRequest) -> nw.LazyFrame[Any]:
        view, paths = self.opened(request)
        frame = self.engine.scan(paths, view.contract.arrow_schema())
        around = self._around(view.contract, request)
        if around is None:
            return frame
        import narwhals as nw

        assert view.contract.time is not None
        column = nw.col(view.contract.time.column)
        return frame.filter(inside(column, view.contract, around) | column.is_null())

    def dataset_files(self, request: ReadRequest) -> tuple[list[str], Any]:
        """Files and Arrow schema of an input, for a reader that is not an engine (dbt)."""
        view, paths = self.opened(request)
        return paths, view.contract.arrow_schema()

    def _note_read(self, view: DatasetView, request: ReadRequest) -> list[str]:
        tokens = tokens_of(
            view,
            before_days=request.before_days,
            after_days=request.after_days,
            whole=request.whole,
        )
        around = None
        if not request.whole and request.interval is not None:
            around = request.interval.expand(request.before_days, request.after_days)
            check_made(view, request.interval, around, reader=str(self.step))
        names = view.read_of(around)
        # A reference read "forward" is recorded, but does not make old partitions stale.
        if request.refresh == "always" and tokens not in self.inputs:
            self.inputs.append(tokens)
        read = {name: view.data[name] for name in names if name in view.data}
        self.outcome.add_input(request.dataset, view.versions, read)
        paths = view.paths(names)
        if self.run.static:
            # Half of all flipped bits are decoded without an error. What is recorded as made of
            # these rows must be made of them: their checksums cost a hundredth of the run.
            check_whole(view, names, by_content=True)
        return paths

    def _around(self, contract: TableContract, request: ReadRequest) -> Interval | None:
        """The interval to filter by; None where the partitions hold exactly the days asked for."""
        if contract.time is None or request.whole or request.interval is None:
            return None
        around = request.interval.expand(request.before_days, request.after_days)
        return None if around.is_whole(contract.time.unit) else around

    def _known_to_graph(self, dataset: Dataset) -> None:
        if self.run.reads is not None and str(dataset) not in self.run.reads:
            raise UserError(
                f"{self.step} reads {dataset}, which the graph did not see"
                f"{did_you_mean(str(dataset), self.run.reads)}",
                fix="write the read in a cell of the notebook, with the name as text: "
                f'step.read("{dataset}")',
            )

    # -- landing and writing ---------------------------------------------------------------------

    def ingest(self, uri: str, options: dict[str, Any], *, whole: bool) -> nw.LazyFrame[Any]:
        source, promised = open_source(uri, self.settings), self.contract.table(self.step)
        if promised.write == "append" or isinstance(source, LogSource):
            return land_log(self, source, promised, options)
        known = with_extras(promised, self.schemas(promised))
        landing = source.land(known, None if whole else self.interval, options)
        if whole:
            landing = replace(landing, count=None)  # as of a source without a time
        version = landing.version
        self.inputs.append(source_tokens(uri, version.digest))
        self.outcome.add_source(uri, version.digest, version.modified.isoformat())
        self._landed[uri] = landing
        self.new_columns |= dict.fromkeys(landing.new_columns, uri)
        self._note_hidden()
        return landing.frame

    @property
    def landings(self) -> Mapping[str, Landing]:
        """What was taken in of each source, by its URI."""
        return self._landed

    @property
    def lands(self) -> bool:
        """Whether this step has taken in a source, whose columns are not ours to promise."""
        return bool(self._landed)

    def schemas(self, contract: TableContract) -> list[Any]:
        """Of an output as it stood when the step opened."""
        if contract.dataset not in self._schemas:
            own = self.noted[contract.dataset].schema
            self._schemas[contract.dataset] = schemas_of(self.settings, contract, own)
        return self._schemas[contract.dataset]

    def before(self, dataset: Dataset) -> Snapshot:
        """An output's own table before the last write of this step, or as it was noted."""
        return self._before.get(dataset, self.noted[dataset])

    def note_again(self, dataset: Dataset, now: Snapshot) -> None:
        """A cell of a session may be run again: this step's own commit is no other's."""
        self._before[dataset], self.noted[dataset] = self.noted[dataset], now

    @property
    def withheld(self) -> Mapping[str, Collection[str]]:
        """The columns touched so far whose values must not reach the archive; none in a session."""
        return {} if self.run.out is None else touched(self)

    def _note_hidden(self) -> None:
        """Say so before a cell can hold a row of them."""
        if self.run.out is not None and (found := self.withheld):
            note(self.run.out, found)

    def write(self, frame: Any, table: Dataset) -> Card:
        from .append import append
        from .publish import publish

        contract, as_came, computed = self.table(table), "", None
        self.outcome.refuse_second(table)
        try:
            if set_aside(contract):
                check_kept(frame, contract)
            if self.lands:
                as_came = untouched(frame, self._landed)
                if not as_came or table != self.step:
                    own = self.contract.table(self.step)
                    check_time(frame, contract, own, self.interval, self._landed)
                frame, computed = limited(frame, contract, self.interval, self._landed)
                frame, contract, notes = take_up(
                    frame, contract, self.schemas(contract), self.new_columns
                )
                self.outcome.notes += [n for n in notes if n not in self.outcome.notes]
            contract = self._hide_made(frame, contract)
            if contract.write == "append":
                return append(self, frame, contract)
            audit = partial(account, as_came=as_came, computed=computed) if self.lands else None
            return publish(self, frame, contract, account=audit)
        except ColdError as cold:
            self.outcome.note_cold(cold.needs)
            raise
        except Exception as failed:
            if (fault := self.damage_behind(failed)) is not None:
                raise fault from failed
            if (found := self.source_fault(failed)) is not None:
                # An engine's own text repeats values, and the column may be restricted.
                raise found from None
            raise

    def damage_behind(self, failed: BaseException) -> StorageError | None:
        """The damaged file among those that were read that made an engine fail."""
        return self._damage() if may_be_damage(failed) else None

    def _damage(self) -> StorageError | None:
        known = [entry for entry in self.outcome.inputs if "dataset" in entry]
        reads = [
            (self._views[name], entry["partitions"])
            for entry in known
            if (name := Dataset.parse(entry["dataset"])) in self._views
        ]
        for table in self.contract.tables:
            if any(rule.scope == "table" for rule in table.rules):  # it saw all that is published
                view = open_view(self.settings, table)
                reads.append((view, view.present))
        return first_damage(reads)

    def _hide_made(self, frame: Any, contract: TableContract) -> TableContract:
        """The contract, with columns hidden that are made of hidden ones and not classified."""
        names = undeclared(contract, made_of_hidden(self, frame))
        if not names:
            return contract
        note_derived(self.settings, contract.dataset, names)
        says = (
            f"{', '.join(names)} of {contract.dataset} may be made of columns whose values stay "
            f"hidden, and so stay hidden; give them a classification in {contract.path.name}"
        )
        self.outcome.notes += [says] if says not in self.outcome.notes else []
        contract = hide(contract, names)
        if self.run.out is not None:
            note(self.run.out, {str(contract.dataset): names})
        return contract

    def source_fault(self, failed: BaseException) -> SourceError | None:
        """What in a source that was landed made an engine fail: its rows are parsed on the way."""
        faults = (landing.fault(failed) for landing in self._landed.values())
        return next((fault for fault in faults if fault is not None), None)

    @property
    def columns_read(self) -> dict[str, tuple[str, ...]]:
        """Columns of each dataset and source that this step has read."""
        read = {str(name): view.contract.names for name, view in self._views.items()}
        for uri, landing in self._landed.items():
            names = landing.frame.collect_schema().names()
            read[uri] = tuple(name for name in names if name != MISFIT)
        return read

    def table(self, dataset: Dataset) -> TableContract:
        """The contract of an output."""
        if dataset not in self.contract.datasets:
            known = [str(d) for d in self.contract.datasets]
            raise UserError(
                f"{self.step} writes {dataset}, which its contract does not promise"
                f"{did_you_mean(str(dataset), known)}",
                where=self.contract.path.name,
            )
        return self.contract.table(dataset)

    def dbt(self, request: DbtRequest) -> Card:
        from .dbt_run import run_selection

        try:
            return run_selection(self, request)
        except RunError as failed:  # with DuckDB's words, and not its error
            if not isinstance(failed, StorageError) and (fault := self._damage()) is not None:
                raise fault from failed
            raise

    def note_checks(self, checks: list[dict[str, Any]]) -> None:
        self.outcome.checks.extend(checks)
        self.outcome.save()

    @property
    def look(self) -> LakeLook:
        from .look.lake import LakeLook

        return LakeLook(self)

    @property
    def views_read(self) -> tuple[DatasetView, ...]:
        """What this step has opened so far to read it."""
        return tuple(self._views.values())

    def result(self, table: Dataset) -> nw.LazyFrame[Any]:
        view = open_view(self.settings, self.table(table))
        names = view.read_of(None if view.contract.write == "append" else self.interval)
        try:
            return self.engine.scan(view.paths(names), view.contract.arrow_schema())
        except ColdError as cold:  # what came out equal stays where it lies
            self.outcome.note_cold(cold.needs)
            raise
