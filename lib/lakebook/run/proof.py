"""The proof of an erasure: every file under every root is searched anew, and none is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..contract.model import TableContract
from ..delta import living_stages, open_snapshot
from ..names import TierTables
from ..settings import Settings
from ..tiers.erasure.bounds import telling_entries
from ..tiers.erasure.hunt import Hunt, Searched
from ..tiers.erasure.search import Search, apart
from ..tiers.erasure.subject import Subject
from .copies import places_of
from .erasure_report import Report
from .remains import all_files, remains


def prove(
    settings: Settings,
    datasets: Sequence[TableContract],
    subject: Subject,
    hunt: Hunt,
    report: Report,
) -> None:
    """Search for the subject's rows and values, and put what is found into the report.

    Rows by the key in Parquet files, whatever the statistics say; bounds in the tables' logs; and
    the values in every file that can be decoded.
    """
    places = [place for each in datasets for place in places_of(settings, each.dataset)]
    ours = {folder.resolve() for _, one in places for folder in (one.hot, one.warm, one.cold)}
    roots = apart([settings.roots.hot, settings.roots.warm, settings.roots.cold])
    search = Search(subject)
    found = search.below(roots)
    others = []
    for path, rows in found.rows.items():
        if ours.isdisjoint(path.parents):
            others.append(path)
        else:
            report.found[path] = f"{rows} rows"
    for path, why in found.unread.items():
        if not ours.isdisjoint(path.parents):
            report.found[path] = f"it cannot be decoded ({why})"
    _prove_logs(places, search, report)
    told = Searched()
    hits = list(hunt.through(all_files(settings), told))
    report.searched_files, report.searched_bytes = told.files, told.size_bytes
    report.undecoded = {**told.unread, **told.undecoded}
    # Parquet of other datasets is counted by the caller; what is in a run's folder is for review.
    strays = [group for group in remains(settings, others) if group.kind != "table"]
    left = [path for group in strays for path in group.files]
    open_ones = [p for p in dict.fromkeys([*left, *hits]) if p.resolve() not in _known(report)]
    report.review = remains(settings, open_ones)


def _known(report: Report) -> set[Path]:
    return {path.resolve() for path in report.found}


def _prove_logs(places: Sequence[tuple[str, TierTables]], search: Search, report: Report) -> None:
    for env, tables in places:
        for table in (tables.hot, tables.warm):
            for entry in telling_entries(table, search):
                report.found[entry] = "bounds of a file that may have held such a row"
            busy = living_stages(table) if open_snapshot(table).version >= 0 else ()
            report.notes += [
                f"the run {run} is writing {tables.dataset} in {env}: run this again after its end"
                for run in dict.fromkeys(busy)
            ]
