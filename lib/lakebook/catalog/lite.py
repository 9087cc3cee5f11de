"""The outbox as a local catalog without a server: DataHub Lite, a SQLite file beside the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..settings import Settings
from .cursor import Cursor, waiting
from .hub import quiet_datahub
from .outbox import locked, outbox_folder

DATABASE = "catalog.db"


def lite_folder(settings: Settings) -> Path:
    return outbox_folder(settings) / "lite"


def load(settings: Settings) -> int:
    """Load what the local catalog lacks; return how many proposals that was.

    A file is loaded again if a kill came before the cursor moved, which changes nothing.
    """
    folder = lite_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with locked(folder / "load.lock"):
        if not (folder / DATABASE).is_file():
            Cursor().write(folder)  # somebody removed the database: load everything again
        files = waiting(outbox_folder(settings), Cursor.read(folder))
        if not files:
            return 0
        with _catalog(settings, read_only=False) as catalog:
            from datahub.emitter.mcp import MetadataChangeProposalWrapper

            for file in files:
                for one in file.read():
                    catalog.write(MetadataChangeProposalWrapper.from_obj_require_wrapper(one))
                    count += 1
                Cursor(file.number).write(folder)
            catalog.reindex()
    return count


def search(settings: Settings, words: str) -> list[dict[str, Any]]:
    """Entities whose URN or name has these words."""
    with _catalog(settings) as catalog:
        from datahub.lite.lite_local import SearchFlavor

        found = catalog.search(query=words, flavor=SearchFlavor.FREE_TEXT)
        return [{"urn": one.id, "aspect": one.aspect} for one in found]


def get(settings: Settings, urn: str, aspects: list[str] | None = None) -> dict[str, Any]:
    """All aspects of an entity, or some of them. Raises UserError for an unknown one."""
    with _catalog(settings) as catalog:
        found: dict[str, Any] | None = catalog.get(urn, aspects or None)
    if found is None:
        raise UserError(
            f"the local catalog has no {urn}", fix="lakebook datahub lite search finds URNs"
        )
    return found


def ls(settings: Settings, path: str = "/") -> list[str]:
    """What is below a path of the catalog's tree. Raises UserError for an unknown path."""
    with _catalog(settings) as catalog:
        from datahub.lite.lite_local import PathNotFoundException

        try:
            found = catalog.ls(path)
        except PathNotFoundException:
            found = None
        guesses = [one.auto_complete for one in found or () if one.auto_complete]
        if found is None or guesses:
            near = f" (did you mean {guesses[0].suggested_path!r}?)" if guesses else ""
            raise UserError(f"the local catalog has no path {path!r}{near}")
        return sorted(one.name for one in found)


@contextmanager
def _catalog(settings: Settings, *, read_only: bool = True) -> Iterator[Any]:
    path = lite_folder(settings) / DATABASE
    if read_only and not path.is_file():
        raise UserError("there is no local catalog yet", fix="make it: lakebook datahub lite")
    quiet_datahub()
    from datahub.lite.lite_util import get_datahub_lite

    # It commits after each edge; the file can be made again, so it need not be on disk each time.
    config = {"file": str(path), "read_only": read_only, "options": {"synchronous": "OFF"}}
    catalog = get_datahub_lite({"type": "sqlite", "config": config}, read_only=read_only)
    try:
        yield catalog
    finally:
        catalog._close_connection()  # type: ignore[attr-defined]
