"""What an environment made of a dataset against what prod has: schema, and rows of what it wrote.

Only partitions that the environment wrote are looked at, the others are prod's; and only those are
read whose `data/` token differs, since equal digests mean equal rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ..contract.classified import MASK, hidden_among
from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..delta import Snapshot
from ..engines import get_engine
from ..errors import UserError
from ..intervals import NULL, Interval
from ..names import PROD, Dataset
from ..settings import Settings
from ..step.cold import pinned_cold_error
from ..step.damage import check_whole
from ..step.view import open_view

if TYPE_CHECKING:
    import pyarrow as pa

    from ..step.look.compare import Difference


@dataclass(frozen=True)
class SchemaChange:
    """A column that one side lacks (its type there is empty), or that has another type."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class Example:
    """A row that differs. A changed one has only the columns that changed, beside its key."""

    kind: Literal["added", "removed", "changed"]
    key: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """How many rows are on one side alone, differ, or are the same.

    `key`: empty where whole rows were compared; `notes` say why. `changed_columns`: in how many
    changed rows each column differs.
    """

    key: tuple[str, ...]
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    same: int
    changed_columns: Mapping[str, int]
    notes: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def is_equal(self) -> bool:
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True)
class DatasetDiff:
    """`version` is the environment's, `prod_version` what it is compared with (-1: no table).

    `written`: partitions that the environment wrote; `differing`: those of them with other rows;
    `rows` compares these. `newest`: prod's version by now. `masked`: columns whose values are
    hidden in the examples.
    """

    dataset: Dataset
    env: str
    version: int
    prod_version: int
    newest: int
    written: tuple[str, ...]
    differing: tuple[str, ...]
    schema: tuple[SchemaChange, ...]
    rows: Rows
    masked: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        return not self.schema and self.rows.is_equal

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "dataset": str(self.dataset), "is_equal": self.is_equal}


def diff_environment(
    settings: Settings,
    dataset: Dataset,
    *,
    latest: bool = False,
    interval: Interval | None = None,
    examples: int = 5,
    unmask: bool = False,
) -> DatasetDiff:
    """Compare what the settings' environment wrote of a dataset with prod.

    Parameters
    ----------
    latest: with prod as it is now, instead of the version that the environment reads.
    interval: only partitions that it touches, and rows without a time.
    examples: rows of each kind at most; unless `unmask`, values of classified
        columns and of those that the contract does not know are hidden.
    """
    from ..step.look.compare import compare

    if settings.env == PROD:
        raise UserError(
            "prod cannot be compared with itself", fix="name an environment: --env NAME"
        )
    contract = find_table(settings, dataset)
    view = open_view(settings, contract)
    newest = open_view(replace(settings, env=PROD), contract)
    below = newest.own if latest or view.prod is None else view.prod
    written = _written(view.own, contract, interval)
    if not written:
        where = f" of {interval}" if interval else ""
        raise UserError(
            f"the environment {settings.env!r} has written nothing{where} of {dataset}",
            fix=f"run it there first: lakebook run {dataset} --env {settings.env}",
        )
    assert view.own.schema is not None
    differing = tuple(name for name in written if _differs(view.own, below, name))
    there = [name for name in differing if below.place(name).tier != "deleted"]
    if below is newest.own:
        newest.check_readable(there)
    elif cold := tuple(name for name in there if below.place(name).tier == "cold"):
        raise pinned_cold_error(settings, contract, below, cold)
    engine = get_engine(settings.engine)
    check_whole(view, differing)
    nothing = Snapshot(view.own.table, -1)
    check_whole(newest if below is newest.own else replace(view, own=nothing), there)
    mine = engine.scan(view.own.paths(differing), view.own.schema)
    theirs = engine.scan(below.paths(there), below.schema or view.own.schema)
    names = {*view.own.schema.names, *(below.schema.names if below.schema else ())}
    hidden = () if unmask else tuple(sorted(hidden_among(names, contract)))
    found = compare(
        theirs.to_native(),
        mine.to_native(),
        contract,
        examples=examples,
        names=("prod", f"the environment {settings.env!r}"),
    )
    return DatasetDiff(
        dataset=dataset,
        env=settings.env,
        version=view.own.version,
        prod_version=below.version,
        newest=newest.own.version,
        written=written,
        differing=differing,
        schema=_schema_changes(below.schema, view.own.schema),
        rows=_rows(found, hidden),
        masked=hidden,
    )


def _differs(own: Snapshot, below: Snapshot, name: str) -> bool:
    gone = below.place(name).tier == "deleted"  # and its digest stays
    return gone or own.data(name) != below.data(name)


def _written(own: Snapshot, contract: TableContract, interval: Interval | None) -> tuple[str, ...]:
    names = sorted(key[5:] for key in own.tokens if key.startswith("data/"))
    if interval is None or contract.time is None:
        return tuple(names)
    wanted = {*partitions_of(contract, interval), NULL}
    return tuple(name for name in names if name in wanted)


def _schema_changes(before: pa.Schema | None, after: pa.Schema) -> tuple[SchemaChange, ...]:
    if before is None:
        return ()
    old, new = ({f.name: str(f.type) for f in schema} for schema in (before, after))
    return tuple(
        SchemaChange(name, old.get(name, ""), new.get(name, ""))
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name)
    )


def _rows(found: Difference, hidden: Sequence[str]) -> Rows:
    return Rows(
        key=found.key,
        rows_before=found.before,
        rows_after=found.now,
        added=found.added,
        removed=found.removed,
        changed=found.altered,
        same=found.same,
        changed_columns=dict(found.columns),
        notes=found.notes,
        examples=tuple(_examples(found, hidden)),
    )


def _examples(found: Difference, hidden: Sequence[str]) -> Iterator[Example]:
    from ..step.look.compare import differing

    def shown(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        return {n: MASK if n in hidden and row[n] is not None else row[n] for n in names}

    def rest(row: Mapping[str, Any]) -> list[str]:
        return [name for name in row if name not in found.key]

    for row in found.removed_rows:
        yield Example("removed", shown(row, found.key), before=shown(row, rest(row)))
    for row in found.added_rows:
        yield Example("added", shown(row, found.key), after=shown(row, rest(row)))
    for was, now in found.changed:
        names = differing(was, now, found.key)
        yield Example("changed", shown(now, found.key), shown(was, names), shown(now, names))
