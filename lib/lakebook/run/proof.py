"""The proof of an erasure: every file under every root is searched anew, and none is left out."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract.model import TableContract
from ..delta import living_stages, open_snapshot
from ..settings import Settings
from ..tiers.erasure.bounds import telling_entries
from ..tiers.erasure.search import Search, apart
from ..tiers.erasure.subject import Subject
from .copies import places_of
from .erasure_report import Report
from .remains import TextSearch, remains, text_files


def prove(
    settings: Settings, datasets: Sequence[TableContract], subject: Subject, report: Report
) -> None:
    """Search for the subject's rows and values, and put what is found into the report."""
    places = [place for each in datasets for place in places_of(settings, each.dataset)]
    ours = {table for _, tables in places for table in (tables.hot, tables.warm, tables.cold)}
    roots = apart([settings.roots.hot, settings.roots.warm, settings.roots.cold])
    search = Search(subject)
    found = search.below(roots)
    report.searched_files, report.searched_bytes = found.files, found.size_bytes
    others = []
    for path, rows in found.rows.items():
        if ours.isdisjoint(path.parents):
            others.append(path)
        else:
            report.found[path] = f"{rows} rows"
    for path, why in found.unread.items():
        if not ours.isdisjoint(path.parents):
            report.found[path] = f"it cannot be decoded ({why})"
    for env, tables in places:
        for table in (tables.hot, tables.warm):
            for entry in telling_entries(table, search):
                report.found[entry] = "bounds of a file that may have held such a row"
            busy = living_stages(table) if open_snapshot(table).version >= 0 else ()
            report.notes += [
                f"the run {run} is writing {tables.dataset} in {env}: run this again after its end"
                for run in dict.fromkeys(busy)
            ]
    texts = TextSearch(subject)
    report.unsearched = texts.left_out
    # Parquet of other datasets is counted by the caller; what is in a run's folder is for review.
    strays = [group for group in remains(settings, others) if group.kind != "table"]
    left = [path for group in strays for path in group.files]
    report.review = remains(settings, [*left, *texts.through(text_files(settings))])
