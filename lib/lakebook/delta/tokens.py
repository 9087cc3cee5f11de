"""Names and values of the tokens: the application transactions that a table's log keeps for good.

`fence/<p>` counts the commits that touched a partition's files, `data/<p>` is the digest of its
rows, `fp/<p>` says what made it, `offset/<source>` how far a source was read, `aside/<batch>` how
many rows of an appended batch were set aside. `placement/<p>` is the tier where a partition lies,
with a generation that counts its changes of place; `archive/<p>` the archive that holds exactly
its rows, `expires/<p>` until when a copy restored from there stays.
"""

from __future__ import annotations

_BITS = 1 << 64
_HALF = 1 << 63


def fence(partition: str) -> str:
    return f"fence/{partition}"


def data(partition: str) -> str:
    return f"data/{partition}"


def fp(partition: str) -> str:
    return f"fp/{partition}"


def placement(partition: str) -> str:
    return f"placement/{partition}"


def archive(partition: str) -> str:
    return f"archive/{partition}"


def expires(partition: str) -> str:
    return f"expires/{partition}"


def offset(source: str) -> str:
    return f"offset/{source}"


def aside(batch: int) -> str:
    return f"aside/{batch % _BITS:016x}"


def signed(value: int) -> int:
    """Fold any integer modulo 2^64 into the signed 64-bit range that a token can hold."""
    value %= _BITS
    return value - _BITS if value >= _HALF else value
