"""Sorts Arrow batches outside of memory: DuckDB sorts and spills, exact values come back."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

SORT_MEMORY_MB = 512


def sorted_batches(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    by: Sequence[str],
    *,
    spill: Path,
    memory_mb: int = SORT_MEMORY_MB,
    batch_rows: int = 1 << 16,
) -> Generator[pa.RecordBatch]:
    """The same rows, ascending by some columns: NaN last but for null, equal rows as they came.

    Parameters
    ----------
    spill: folder for what does not fit into memory; removed at the end, left by a crash.
    memory_mb: what the sort may hold; a batch or two of this size class come on top.

    Raises RunError if the memory is too little, and whatever `batches` raises.
    """
    import duckdb
    import pyarrow as pa

    source = _Source(batches, schema, by)
    config: dict[str, Any] = {
        "temp_directory": str(spill),
        "memory_limit": f"{memory_mb}MiB",
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_progress_bar = false")
            connection.register("source", source.stream())
            reader = connection.execute(source.query()).to_arrow_reader(batch_rows)
            for batch in reader:
                columns = [
                    column.cast(field.type)
                    for column, field in zip(batch.columns, schema, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
    except duckdb.OutOfMemoryException as short:
        raise RunError(
            f"sorting by {', '.join(by)} needs more than {memory_mb} MB",
            where=str(spill.parent),
            fix="give it more memory, or free space for what it spills",
        ) from short
    except duckdb.Error:
        if source.failure is not None:
            raise source.failure from None
        raise


class _Source:
    """The batches as DuckDB is to see them: columns by position, as it folds the case of names.

    Its sort gives back a key in a normal form (0.0 for -0.0, one NaN), so that a float is sorted
    by a copy. The number of the row, as the last key, keeps the order of equal rows.
    """

    def __init__(
        self, batches: Iterable[pa.RecordBatch], schema: pa.Schema, by: Sequence[str]
    ) -> None:
        import pyarrow as pa

        self.failure: BaseException | None = None
        self._batches = batches
        self._width = len(schema)
        self._keys = [schema.get_field_index(name) for name in by]
        self._copied = [i for i in self._keys if pa.types.is_floating(schema.field(i).type)]
        fields = [pa.field(f"c{i}", field.type) for i, field in enumerate(schema)]
        fields += [pa.field(f"k{i}", schema.field(i).type) for i in self._copied]
        self._schema = pa.schema([*fields, pa.field("row", pa.int64())])

    def stream(self) -> Any:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self._schema, self._numbered())
        # The capsule itself: of a reader DuckDB would have PyArrow read up to a gigabyte ahead.
        return reader.__arrow_c_stream__()

    def query(self) -> str:
        columns = ", ".join(f"c{i}" for i in range(self._width))
        keys = [f"{'k' if i in self._copied else 'c'}{i} asc nulls last" for i in self._keys]
        return f"select {columns} from source order by {', '.join([*keys, 'row'])}"

    def _numbered(self) -> Iterator[pa.RecordBatch]:
        import numpy as np
        import pyarrow as pa

        at = 0
        try:
            for batch in self._batches:
                row = pa.array(np.arange(at, at + batch.num_rows, dtype=np.int64))
                copies = [batch.column(i) for i in self._copied]
                yield pa.RecordBatch.from_arrays(
                    [*batch.columns, *copies, row], schema=self._schema
                )
                at += batch.num_rows
        except GeneratorExit:
            raise
        except BaseException as raised:
            self.failure = raised  # DuckDB would make a text of it
            raise
