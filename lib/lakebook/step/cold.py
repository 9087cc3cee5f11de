"""What a reader says of partitions that no reader can open: in cold, or deleted by retention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..cards.words import duration, plural, size_text
from ..contract.model import TableContract
from ..delta import Snapshot
from ..errors import ColdError, UserError
from ..intervals import Interval, merge_partitions
from ..names import Dataset, tier_tables
from ..settings import Settings

if TYPE_CHECKING:
    from ..tiers.cold.manifest import Manifest

_SHOWN = 3
"""So many stretches of days are named; of more, the whole span."""

Needs = Sequence[tuple[TableContract, tuple[str, ...]]]


def cold_error(settings: Settings, needs: Needs) -> ColdError:
    """Why partitions of some datasets cannot be read, what a restore takes, and its command."""
    from ..tiers.cold.restore_plan import plan_restore

    found, commands, seconds = [], [], 0.0
    for contract, names in needs:
        plan = plan_restore(settings, contract, names)
        seconds += plan.seconds
        found.append(
            f"{contract.dataset} lies in cold for {spans_text(names)} "
            f"({plural(len(names), 'partition')}, {size_text(plan.size_bytes)})"
        )
        commands += restore_commands(contract.dataset, names)
    return ColdError(
        " and ".join(found),
        fix=f"restore it, which takes {time_text(seconds)}: {' && '.join(commands)}, "
        "or run or query with --restore",
        needs={str(contract.dataset): names for contract, names in needs},
    )


def pinned_cold_error(
    settings: Settings, contract: TableContract, pinned: Snapshot, names: tuple[str, ...]
) -> ColdError:
    """As `cold_error`, of the version of prod that an environment has pinned.

    A pin holds what the log said of its version: what is restored since is not in it.
    """
    from ..tiers.cold.restore_plan import plan_restore

    plan = plan_restore(settings, contract, names)
    still = tuple(plan.sizes)
    refresh = f"lakebook env refresh {settings.env} {contract.dataset}"
    found = (
        f"{contract.dataset} lies in cold for {spans_text(names)} at version {pinned.version} of "
        f"prod, which the environment {settings.env!r} reads"
    )
    if not still:
        return ColdError(found, fix=f"it was restored since: move the pin with {refresh}")
    commands = " && ".join([*restore_commands(contract.dataset, still), refresh])
    size, time = size_text(plan.size_bytes), time_text(plan.seconds)
    return ColdError(
        f"{found} ({plural(len(names), 'partition')}, {size})",
        fix=f"restore it, which takes {time}, and move the pin: {commands}",
        needs={str(contract.dataset): still},
    )


def deleted_error(dataset: Dataset, names: Sequence[str]) -> UserError:
    """Why partitions that were asked for by name have no rows."""
    spans = merge_partitions(names)
    span = Interval(spans[0].start, spans[-1].end)
    return UserError(
        f"retention deleted {spans_text(names)} of {dataset}",
        fix="ask for other days, or make these anew if their sources are still there: "
        f"lakebook run {dataset} --start {span.start} --end {span.end} --force",
    )


def archived(
    settings: Settings, dataset: Dataset, snapshot: Snapshot, names: Iterable[str]
) -> Mapping[str, Manifest]:
    """Manifests of partitions that lie in cold at a version. StorageError for a damaged one."""
    from ..tiers.cold.named import named_manifest

    cold = tier_tables(settings.roots, dataset).cold
    found = {}
    for name in names:
        manifest = named_manifest(cold, snapshot, name)
        assert manifest is not None, name  # set with the place
        found[name] = manifest
    return found


def restore_commands(dataset: Dataset, names: Iterable[str]) -> list[str]:
    """The commands that bring partitions back."""
    return [
        f"lakebook tier restore {dataset} --start {span.start} --end {span.end}"
        for span in _spans(names)
    ]


def spans_text(names: Iterable[str]) -> str:
    """`2013-01-01 to 2013-02-28 and 2013-06-01`, the last days included."""
    texts = []
    for span in _spans(names):
        last = span.end.fromordinal(span.end.toordinal() - 1)
        texts.append(str(span.start) if span.start == last else f"{span.start} to {last}")
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def time_text(seconds: float) -> str:
    return "less than a second" if seconds < 1 else f"about {duration(seconds)}"


def _spans(names: Iterable[str]) -> tuple[Interval, ...]:
    spans = merge_partitions(names)
    return spans if len(spans) <= _SHOWN else (Interval(spans[0].start, spans[-1].end),)
