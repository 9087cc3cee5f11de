"""What a process started by a caller inherits: umask, niceness, processors, limits.

A child of the warm parent takes them from its request, for the parent may have others.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_UMASK = re.compile(r"^Umask:\s*([0-7]+)", re.M)
_LIMITS = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))


def attributes() -> dict[str, Any]:
    """What a process started here would inherit: umask, niceness, processors and limits."""
    status = Path("/proc/self/status").read_text()  # asking the system would change it
    umask = _UMASK.search(status)
    return {
        "umask": int(umask[1], 8) if umask else 0o022,
        "nice": niceness(),
        "cpus": sorted(os.sched_getaffinity(0)),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in _LIMITS},
    }


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def hard_limits() -> list[tuple[str, int]]:
    """What no child could raise again: whoever has others needs another parent."""
    return [(name, resource.getrlimit(getattr(resource, name))[1]) for name in _LIMITS]


def take(from_caller: Mapping[str, Any]) -> None:
    """Be limited as the caller is."""
    os.umask(from_caller["umask"])
    if from_caller["nice"] != niceness():
        os.setpriority(os.PRIO_PROCESS, 0, from_caller["nice"])
    if set(from_caller["cpus"]) != os.sched_getaffinity(0):
        os.sched_setaffinity(0, from_caller["cpus"])
    for name, (soft, hard) in from_caller["limits"].items():
        kind = getattr(resource, name)
        if resource.getrlimit(kind) != (soft, hard):
            resource.setrlimit(kind, (soft, hard))


def lift_own_limits() -> None:
    """The parent serves callers with other soft limits than whoever started it."""
    for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE"):
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))


def has_little_room() -> bool:
    """Whether addresses are limited: those of all that a parent holds may be too many already."""
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    return any(resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind in kinds)
