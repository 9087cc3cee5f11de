"""Is an archive still what its manifest says, and the manifest what the archive's id says?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from ...delta.checksums import checksum_of
from ...delta.digest import MASK, digest_file
from ...delta.page_cache import forget_pages
from ...delta.tokens import signed
from ...errors import StorageError
from .manifest import FILE, ArchiveFile, Manifest, read_manifest


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong: a file (or a folder) and what it is, as a clause."""

    path: Path
    what: str


def archive_damages(
    folder: Path,
    archive: int | None = None,
    *,
    rows_digest: int | None = None,
    deep: bool = False,
    on_file: Callable[[Path, int], None] = lambda path, size: None,
) -> Iterator[Damage]:
    """Everything that is wrong with an archive; memory is bounded by a row group.

    Parameters
    ----------
    archive: its id; by default the one that the folder's name says.
    rows_digest: what its rows must have, as the token `data/<p>`; None: nothing is known of it.
    deep: decode the files too and compare the digest of their rows.
    on_file: called with each file that was read and its size in bytes.
    """
    try:
        manifest = read_manifest(folder, archive)
    except StorageError as broken:
        yield Damage(Path(broken.where), broken.found)
        return
    if rows_digest is not None and manifest.digest != rows_digest:
        yield Damage(folder, "it holds other rows than the partition has (their digest differs)")
    known = {FILE} | {file.name for file in manifest.files}
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            yield Damage(path, "the manifest does not name this file")
    whole = True
    for file in manifest.files:
        for damage in _file_damages(folder / file.name, file):
            whole = False
            yield damage
        on_file(folder / file.name, file.size_bytes)
    if deep and whole:
        yield from _row_damages(folder, manifest)


def _file_damages(path: Path, file: ArchiveFile) -> Iterator[Damage]:
    try:
        size = path.stat().st_size
        if size != file.size_bytes:
            yield Damage(path, f"it has {size:,} bytes, and the manifest says {file.size_bytes:,}")
            return
        forget_pages(path)
        if checksum_of(path) != file.sha256:
            yield Damage(path, "its SHA-256 is not the one in the manifest")
    except FileNotFoundError:
        yield Damage(path, "the file is missing")
    except OSError as failed:
        yield Damage(path, f"it cannot be read ({failed.strerror})")


def _row_damages(folder: Path, manifest: Manifest) -> Iterator[Damage]:
    total, schema = 0, manifest.arrow_schema()
    for file in manifest.files:
        path = folder / file.name
        try:
            footer = pq.read_metadata(path)
            total += digest_file(path)
        except Exception as broken:  # what a decoder makes of damaged bytes is anybody's guess
            yield Damage(path, f"it cannot be decoded ({broken})")
            return
        if footer.schema.to_arrow_schema().remove_metadata() != schema:
            yield Damage(path, "its columns are not those in the manifest")
        if footer.num_rows != file.rows:
            yield Damage(path, f"it has {footer.num_rows:,} rows, and the manifest {file.rows:,}")
    if signed(total & MASK) != manifest.digest:
        yield Damage(folder, "its rows are not those that were archived (their digest differs)")
