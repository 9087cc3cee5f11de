"""What a step has read of logs and not committed yet. The commit is in `append`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..contract.model import TableContract
from ..delta import open_snapshot
from ..errors import UserError
from ..ingest.log import LogSource, offset_name, read_offsets, waiting
from ..names import PROD, table_path
from .fingerprint import digest

if TYPE_CHECKING:
    import narwhals as nw

    from .lake import LakeContext


@dataclass(frozen=True)
class Offsets:
    """Offset name -> where a batch begins (None: at the first record) and the offset after it."""

    begins: dict[str, int | None]
    ends: dict[str, int]

    @property
    def batch(self) -> int:
        """What the batch is called, as a signed 64-bit value."""
        head = digest([sorted(self.begins.items()), sorted(self.ends.items())])[:16]
        return int.from_bytes(bytes.fromhex(head), "big", signed=True)


def land_log(
    context: LakeContext, log: Any, contract: TableContract, options: dict[str, Any]
) -> nw.LazyFrame[Any]:
    """What a log holds beyond the committed offsets; remembers which offsets that are."""
    if not isinstance(log, LogSource):
        raise UserError(
            f"{contract.dataset} is written by append, and {log.uri} can be read again",
            where=contract.path.name,
            fix="write replace or snapshot; append is for logs, which have offsets",
        )
    if contract.write != "append":
        raise UserError(
            f"{log.uri} cannot be read again, and {contract.dataset} is written by "
            f"{contract.write}",
            where=contract.path.name,
            fix="write append",
        )
    if context.settings.env != PROD:
        raise UserError(
            f"{contract.dataset} is appended to from {log.uri}, and the environment "
            f"{context.settings.env!r} has no such table of its own",
            fix="run it in prod; an environment reads what is there",
        )
    table = table_path(context.settings.lake, contract.dataset)
    begins = read_offsets(log.uri, open_snapshot(table).tokens)
    waiting(log, begins)
    landing = log.land_from(contract, begins, options)
    for part, end in landing.ends.items():
        name = offset_name(log.uri, part)
        context.offsets.begins[name] = begins.get(part)
        context.offsets.ends[name] = end
    context.outcome.add_log(log.uri, begins, landing.ends)
    return landing.frame
