"""Storage roots outside the lake: each belongs to one lake, or two lakes would mix their tables."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from ..delta.disk import put_if_absent
from ..errors import StorageError, UserError, storage_errors
from ..settings import Settings

MARKER = "lakebook-root.json"
"""In a root: the id of its lake. In the lake: its own."""


def claim_roots(settings: Settings) -> None:
    """Make the roots of warm and cold this lake's, before anything is put there.

    Raises UserError if one is another lake's.
    """
    roots = settings.roots
    outside = {t: r for t, r in (("warm", roots.warm), ("cold", roots.cold)) if r != roots.hot}
    if not outside:
        return
    own = _claim(roots.hot, uuid.uuid4().hex)
    for tier, root in outside.items():
        if _claim(root, own) != own:
            raise UserError(
                f"the root of {tier} belongs to another lake",
                where=str(root),
                fix=f"give {tier} a folder of its own in [profiles.{settings.profile}.roots] of "
                "lakebook.toml",
            )


def _claim(root: Path, lake: str) -> str:
    """The id of the lake that a root belongs to, which is this one's if it was nobody's."""
    path = root / MARKER
    with storage_errors("claiming a storage root", root):
        root.mkdir(parents=True, exist_ok=True)
        put_if_absent(path, json.dumps({"lake": lake}).encode())
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["lake"])
    except (ValueError, KeyError, TypeError) as broken:
        raise StorageError(
            f"not a mark of a storage root: {broken}",
            where=str(path),
            fix="put back the file that says whose root it is",
        ) from None
