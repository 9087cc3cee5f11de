"""Where a warm parent's socket lies, and how it is reached: a folder that only its user enters."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

_ADDRESS_LIMIT = 100  # bytes; an address holds 108 on Linux, 104 on macOS


class NoPlace(OSError):
    """No folder can be had that is this user's alone; the message says which were tried."""


def folder(root: Path, environ: Mapping[str, str]) -> Path:
    """In the checkout; where that is read-only, in the user's runtime folder or cache.

    Never in a folder that all users share: there, another one could take the name. Raises NoPlace.
    """
    home = environ.get("HOME") or str(Path.home())
    bases = [
        environ.get("XDG_RUNTIME_DIR", ""),
        environ.get("XDG_CACHE_HOME") or str(Path(home) / ".cache"),
    ]
    tried: list[str] = []
    for place in (
        root / ".lakebook" / "warm",
        *(Path(base) / "lakebook" for base in bases if base),
    ):
        try:
            return _private(place)
        except OSError as broken:
            tried.append(f"{place} ({broken.strerror or broken})")
    raise NoPlace(f"there is no folder for its socket: {', '.join(tried)}")


def _private(place: Path) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        # Somebody else's folder could hold a socket that reads our secrets.
        raise PermissionError(0, "is not a folder of this user")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(0, "cannot be written")
    if stat.S_IMODE(found.st_mode) != 0o700:
        place.chmod(0o700)
    return place


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """A socket's path as the system takes it, however deep it lies."""
    if len(os.fsencode(path)) <= _ADDRESS_LIMIT:
        yield str(path)
        return
    holder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{holder}/{path.name}"
    finally:
        os.close(holder)


def dial(path: Path) -> socket.socket:
    """A connection to who listens there. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address(path) as where:
            connection.connect(where)
    except OSError:
        connection.close()
        raise
    return connection
