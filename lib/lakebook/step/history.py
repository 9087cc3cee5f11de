"""What the checks of a step found in its earlier runs, as the archive of this environment has it.

Only the newest runs are read, so the cost does not grow with the archive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..archive.record import RECORD, names_in, read_record
from ..cards.views import Figure, figure_of
from ..errors import StorageError
from ..names import Dataset

RUNS = 29  # with the present one 30, as many as a page of the site shows
DAYS = 120  # days of the archive that are listed, for a step that seldom runs

Found = Mapping[tuple[str, str], list[Figure]]


def past_checks(runs: Path, step: Dataset, *, limit: int = RUNS) -> Found:
    """(dataset, check) -> figures of earlier runs, oldest first; empty where there is no archive.

    `runs`: the folder of the archive. A record that cannot be read is left out.
    """
    found: defaultdict[tuple[str, str], list[Figure]] = defaultdict(list)
    read = 0
    for folder in _newest(runs, step):
        try:
            record = read_record(folder)
        except StorageError:
            continue
        if record.step != str(step):
            continue
        for check in record.checks:
            key = (str(check.get("dataset")), str(check.get("name")))
            found[key].insert(0, figure_of(check))
        read += 1
        if read == limit:
            break
    return found


def _newest(runs: Path, step: Dataset) -> Iterator[Path]:
    """Folders of the step's runs: a run's name is its time, its step and some dice."""
    days = sorted((name for name in names_in(runs) if name[:1].isdigit()), reverse=True)
    for day in days[:DAYS]:
        for name in sorted(names_in(runs / day), reverse=True):
            mine = f"-{step}-" in name and not name.startswith(".")
            if mine and (runs / day / name / RECORD).is_file():
                yield runs / day / name
