"""Merge by key: the rows given replace live rows of the same key; the rest of the table stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..contract.model import TableContract
from ..errors import ContractError
from .view import open_view

if TYPE_CHECKING:
    from .lake import LakeContext


def merged(context: LakeContext, frame: Any, contract: TableContract) -> Any:
    """The batch and the live rows of the interval whose key it does not hold, as one frame.

    The live rows are not an input of the fingerprint: a merge made again from the same batch gives
    the same rows.
    """
    import narwhals as nw

    if not contract.key:
        raise ContractError(
            f"{contract.dataset} is written by merge but has no primary key",
            where=contract.path.name,
            fix="mark its key columns with primaryKey: true",
        )
    view = open_view(context.settings, contract)
    if not view.exists:
        return frame
    batch = nw.from_native(frame, pass_through=True).lazy()
    from ..contract.time import partitions_of
    from ..intervals import NULL

    names = partitions_of(contract, context.interval)
    live = context.engine.scan(view.paths((*names, NULL)), contract.arrow_schema())
    stay = live.join(batch.select(*contract.key).unique(), on=list(contract.key), how="anti")
    return nw.concat([stay.select(*contract.names), batch.select(*contract.names)])
