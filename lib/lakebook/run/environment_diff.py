"""What an environment made of a dataset against what prod has: schema, and rows of what it wrote.

Only partitions that the environment wrote are looked at, the others are prod's; and only those are
read whose `data/` token differs, since equal digests mean equal rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..contract.classified import MASK, classified_columns
from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..delta import Snapshot, open_snapshot
from ..engines import get_engine
from ..errors import UserError
from ..intervals import NULL, Interval
from ..names import PROD, Dataset, table_path
from ..settings import Settings
from ..step.view import open_view

if TYPE_CHECKING:
    import pyarrow as pa

    from ..quality.comparison import Comparison, Example


@dataclass(frozen=True)
class SchemaChange:
    """A column that one side lacks (its type there is empty), or that has another type."""

    column: str
    before: str
    after: str


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
    rows: Comparison
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
    examples: rows of each kind at most; values of classified columns are hidden unless `unmask`.
    """
    from ..quality.comparison import compare

    if settings.env == PROD:
        raise UserError(
            "prod cannot be compared with itself", fix="name an environment: --env NAME"
        )
    contract = find_table(settings, dataset)
    view = open_view(settings, contract)
    newest = open_snapshot(table_path(settings.lake, dataset))
    below = newest if latest or view.prod is None else view.prod
    written = _written(view.own, contract, interval)
    if not written:
        where = f" of {interval}" if interval else ""
        raise UserError(
            f"the environment {settings.env!r} has written nothing{where} of {dataset}",
            fix=f"run it there first: lakebook run {dataset} --env {settings.env}",
        )
    assert view.own.schema is not None
    differing = tuple(name for name in written if view.own.data(name) != below.data(name))
    engine = get_engine(settings.engine)
    mine = engine.scan(view.own.paths(differing), view.own.schema)
    theirs = engine.scan(below.paths(differing), below.schema or view.own.schema)
    hidden = () if unmask else tuple(sorted(classified_columns(contract)))
    found = compare(theirs, mine, contract.key, examples=examples)
    return DatasetDiff(
        dataset=dataset,
        env=settings.env,
        version=view.own.version,
        prod_version=below.version,
        newest=newest.version,
        written=written,
        differing=differing,
        schema=_schema_changes(below.schema, view.own.schema),
        rows=replace(found, examples=tuple(_masked(one, hidden) for one in found.examples)),
        masked=hidden,
    )


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


def _masked(example: Example, hidden: Sequence[str]) -> Example:
    def mask(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: MASK if name in hidden and value is not None else value
            for name, value in values.items()
        }

    return replace(
        example,
        key=mask(example.key),
        before=mask(example.before),
        after=mask(example.after),
    )
