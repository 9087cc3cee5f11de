"""The warm parent: one process that has imported everything, forks on request and never computes.

`warm` starts it with its specification. Here it begins; `parent_loop` is what it does from then
on, `child` what a child does. Clients are in `warm`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
import time

from . import caller, fresh
from .parent_loop import Parent, proves
from .place import address
from .preload import Unsafe, preload
from .spec import WarmSpec, code_fingerprint

_PR_SET_CHILD_SUBREAPER = 36


def _retire_predecessors(spec: WarmSpec) -> None:
    """Ask parents of this checkout with older code to end; nobody will look for them again."""
    for other in spec.socket.parent.glob("*.sock"):
        note = other.with_suffix(".json")
        try:
            raw = WarmSpec.from_json(note.read_text())
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if raw.key == spec.key or raw.root != spec.root or raw.python != spec.python:
            continue
        if raw.code != spec.code:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(1)
                with address(other) as where:
                    peer.connect(where)
                peer.sendall(b'{"kind": "retire"}\n')


def main(argv: list[str]) -> int:
    """Listen, let the starter go, import, serve."""
    spec = WarmSpec.from_json(argv[0])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.umask(0o077)
    with address(spec.socket) as where:
        listener.bind(where)
    listener.listen(128)
    listener.setblocking(False)
    spec.ready.unlink(missing_ok=True)  # of a parent that was killed
    if os.fork():
        os._exit(0)  # the starter waits for this one: it is no zombie's parent
    note = spec.socket.with_suffix(".json")
    note.write_text(spec.to_json())
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _retire_predecessors(spec)
    began, refusal, stale = time.monotonic(), "", False
    caller.lift_own_limits()
    fresh.note()
    try:
        missing = preload(spec.imports)
        print(f"imported in {time.monotonic() - began:.1f} s; missing: {missing}", flush=True)
        if code_fingerprint() != spec.code:
            refusal, stale = "code changed while the warm parent imported it", True
        elif not proves():
            refusal = "a forked child did not pass its self-test"
    except Unsafe as found:
        refusal = str(found)
    if refusal:
        print(f"refuses to fork: {refusal}", flush=True)
    else:
        spec.ready.touch()
    try:
        Parent(spec, listener, refusal, stale=stale).serve()
    finally:
        spec.ready.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
        spec.log.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
