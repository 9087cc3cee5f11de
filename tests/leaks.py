"""Searching for planted values: in all files of a folder, however they are packed, and in texts."""

from __future__ import annotations

import base64
import gzip
import html
import io
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
_DEPTH = 4  # a picture in a page in an archive


def forms(value: Any) -> set[str]:
    """How a value may be written: as it is, grouped, and in base64 at each of three places."""
    texts = {str(value)}
    if isinstance(value, int):
        texts.add(f"{value:,}")
    texts |= {text.replace(" ", "T") for text in texts}
    for text in list(texts):
        for skip in range(3):
            coded = base64.b64encode(b"\0" * skip + text.encode()).decode()
            # Without the characters that depend on what stands around.
            inner = coded[4 if skip else 0 : -4]
            texts |= {inner} if len(inner) >= 12 else set()
    return texts


def found_in(text: str, secrets: Mapping[str, Any]) -> set[str]:
    """The names of the secrets that a text holds."""
    plain = html.unescape(text)
    return {
        name
        for name, value in secrets.items()
        if any(form in text or form in plain for form in forms(value))
    }


def found_below(
    folder: Path, secrets: Mapping[str, Any], *, leave_out: Iterable[str] = ()
) -> dict[str, set[str]]:
    """File -> the secrets in it. `leave_out`: patterns of relative paths."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inner = str(path.relative_to(folder))
        if not path.is_file() or any(re.search(pattern, inner) for pattern in leave_out):
            continue
        texts = [*decoded(path.read_bytes()), *_tables(path)]
        if hit := set().union(*(found_in(text, secrets) for text in texts)):
            found[inner] = hit
    return found


def decoded(data: bytes, depth: int = _DEPTH) -> Iterator[str]:
    """All texts in some bytes, unpacked as far as they say what they are."""
    yield data.decode("utf-8", errors="replace")
    if depth == 0:
        return
    for inner in _unpacked(data):
        yield from decoded(inner, depth - 1)


def _unpacked(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            yield stream.read()
    if data.startswith(b"PAR1"):
        file = pq.ParquetFile(io.BytesIO(data))
        yield str(file.metadata.to_dict()).encode()
        yield str(file.read().to_pylist()).encode()
    if data.startswith(b"ARROW1"):
        yield str(pa.ipc.open_file(data).read_all().to_pylist()).encode()
    for hit in _BASE64.finditer(data):
        try:
            yield base64.b64decode(hit[0] + b"=" * (-len(hit[0]) % 4))
        except ValueError:
            continue


def _tables(path: Path) -> Iterator[str]:
    if path.read_bytes()[:15] != b"SQLite format 3":
        return
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        names = [row[0] for row in database.execute("select name from sqlite_master")]
        for name in names:
            try:
                yield str(database.execute(f'select * from "{name}"').fetchall())
            except sqlite3.Error:
                continue
