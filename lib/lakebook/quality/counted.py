"""The account of a split: the rows that the audit counted are the rows that were set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..contract.model import TableContract
from .flagging import FAILED_RULES

if TYPE_CHECKING:
    import narwhals as nw

    from .cut import Cut

Counts = Mapping[str, Mapping[str, int]]
"""Rows that break a rule, by rule and partition (see `AuditResult.counted`)."""


def check_counted(
    flagged: nw.LazyFrame,
    contract: TableContract,
    counted: Counts,
    partitions: Sequence[str],
    carried: nw.LazyFrame | None = None,
) -> None:
    """Raise AssertionError if other rows break a rule than the audit counted.

    `flagged` are rows with `_failed_rules`, in `partitions`, before they are committed; `carried`
    those among them that an earlier run set aside.
    """
    from .cut import cut_of

    cut = cut_of(flagged, contract, partitions)
    texts = _texts(flagged, cut)
    if carried is not None:
        texts.subtract(_texts(carried, cut))
    found: Counter[tuple[str, str]] = Counter()
    for (text, partition), rows in texts.items():
        for rule in _rules(text, tuple(counted)) if rows else ():
            found[rule, partition] += rows
    wanted = _wanted(counted, by_partition=cut is not None)
    if found != wanted:
        differ = sorted(key for key in {*found, *wanted} if found[key] != wanted[key])
        shown = "; ".join(
            f"{rule}{' in ' if partition else ''}{partition}: {wanted[rule, partition]} "
            f"counted, {found[rule, partition]} set aside"
            for rule, partition in differ[:3]
        )
        raise AssertionError(
            f"{contract.dataset}: audit and split do not agree on the rows that break a rule "
            f"({shown}); nothing was published"
        )


def _texts(rows: nw.LazyFrame, cut: Cut | None) -> Counter[tuple[str, str]]:
    """How many rows have which `_failed_rules`, by partition."""
    import narwhals as nw

    from .cut import PART
    from .measures import collect

    by = (FAILED_RULES, PART) if cut else (FAILED_RULES,)
    counts = (cut.of(rows) if cut else rows).group_by(*by).agg(nw.len().alias("rows"))
    names = {number: name for name, number in cut.numbers.items()} if cut else {}
    return Counter(
        {
            (row[FAILED_RULES], names.get(row.get(PART), "")): row["rows"]
            for row in collect(counts).to_arrow().to_pylist()
        }
    )


def _wanted(counted: Counts, *, by_partition: bool) -> Counter[tuple[str, str]]:
    wanted: Counter[tuple[str, str]] = Counter()
    for rule, of in counted.items():
        for name, rows in of.items():
            wanted[rule, name if by_partition else ""] += rows
    return wanted


def _rules(text: str, names: Sequence[str]) -> list[str]:
    """The rules of a row, which stand in their order; a name may have commas of its own."""
    found = _read(text, names)
    if found is None:
        raise AssertionError(f"{text!r} is not made of the names {names}")
    return found


def _read(text: str, names: Sequence[str]) -> list[str] | None:
    for place, name in enumerate(names):
        if text == name:
            return [name]
        if text.startswith(f"{name},"):
            rest = _read(text[len(name) + 1 :], names[place + 1 :])
            if rest is not None:
                return [name, *rest]
    return None
