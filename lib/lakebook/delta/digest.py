"""A digest of rows that does not depend on who wrote them, in which order, or in how many files.

cell = mix(value XOR key of the column's name); row = mix(sum of its cells); digest = sum of rows
modulo 2^64. Sums, never XOR: a row that stands twice must count twice. Null adds nothing, so a new
nullable column changes nothing. The definition is frozen by vectors in tests/delta/test_digest.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MASK = (1 << 64) - 1
_BLOCK = 1 << 15  # rows: a block of 64-bit words stays in the second-level cache
_M1 = np.uint64(0xBF58476D1CE4E5B9)  # multipliers of splitmix64 (Steele, Lea, Flood 2014)
_M2 = np.uint64(0x94D049BB133111EB)
_S32, _S29, _S31 = np.uint64(32), np.uint64(29), np.uint64(31)
_ROW = np.uint64(0x9E3779B97F4A7C15)  # a row of nulls is not nothing: rows are counted too
_NAN = np.uint64(0x7FF8000000000000)

Words = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True)
class Digest:
    """Digest of some rows, and the float columns in which a NaN was seen."""

    value: int
    nan_columns: frozenset[str] = frozenset()

    def __add__(self, other: Digest) -> Digest:
        value = (self.value + other.value) & MASK
        return Digest(value, self.nan_columns | other.nan_columns)


def digest_table(table: pa.Table) -> int:
    """Digest of rows in memory, as an unsigned 64-bit integer."""
    return digest_rows(table).value


def digest_file(path: str | Path) -> int:
    """Digest of a Parquet file; memory is bounded by its largest row group."""
    total = Digest(0)
    for part in digest_groups(path):
        total = total + part
    return total.value


def digest_groups(
    path: str | Path, groups: Iterable[int] | None = None, *, but: Collection[str] = ()
) -> Iterator[Digest]:
    """Digest of each row group of a file, or of some of them; `but`: without these columns."""
    schema = pq.read_schema(path)
    texts = [f.name for f in schema if _is_text(f.type)]
    columns = [name for name in schema.names if name not in but] if but else None
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for group in range(file.num_row_groups) if groups is None else groups:
            yield digest_rows(file.read_row_group(group, columns, use_threads=False))


def digest_rows(table: pa.Table) -> Digest:
    if table.num_rows == 0:
        return Digest(0)
    rows = np.full(table.num_rows, _ROW, dtype=np.uint64)
    nan = set()
    for name, column in zip(table.column_names, table.columns, strict=True):
        at = 0
        for chunk in column.chunks:
            if len(chunk) and _add_cells(rows[at : at + len(chunk)], chunk, _key(name)):
                nan.add(name)
            at += len(chunk)
    total = 0
    scratch = np.empty(_BLOCK, dtype=np.uint64)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        _mix(block, scratch[: len(block)])
        total += int(block.sum(dtype=np.uint64))
    return Digest(total & MASK, frozenset(nan))


def _key(name: str) -> np.uint64:
    return np.uint64(hash_bytes(name.encode()))


def hash_bytes(value: bytes) -> int:
    import xxhash

    return int(xxhash.xxh3_64_intdigest(value))


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
    )


def _mix(words: Words, scratch: Words) -> None:
    """Finalizer of splitmix64, in place."""
    for shift, factor in ((_S32, _M1), (_S29, _M2)):
        np.right_shift(words, shift, out=scratch)
        np.bitwise_xor(words, scratch, out=words)
        np.multiply(words, factor, out=words)
    np.right_shift(words, _S31, out=scratch)
    np.bitwise_xor(words, scratch, out=words)


def _add_cells(rows: Words, array: pa.Array, key: np.uint64) -> bool:
    """Add a column's cells to its rows; True if a NaN was among them."""
    kind = array.type
    if pa.types.is_null(kind):
        return False
    if _is_text(kind):
        array = array.dictionary_encode()
        kind = array.type
    if pa.types.is_dictionary(kind):
        _add_texts(rows, array, key)
        return False
    valid = _valid(array) if array.null_count else None
    values, nan = _words(array)
    cell, scratch = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        c, s = cell[: len(block)], scratch[: len(block)]
        np.bitwise_xor(values[start : start + _BLOCK], key, out=c)
        _mix(c, s)
        if valid is not None:
            np.multiply(c, valid[start : start + _BLOCK], out=c)
        np.add(block, c, out=block)
    return nan


def _add_texts(rows: Words, array: pa.DictionaryArray, key: np.uint64) -> None:
    from xxhash import xxh3_64_intdigest

    words = array.dictionary.cast(pa.large_binary())  # text hashes as its UTF-8 bytes
    hashes = map(xxh3_64_intdigest, words.to_pylist())
    cells = np.fromiter(hashes, dtype=np.uint64, count=len(words))
    cells ^= key
    _mix(cells, np.empty_like(cells))
    cells = np.append(cells, np.uint64(0))  # the last one is what null adds
    indices = array.indices
    sign = "u" if pa.types.is_unsigned_integer(indices.type) else "i"
    where = _buffer(indices, f"{sign}{indices.type.bit_width // 8}").astype(np.intp)
    if indices.null_count:
        where[~_valid(indices)] = len(words)
    rows += cells[where]


def _words(array: pa.Array) -> tuple[Words, bool]:
    """Each value as a 64-bit word; what stands under a null is arbitrary. And: is a NaN there?"""
    kind, types = array.type, pa.types
    if types.is_timestamp(kind) and kind.unit != "us":
        array = array.cast(pa.timestamp("us", kind.tz))
    elif types.is_date64(kind):
        array = array.cast(pa.date32())
    elif types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif types.is_decimal(kind):
        return _decimal_words(array), False
    kind = array.type
    if types.is_floating(kind):
        values = _buffer(array, f"f{kind.bit_width // 8}").astype(np.float64)
        values += 0.0  # -0.0 becomes 0.0
        missing = np.isnan(values)
        words = values.view(np.uint64)
        if not missing.any():
            return words, False
        words[missing] = _NAN
        seen = missing[_valid(array)] if array.null_count else missing
        return words, bool(seen.any())
    if types.is_timestamp(kind) or types.is_date32(kind) or types.is_integer(kind):
        sign = "u" if types.is_unsigned_integer(kind) else "i"
        values = _buffer(array, f"{sign}{kind.bit_width // 8}")
        if kind.bit_width < 64:
            values = values.astype(np.int64)
        return values.view(np.uint64), False
    raise TypeError(f"no digest for the type {kind}")


def _decimal_words(array: pa.Array) -> Words:
    """Both halves of the unscaled value in one word."""
    if array.type.bit_width != 128:
        array = array.cast(pa.decimal128(array.type.precision, array.type.scale))
    both = np.frombuffer(array.buffers()[1], dtype=np.uint64).reshape(-1, 2)
    both = both[array.offset : array.offset + len(array)]
    high = both[:, 1] ^ _ROW
    _mix(high, np.empty_like(high))
    return high ^ both[:, 0]


def _buffer(array: pa.Array, kind: str) -> np.ndarray[Any, Any]:
    data = array.buffers()[1]
    if data is None:  # no value at all
        return np.zeros(len(array), dtype=kind)
    values = np.frombuffer(data, dtype=kind)
    return values[array.offset : array.offset + len(array)]


def _valid(array: pa.Array) -> np.ndarray[Any, Any]:
    # Bit by bit from the buffer, as Arrow's own to_numpy imports pandas.
    bits = np.frombuffer(array.buffers()[0], dtype=np.uint8)
    flags = np.unpackbits(bits, bitorder="little")[array.offset : array.offset + len(array)]
    return flags.view(np.bool_)
