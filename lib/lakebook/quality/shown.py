"""Which rows of a quarantine count: those that the published version of a partition kept out.

How rows get there, and how the others are swept, stands in `quarantine`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.model import TableContract
from ..errors import DamageError
from ..names import PROD, table_path

if TYPE_CHECKING:
    from ..delta import Snapshot
    from ..settings import Settings


def hex_of(fp: int) -> str:
    return f"{fp % (1 << 64):016x}"


def token_of(contract: TableContract, partition: str, fp: int) -> str:
    """The name of a partition of the quarantine: its two columns' values."""
    return f"{partition}/{hex_of(fp)}" if contract.time else hex_of(fp)


@dataclass(frozen=True)
class Part:
    """What a published partition kept out. `token`: of the quarantine; `main`: the dataset."""

    name: str
    token: str
    aside: Snapshot
    contract: TableContract
    main: Snapshot
    env: str

    @property
    def paths(self) -> tuple[str, ...]:
        """Its files. Raises DamageError, with what mends it."""
        from ..tiers.glance import find_damage
        from ..tiers.remedy import remedy_of

        if found := find_damage(self.aside, [self.token]):
            raise DamageError(
                f"{self.contract.dataset.quarantine} {self.token}: {found.found}",
                where=found.where,
                fix=remedy_of(self.contract, self.token, self.main, env=self.env).advice,
                partition=self.token,
                dataset=str(self.contract.dataset.quarantine),
            )
        return tuple(self.aside.paths([self.token]))


def shown_parts(settings: Settings, contract: TableContract) -> Iterator[Part]:
    """The quarantine of every published partition that has rows there, own ones before prod's.

    Prod's are those of the version that the environment has pinned.

    An appended partition has one part for each batch that was committed.
    """
    from ..delta import Pins, open_snapshot

    if contract.write == "append":
        main = open_snapshot(table_path(settings.lake, contract.dataset))
        aside = open_snapshot(table_path(settings.lake, contract.dataset.quarantine))
        batches = committed_batches(main)
        for token in aside.partitions:
            name, _, batch = token.rpartition("/")
            if batch in batches and rows_of(aside, token):
                yield Part(name, token, aside, contract, main, PROD)
        return
    seen: set[str] = set()
    for env in dict.fromkeys((settings.env, PROD)):
        if env == settings.env:
            main = open_snapshot(table_path(settings.lake, contract.dataset, env=env))
        else:
            main = Pins(settings.roots, settings.env).look(contract.dataset)
        aside = open_snapshot(table_path(settings.lake, contract.dataset.quarantine, env=env))
        for name in published(main):
            fp = main.fp(name)
            if name in seen:
                continue
            seen.add(name)
            if fp is None:
                continue
            token = token_of(contract, name, fp)
            if rows_of(aside, token):
                yield Part(name, token, aside, contract, main, env)


def aside_damage(aside: Snapshot, contract: TableContract, partition: str, fp: int | None) -> str:
    """What is wrong with what a fingerprint kept out of a partition, at a glance; empty: nothing.

    `aside`: the quarantine's table.
    """
    from ..tiers.glance import find_damage

    token = "" if fp is None else token_of(contract, partition, fp)
    found = find_damage(aside, [token]) if token in aside.by_partition else None
    return f"damaged: {Path(found.where).name} of its quarantine: {found.found}" if found else ""


def published(main: Snapshot) -> tuple[str, ...]:
    """The partitions of a dataset that have rows, or none, wherever they lie."""
    return tuple(name for name in main.written if main.place(name).tier != "deleted")


def committed_batches(main: Snapshot) -> set[str]:
    """Names of the appended batches whose quarantine counts."""
    names = [name for name, rows in main.tokens.items() if rows and name.startswith("aside/")]
    return {name.removeprefix("aside/") for name in names}


def shown_tokens(main: Snapshot, contract: TableContract) -> set[str]:
    """The quarantine's partitions that a version of the dataset shows, if they have rows."""
    made = ((name, main.fp(name)) for name in published(main))
    return {token_of(contract, name, fp) for name, fp in made if fp is not None}


def needed_tokens(table: Path, contract: TableContract) -> set[str]:
    """The quarantine's partitions that some version of the dataset's log still shows."""
    from ..delta import open_snapshot
    from ..delta.log import list_log

    commits, checkpoints = list_log(table)
    # Before the oldest checkpoint a version needs commits that the log no longer has.
    oldest = 0 if 0 in commits else min(checkpoints, default=0)
    needed: set[str] = set()
    for version in range(oldest, max([*commits, *checkpoints], default=-1) + 1):
        needed |= shown_tokens(open_snapshot(table, version), contract)
    return needed


def rows_of(snapshot: Snapshot, token: str) -> int:
    return sum(file.rows for file in snapshot.files_in([token]))
