"""What was made of the archive and still has a subject's values: the catalog's outbox, the reports.

The outbox loses what it says of values and keeps the rest; what a receiver had got before is
delivered to it again. Reports are evidence of what ran: they go only when that is asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..catalog.cursor import Cursor
from ..catalog.lite import DATABASE, lite_folder
from ..catalog.outbox import OutboxFile, list_files, locked, outbox_folder, write_durably
from ..errors import storage_errors
from ..names import environments_of
from ..processes import is_alive
from ..settings import Settings
from ..site.build import build_site
from ..site.retention import apply_prune, plan_removal
from ..site.scan import PRUNED
from ..tiers.erasure.hunt import Hunt
from ..tiers.erasure.search import files_below

_BOUNDS = ("min", "max", "mean", "median", "stdev", "quantiles", "sampleValues", "histogram")
_VALUES = (*_BOUNDS, "distinctValueFrequencies")
_PARTIAL = re.compile(r"\..+\.(\d+)\.partial")
ERASED = "it held values of a subject that was erased"


@dataclass(frozen=True)
class Cleaned:
    """files: of outboxes, that were changed. again: receivers that are sent the change."""

    files: int = 0
    again: int = 0


def environments(settings: Settings) -> list[Settings]:
    return [replace(settings, env=env) for env in environments_of(settings.lake)]


def clean_outboxes(settings: Settings, hunt: Hunt) -> Cleaned:
    """Take the values out of every environment's outbox, and let the local catalog start anew."""
    files = again = 0
    for one in environments(settings):
        folder = outbox_folder(one)
        if not folder.is_dir():
            continue
        with storage_errors("taking values out of the outbox", folder):
            with locked(folder / "emit.lock"):
                found = list(hunt.through(_texts(folder)))
                # Before and after: a push may be under way, and a kill may come in between.
                _deliver_again(folder, found)
                changed = _clean_files(folder, found, hunt)
            lite = lite_folder(one)
            if changed or list(hunt.through(files_below(lite))):
                _drop_lite(lite)
            again += _deliver_again(folder, changed)
        files += len(changed)
    return Cleaned(files, again)


def _texts(folder: Path) -> list[Path]:
    """Files of proposals, the state, what receivers refused."""
    return [path for path in files_below(folder) if path.suffix == ".json"]


def _clean_files(folder: Path, found: Iterable[Path], hunt: Hunt) -> list[Path]:
    """Those of some files that were changed."""
    told = {file.path: file for file in list_files(folder)}
    changed = []
    for path in found:
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue  # no file of ours: it is named with what is left
        text = _redacted(raw, hunt)
        if file := told.get(path):
            _replace(file, text)
        else:
            write_durably(path, text)
        changed.append(path)
    return changed


def _redacted(raw: Any, hunt: Hunt) -> str:
    """The same without the bounds of profiles, and without what still tells a value."""
    for one in raw if isinstance(raw, list) else [raw]:
        proposal = one.get("proposal", one) if isinstance(one, dict) else {}
        if isinstance(proposal, dict) and proposal.get("aspectName") == "datasetProfile":
            for field in proposal["aspect"]["json"].get("fieldProfiles") or ():
                for name in _VALUES:
                    field.pop(name, None)
    if isinstance(raw, list):
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in raw)
        text = f"[\n{lines}\n]\n"
    else:
        text = json.dumps(raw, indent=1, ensure_ascii=False)
    if not hunt.is_in(text.encode("utf-8", "surrogatepass")):
        return text
    return json.dumps(_without(raw, hunt), indent=1, ensure_ascii=False)


def _without(raw: Any, hunt: Hunt) -> Any:
    if isinstance(raw, dict):
        return {key: _without(value, hunt) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_without(value, hunt) for value in raw]
    return hunt.without(raw) if isinstance(raw, str) else raw


def _replace(file: OutboxFile, text: str) -> None:
    """Under the same number; the old one goes when the new one is on the disk."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    new = replace(file, digest=digest)
    write_durably(new.path, text)
    if new.path != file.path:
        file.path.unlink(missing_ok=True)


def _drop_lite(folder: Path) -> None:
    if not folder.is_dir():
        return
    with locked(folder / "load.lock"):
        for path in folder.glob(f"{DATABASE}*"):
            path.unlink(missing_ok=True)


def _deliver_again(folder: Path, changed: Iterable[Path]) -> int:
    """Set the receivers back to before the first file that changed; a second delivery is as one."""
    numbers = [
        int(path.name.partition("-")[0])
        for path in changed
        if path.parent == folder and path.name[:8].isdigit()
    ]
    again = 0
    for receiver in sorted((folder / "delivered").glob("*")):
        with locked(receiver / "push.lock"):
            if numbers and Cursor.read(receiver).number >= min(numbers):
                Cursor(min(numbers) - 1).write(receiver)
                again += 1
    return again


def remove_reports(settings: Settings, hunt: Hunt) -> dict[str, list[str]]:
    """Let go of the runs whose folders hold a value; environment -> ids of the runs.

    Their folders become notes, and the site and the Data Docs lose what was made of them.
    """
    removed: dict[str, list[str]] = {}
    for one in environments(settings):
        docs = one.lake / one.env / "docs"
        folders = (one.runs, one.site, docs)
        found = list(hunt.through(path for folder in folders for path in files_below(folder)))
        runs = {name for path in found if (name := run_of(one, path))}
        if runs:
            removed[one.env] = sorted(runs)
        # Also without any: what a killed removal has left goes with it.
        apply_prune(one, plan_removal(one, runs, ERASED))
        _drop_partial(one, found)
        for folder in {docs / p.relative_to(docs).parts[0] for p in found if docs in p.parents}:
            shutil.rmtree(folder, ignore_errors=True)
        if runs or any(one.site in path.parents for path in found):
            bring_up(one)
    return removed


def _drop_partial(settings: Settings, found: Iterable[Path]) -> None:
    """Folders of runs whose archiving was killed."""
    for folder in {path.parent for path in found}:
        match = _PARTIAL.fullmatch(folder.name)
        if match and folder.parent.parent == settings.runs and not is_alive(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)


def bring_up(settings: Settings) -> None:
    """Build the site where there is one."""
    if (settings.site / ".build").is_dir():
        build_site(settings)


def run_of(settings: Settings, path: Path) -> str:
    """The run that a file of an environment's archive is of; empty: it is of none."""
    if not path.is_relative_to(settings.runs):
        return ""
    parts = path.relative_to(settings.runs).parts
    if len(parts) < 2 or parts[0].startswith(".") or parts[1].startswith("."):
        return ""
    return parts[1].removesuffix(PRUNED)
