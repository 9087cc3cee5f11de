"""`lakebook tier restore`, `promote` and `verify`: copies that come back and are what they were."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural, size_text
from . import shared, tier_shared
from .tier_files import Datasets, DryRun
from .tier_shared import DatasetArgument, Days, End, Start, Until

if TYPE_CHECKING:
    from datetime import datetime

    from ..names import TierTables
    from ..tiers.cold.restore_plan import RestorePlan
    from ..tiers.move import Moved


class Readable(StrEnum):
    """Tiers that are read directly."""

    warm = "warm"
    hot = "hot"


class Held(StrEnum):
    hot = "hot"
    warm = "warm"
    cold = "cold"


def restore(
    dataset: DatasetArgument,
    start: Start,
    end: End,
    to: Annotated[Readable, typer.Option(help="Where it goes.")] = Readable.warm,
    days: Days = None,
    until: Until = None,
    dry_run: DryRun = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Bring an interval back from cold for a time, after which it falls back by itself."""
    from ..delta import open_snapshot
    from ..names import tier_tables
    from ..tiers.actions import spans
    from ..tiers.cold.restore import restore as bring_back
    from ..tiers.cold.restore_plan import check_restorable, plan_restore
    from ..tiers.roots import claim_roots
    from .telling import telling
    from .tier_shown import left_words, moving

    settings = tier_shared.prod_settings(lake, writes=not dry_run)
    contract = tier_shared.contracts_of(settings, [dataset])[0]
    expires = tier_shared.expiry(settings, days, until)
    tables = tier_tables(settings.roots, contract.dataset)
    names = tier_shared.partitions_of(settings, contract, start, end)
    check_restorable(contract.dataset, open_snapshot(tables.hot), names)
    planned = plan_restore(settings, contract, names)
    raw = {
        "dataset": dataset,
        "to": to.value,
        "until": expires.isoformat(),
        "partitions": list(planned.sizes),
        "size_bytes": planned.size_bytes,
        "estimated_s": planned.seconds,
        "price": planned.price,
        "currency": planned.currency,
    }
    out = shared.console()
    if not as_json:
        out.print(_estimate(planned), markup=False)
    if dry_run:
        if as_json:
            shared.print_json({**raw, "dry_run": True})
        return
    claim_roots(settings)
    what = plural(len(planned.sizes), "partition")
    tell = telling(settings, "tier restore", job="restore")
    with moving(planned.size_bytes, what) as advance, tell as told:
        done = bring_back(
            tables,
            contract,
            names,
            to=to.value,
            expires=expires,
            run=told.run_id,
            on_progress=lambda partition, size: advance(size),
        )
        told.add(_operations("restore", tables, done, "cold", to.value, expires))
    if as_json:
        made = {"partitions": list(done.moved), "prolonged": list(done.prolonged)}
        shared.print_json({**raw, **made, "skipped": dict(done.skipped)})
        return
    stays = f"until {expires:%Y-%m-%d %H:%M} UTC"
    if done.moved:
        out.print(f"restored {spans(done.moved)} to {to.value}, {stays}", markup=False)
    if done.prolonged:
        out.print(f"{spans(done.prolonged)} stays {stays}", markup=False)
    for line in left_words(done.skipped):
        out.print(line, markup=False, soft_wrap=True)


def promote(
    dataset: DatasetArgument,
    start: Start,
    end: End,
    days: Days = None,
    until: Until = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Bring an interval from warm to hot for a time; then its policy moves it again."""
    from ..names import tier_tables
    from ..tiers.actions import spans
    from ..tiers.promote import promote as bring
    from ..tiers.warm import sweep_warm
    from .telling import telling
    from .tier_shown import left_words

    settings = tier_shared.prod_settings(lake, writes=True)
    contract = tier_shared.contracts_of(settings, [dataset])[0]
    expires = tier_shared.expiry(settings, days, until)
    tables = tier_tables(settings.roots, contract.dataset)
    names = tier_shared.partitions_of(settings, contract, start, end)
    with telling(settings, "tier promote", job="restore") as told:
        until_s = int(expires.timestamp())
        done = bring(tables, names, expires=until_s, run=told.run_id, contract=contract)
        told.add(_operations("promote", tables, done, "warm", "hot", expires))
        sweep_warm(tables, run=told.run_id)
    if as_json:
        raw = {"dataset": dataset, "to": "hot", "until": expires.isoformat()}
        made = {"partitions": list(done.moved), "size_bytes": done.size_bytes}
        shared.print_json({**raw, **made, "skipped": dict(done.skipped)})
        return
    out = shared.console()
    if done.moved:
        what = f"{plural(done.files, 'file')}, {size_text(done.size_bytes)}"
        stays = f"until {expires:%Y-%m-%d %H:%M} UTC"
        out.print(f"promoted {spans(done.moved)} to hot, {stays}: {what}", markup=False)
    for line in left_words(done.skipped):
        out.print(line, markup=False, soft_wrap=True)


def verify(
    datasets: Datasets = None,
    tier: Annotated[
        list[Held] | None, typer.Option("--tier", help="Look only there (may be repeated).")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode the rows of warm and cold too.")
    ] = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Read every file and archive and compare it with its checksum; name what is damaged."""
    from ..delta.place import Tier
    from ..tiers.verify import READABLE
    from ..tiers.verify import verify as compare
    from .tier_shown import following

    settings = tier_shared.prod_settings(lake)
    chosen: list[Tier] = [one for one in READABLE if not tier or one in tier]
    with following() as tell:
        found = compare(
            settings,
            tier_shared.contracts_of(settings, datasets),
            tiers=chosen,
            deep=deep,
            on_progress=lambda seen: tell(
                f"{seen.dataset} {seen.partition}", seen.done_bytes, seen.total_bytes
            ),
        )
    if as_json:
        shared.print_json(
            {
                "partitions": found.partitions,
                "size_bytes": found.size_bytes,
                "files_without_checksum": found.unnamed,
                "findings": [vars(one) for one in found.findings],
            }
        )
    else:
        for one in found.findings:
            shared.error_console().print(f"damaged {one.sentence}", markup=False, soft_wrap=True)
        if found.unnamed:
            files = plural(found.unnamed, "file")
            shared.console().print(
                f"{files} made before files had checksums: judged by their rows and their footers"
            )
        what = f"{plural(found.partitions, 'partition')}, {size_text(found.size_bytes)} verified"
        verdict = plural(len(found.findings), "finding") if found.findings else "all as it must be"
        shared.console().print(f"{what}: {verdict}")
    if not datasets:
        tier_shared.print_unpromised(tier_shared.unpromised(settings))
    code = 0 if datasets else tier_shared.print_unreadable(settings)
    if found.findings or code:
        raise typer.Exit(1 if found.findings else code)


def _operations(
    kind: str, tables: TierTables, moved: Moved, source: str, target: str, expires: datetime
) -> list[dict[str, Any]]:
    """What was brought back, for the archive and the catalog."""
    if not moved.moved:
        return []
    why = f"asked for, until {expires:%Y-%m-%d %H:%M} UTC"
    return [moved.operation(kind, tables, source, target, why).to_json()]


def _estimate(planned: RestorePlan) -> str:
    from ..cards.words import money
    from ..step.cold import time_text

    if not planned.sizes:
        return "nothing of it lies in cold"
    price = f"{money(planned.price)} {planned.currency}"
    what = f"{plural(len(planned.sizes), 'partition')} in cold, {size_text(planned.size_bytes)}"
    return f"{what}: {time_text(planned.seconds)}, {price}"
