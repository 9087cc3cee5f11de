"""Whose environment it is, when nobody says."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping

from ..names import PROD


def own_env(environ: Mapping[str, str] | None = None) -> str:
    """The environment of whoever works here: `LAKEBOOK_ENV`, else the person's."""
    environ = os.environ if environ is None else environ
    return environ.get("LAKEBOOK_ENV") or person()


def person() -> str:
    """The user's name as the name of an environment, which is never prod's."""
    try:
        user = getpass.getuser().lower()
    except (KeyError, OSError):  # a user id that the system has no name for
        user = f"uid-{os.getuid()}"
    name = re.sub(r"[^a-z0-9_-]", "-", user).strip("-_")[:40]
    return name if name and name != PROD else "me"
