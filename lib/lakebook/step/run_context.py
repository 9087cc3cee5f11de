"""What the runner tells the kernel of a run: a JSON file named by `LAKEBOOK_RUN`.

Without that variable the step is interactive (or run by plain Papermill): it works the same, in the
environment of LAKEBOOK_ENV or of the person, so that nobody writes to prod by opening a notebook.
What made its result is not known in full, so its partitions count as stale afterwards.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..names import Dataset
from ..settings import Settings, load_settings, own_env
from .declared import DeclaredRead

VARIABLE = "LAKEBOOK_RUN"


@dataclass(frozen=True)
class RunContext:
    """`static`: the parts of the fingerprint that the runner knows; empty when nobody does."""

    run_id: str
    settings: Settings
    static: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[str, ...] | None = None  # datasets that the graph saw; None: not known
    declared: tuple[DeclaredRead, ...] | None = (
        None  # those that decide the result; None: not known
    )
    sources: tuple[str, ...] = ()
    out: Path | None = None  # folder for step.json
    force: bool = False  # asked for, whatever is there

    @classmethod
    def current(cls, environ: Mapping[str, str] | None = None) -> RunContext:
        environ = os.environ if environ is None else environ
        path = environ.get(VARIABLE)
        if not path:
            settings = load_settings(env=own_env(environ), environ=environ)
            return cls(run_id=f"interactive-{secrets.token_hex(4)}", settings=settings)
        raw: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        settings = load_settings(Path(raw["root"]), lake=raw["lake"], env=raw["env"])
        reads = raw.get("reads")
        return cls(
            run_id=raw["run_id"],
            settings=settings,
            static=raw.get("static") or {},
            reads=None if reads is None else tuple(reads),
            declared=_declared(raw),
            sources=tuple(raw.get("sources", ())),
            out=Path(raw["out"]) if raw.get("out") else None,
            force=bool(raw.get("force")),
        )


def _declared(raw: Mapping[str, Any]) -> tuple[DeclaredRead, ...] | None:
    if raw.get("declared") is None:
        return None
    return tuple(
        DeclaredRead(**{**read, "dataset": Dataset.parse(read["dataset"])})
        for read in raw["declared"]
    )
