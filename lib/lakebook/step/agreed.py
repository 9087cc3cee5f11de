"""Whether a dataset's tables are what its contract says, as one environment sees them.

Asked by whoever reads, plans, checks or writes, so that all give the same answer. What is in the
way is said with the way out of this environment: prod may have been migrated beyond what it reads.
"""

from __future__ import annotations

from ..contract.model import TableContract
from ..delta import Snapshot, open_snapshot
from ..delta.columns import check_table
from ..errors import ContractError
from ..names import PROD, table_path
from ..settings import Settings


def check_agreed(
    settings: Settings, contract: TableContract, own: Snapshot, prod: Snapshot | None
) -> None:
    """Raise ContractError if a table was written by another contract that this does not follow.

    Parameters
    ----------
    own: the environment's own table. prod: the one below it as it is read; None in prod itself.
    """
    if prod is None:
        check_table(own, contract)
        return
    if (refused := _refused(prod, contract)) is not None:
        newest = open_snapshot(table_path(settings.lake, contract.dataset, env=PROD))
        if _refused(newest, contract) is not None:
            raise refused
        is_own_in_the_way = _refused(own, contract) is not None
        raise ContractError(
            f"{refused.found}; prod has followed since, and the environment {settings.env!r} reads "
            "an older version of it",
            where=refused.where,
            fix=_refresh(settings, contract, discard=is_own_in_the_way),
        )
    if (refused := _refused(own, contract)) is not None:
        raise ContractError(
            f"{refused.found}; the environment {settings.env!r} wrote it so",
            where=refused.where,
            fix=f"{_refresh(settings, contract, discard=True)} gives that up; or put the contract "
            "back",
        )


def _refused(table: Snapshot, contract: TableContract) -> ContractError | None:
    try:
        check_table(table, contract)
    except ContractError as refused:
        return refused
    return None


def _refresh(settings: Settings, contract: TableContract, *, discard: bool) -> str:
    command = f"lakebook env refresh {settings.env} {contract.dataset}"
    return f"{command} --discard" if discard else command
