"""Cuts long work into commits: a crash costs at most what one batch has done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

BATCH_BYTES = 2 << 30
BATCH_COUNT = 100


def in_batches(
    sizes: Mapping[str, int], *, most_bytes: int | None = None, most: int | None = None
) -> Iterator[tuple[str, ...]]:
    """Partitions, given with their bytes, in their order; one that is too large is alone.

    `most_bytes` and `most` partitions in a batch; default: `BATCH_BYTES` and `BATCH_COUNT`.
    """
    most_bytes, most = most_bytes or BATCH_BYTES, most or BATCH_COUNT
    batch: list[str] = []
    total = 0
    for partition, size in sizes.items():
        if batch and (total + size > most_bytes or len(batch) >= most):
            yield tuple(batch)
            batch, total = [], 0
        batch.append(partition)
        total += size
    if batch:
        yield tuple(batch)
