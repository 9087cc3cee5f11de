"""Cuts long work into commits: a crash costs at most what one batch has done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

BATCH_BYTES = 2 << 30
BATCH_COUNT = 100


def in_batches(sizes: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """Partitions, given with their bytes, in their order; one that is too large is alone."""
    batch: list[str] = []
    total = 0
    for partition, size in sizes.items():
        if batch and (total + size > BATCH_BYTES or len(batch) >= BATCH_COUNT):
            yield tuple(batch)
            batch, total = [], 0
        batch.append(partition)
        total += size
    if batch:
        yield tuple(batch)
