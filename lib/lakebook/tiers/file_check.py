"""Are a table's files still what its log says: there, as large, with the bytes and the rows?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..delta.checksums import named_checksum
from ..delta.damage import bytes_damage
from ..delta.digest import MASK
from ..delta.snapshot import DataFile, Snapshot
from ..delta.tokens import signed
from ..errors import DamageError
from .cold.archive_check import Damage
from .copying import Source
from .decoding import BrokenFileError, Decoder


def check_rows(snapshot: Snapshot, sources: Iterable[Source]) -> None:
    """Decode those partitions of some files to copy of which no checksum tells whether they are
    whole. Raises DamageError.
    """
    unknown = dict.fromkeys(one.partition for one in sources if one.expected is None)
    with Decoder() as decoder:
        for p in unknown:
            files, rows = snapshot.files_in([p]), snapshot.data(p)
            for damage in file_damages(snapshot.table, files, rows, rows=True, decoder=decoder):
                raise DamageError(damage.what, where=str(damage.path), partition=p)


def file_damages(
    table: Path,
    files: Iterable[DataFile],
    rows_digest: int | None,
    *,
    rows: bool,
    decoder: Decoder,
) -> Iterator[Damage]:
    """Everything that is wrong with a partition's files; memory is bounded by a row group.

    Parameters
    ----------
    rows_digest: of the partition's rows, as the token `data/<p>`.
    rows: compare the rows also where every file's name has its checksum.
    """
    found = [(table / file.path, file) for file in files]
    whole = True
    for path, file in found:
        if what := bytes_damage(path, file):
            whole = False
            yield Damage(path, what)
    if not whole or not (rows or any(named_checksum(path.name) is None for path, _ in found)):
        return
    total = 0
    for path, file in found:
        try:
            total += decoder.digest(path, file.stats_json)
        except BrokenFileError as broken:
            yield Damage(path, str(broken))
            return
    if rows_digest is not None and signed(total & MASK) != rows_digest:
        where, which = found[0][0], "its rows"
        if len(found) > 1:
            where, which = where.parent, f"the rows of its {len(found)} files"
        yield Damage(where, f"{which} are not those that were committed (their digest differs)")
