"""Are a table's files still what its log says: there, as large, with the bytes and the rows?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..delta.digest import MASK
from ..delta.snapshot import DataFile
from ..delta.tokens import signed
from .checksums import checksum_of, named_checksum
from .cold.archive_check import Damage
from .decoding import BrokenFileError, Decoder
from .page_cache import forget_pages


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


def bytes_damage(path: Path, file: DataFile) -> str:
    """What is wrong with a file's size or checksum; empty if nothing is."""
    try:
        size = path.stat().st_size
        if size != file.size_bytes:
            return f"it has {size:,} bytes, and the log says {file.size_bytes:,}"
        forget_pages(path)
        expected = named_checksum(path.name)
        if expected is not None and not checksum_of(path).startswith(expected):
            return "its SHA-256 is not the one in its name"
    except FileNotFoundError:
        return "the file is missing"
    except OSError as failed:
        return f"it cannot be read ({failed.strerror})"
    return ""
