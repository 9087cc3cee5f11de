"""What a file says as text, whatever it is packed in: Parquet, Arrow, SQLite, gzip, zip, base64.

A file that cannot be decoded (a picture, an encrypted archive, an unknown format) is searched as
the bytes that it has, and named.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import sqlite3
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .search import LOG, MAGIC

CHUNK = 8 << 20  # bytes of a text that are searched at once
OVERLAP = 4 << 10
_DEPTH = 4
_JOINED = 1 << 30  # bytes that Arrow joins; its offsets have 32 bits
_TEXTS = (".msgpack", ".pickle")  # texts stand in it as they are
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{32,}={0,2}")
_HEAD = 512  # bytes by which a format is known
_STREAMS = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\xfd7zXZ": "xz"}
_PICTURES = {
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"%PDF": "a PDF",
    b"RIFF": "a picture or sound (RIFF)",
}


@dataclass(frozen=True)
class Text:
    """Bytes to be searched. `figures`: numbers in it may be values of rows."""

    content: bytes
    figures: bool = True


@dataclass(frozen=True)
class Undecoded:
    """Why a file, or a part of it, cannot be decoded."""

    reason: str


Part = Text | Undecoded


def parts_of(path: Path) -> Iterator[Part]:
    """All that a file says, and its name. Raises OSError."""
    yield Text(str(path.name).encode("utf-8", "surrogateescape"), figures=False)
    if path.parent.name == LOG and path.suffix == ".json":
        yield from _log_entry(path)
        return
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(MAGIC):
        yield from _parquet(path)
    elif head.startswith(b"SQLite format 3\0"):
        yield from _sqlite(path)
    elif _kind(head) is None and (path.suffix in _TEXTS or not _is_binary(head)):
        yield from _plain(path)
    else:
        yield from _packed(path.read_bytes(), 0)


def _packed(content: bytes, depth: int) -> Iterator[Part]:
    """The parts of some bytes that may be packed."""
    yield Text(content)
    kind = _kind(content[:_HEAD])
    if kind is None:
        if _is_binary(content[:4096]):
            yield Undecoded("an unknown format")
        elif depth < _DEPTH:
            yield from _embedded(content, depth)
        return
    if kind.startswith("a "):
        yield Undecoded(kind)
        return
    if depth >= _DEPTH:
        yield Undecoded(f"{kind}, packed too deep")
        return
    try:
        yield from _UNPACK[kind](content, depth)
    except (OSError, EOFError, ValueError, RuntimeError, pa.ArrowException, sqlite3.Error) as no:
        yield Undecoded(f"{kind} ({type(no).__name__})")
    except (zipfile.BadZipFile, tarfile.TarError, NotImplementedError):
        yield Undecoded(f"{kind}, damaged or encrypted")


def _plain(path: Path) -> Iterator[Part]:
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(CHUNK):
            text = before + chunk
            yield Text(text)
            yield from _embedded(text, 0)
            before = text[-OVERLAP:]


def _embedded(text: bytes, depth: int) -> Iterator[Part]:
    """What stands in it as base64, such as the pictures of a notebook."""
    for found in _BASE64.finditer(text.replace(b"\\n", b"")):
        word = found[0].rstrip(b"=")
        word = word[: len(word) - (len(word) % 4 == 1)]
        try:
            content = base64.b64decode(word + b"=" * (-len(word) % 4))
        except binascii.Error:
            continue
        if _kind(content[:_HEAD]) is not None:
            yield from _packed(content, depth + 1)
        else:
            yield Text(content, figures=False)


def _log_entry(path: Path) -> Iterator[Part]:
    """A commit: its sizes and tokens are no values of rows, its bounds are."""
    text = path.read_bytes()
    yield Text(text, figures=False)
    for line in text.splitlines():
        try:
            action = json.loads(line)
        except ValueError:
            continue  # whoever reads the table names it
        for kind in ("add", "remove"):
            stats = (action.get(kind) or {}).get("stats") if isinstance(action, dict) else None
            if stats:
                raw = json.loads(stats)
                bounds = [raw.get("minValues"), raw.get("maxValues")]
                yield Text(json.dumps(bounds, ensure_ascii=False).encode())


def _parquet(source: Any) -> Iterator[Part]:
    is_log = isinstance(source, Path) and source.parent.name == LOG
    with pq.ParquetFile(source) as file:
        for key, value in (file.schema_arrow.metadata or {}).items():
            yield Text(key + b"\n" + value, figures=False)
        for group in range(file.num_row_groups):
            yield from _table(file.read_row_group(group, use_threads=False), figures=not is_log)


def _table(table: pa.Table, *, figures: bool = True) -> Iterator[Part]:
    for column in table.columns:
        for leaf in _leaves(column.combine_chunks()):
            yield Text(_joined(leaf), figures)


def _leaves(array: Any) -> Iterator[pa.Array]:
    if isinstance(array, pa.ChunkedArray):
        for chunk in array.chunks:
            yield from _leaves(chunk)
    elif pa.types.is_dictionary(array.type):
        yield from _leaves(array.dictionary)
    elif pa.types.is_struct(array.type):
        for child in array.flatten():
            yield from _leaves(child)
    elif pa.types.is_map(array.type):
        yield from _leaves(array.keys)
        yield from _leaves(array.items)
    elif pa.types.is_nested(array.type):
        yield from _leaves(array.flatten())
    else:
        yield array


def _joined(array: pa.Array) -> bytes:
    """The distinct values, one a line."""
    import pyarrow.compute as pc

    distinct = pc.drop_null(array.unique())
    if pa.types.is_floating(distinct.type):
        return "\n".join(map(repr, distinct.to_pylist())).encode()
    if not (pa.types.is_binary(distinct.type) or pa.types.is_large_binary(distinct.type)):
        distinct = distinct.cast(pa.large_string())
    if distinct.nbytes > _JOINED:
        return b"\n".join(distinct.cast(pa.large_binary()).to_pylist())
    lists = pa.ListArray.from_arrays([0, len(distinct)], distinct.cast(pa.binary()))
    return bytes(pc.binary_join(lists, b"\n")[0].as_py() or b"")


def _sqlite(path: Path) -> Iterator[Part]:
    """Its rows, and its bytes: what was deleted may still stand in a free page."""
    yield from _raw(path)
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                quoted = name.replace('"', '""')
                rows = db.execute(f'SELECT * FROM "{quoted}"')
                while some := rows.fetchmany(1000):
                    yield Text(b"\n".join(_cell(cell) for row in some for cell in row))
    except sqlite3.Error as broken:
        yield Undecoded(f"SQLite ({type(broken).__name__})")


def _raw(path: Path) -> Iterator[Part]:
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(CHUNK):
            yield Text(before + chunk, figures=False)
            before = chunk[-OVERLAP:]


def _cell(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _stream(content: bytes, depth: int) -> Iterator[Part]:
    kind = _kind(content[:_HEAD])
    opened = pa.input_stream(io.BytesIO(content), compression=kind) if kind != "xz" else None
    if opened is None:
        import lzma

        yield from _packed(lzma.decompress(content), depth + 1)
        return
    with opened:
        yield from _packed(opened.read(), depth + 1)


def _zip(content: bytes, depth: int) -> Iterator[Part]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            yield Text(member.filename.encode())
            if member.flag_bits & 1:
                yield Undecoded(f"{member.filename} in it is encrypted")
            elif not member.is_dir():
                yield from _packed(archive.read(member), depth + 1)


def _tar(content: bytes, depth: int) -> Iterator[Part]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            yield Text(member.name.encode())
            if (file := archive.extractfile(member)) is not None:
                yield from _packed(file.read(), depth + 1)


def _arrow(content: bytes, depth: int) -> Iterator[Part]:
    with pa.ipc.open_file(io.BytesIO(content)) as reader:
        yield from _table(reader.read_all())


def _parquet_bytes(content: bytes, depth: int) -> Iterator[Part]:
    yield from _parquet(io.BytesIO(content))


_UNPACK = {
    **dict.fromkeys(_STREAMS.values(), _stream),
    "zip": _zip,
    "tar": _tar,
    "Arrow": _arrow,
    "Parquet": _parquet_bytes,
}


def _kind(head: bytes) -> str | None:
    """What bytes are packed in, by their beginning; "a …" cannot be unpacked; None: nothing."""
    for magic, kind in {**_STREAMS, **_PICTURES}.items():
        if head.startswith(magic):
            return kind
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(b"ARROW1"):
        return "Arrow"
    if head.startswith(MAGIC):
        return "Parquet"
    if head[8:12] == b"DUCK":
        return "a DuckDB database"
    return "tar" if head[257:262] == b"ustar" else None


def _is_binary(head: bytes) -> bool:
    return b"\0" in head
