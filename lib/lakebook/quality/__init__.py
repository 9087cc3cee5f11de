"""The quality gate: a contract becomes a Great Expectations suite, run in one pass over any frame.

Names are loaded on first use: a plan only asks which rows of a quarantine count. Rows that fail a
quarantine rule are flagged here, split by the step and kept by `quarantine`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .auditing import audit
    from .docs import data_docs
    from .flagging import FAILED_RULES, flag
    from .results import AuditResult, CheckResult, without_classified
    from .suite import build_suite

_HOME = {
    "auditing": ("audit",),
    "docs": ("data_docs",),
    "flagging": ("FAILED_RULES", "flag"),
    "results": ("AuditResult", "CheckResult", "without_classified"),
    "suite": ("build_suite",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "FAILED_RULES",
    "AuditResult",
    "CheckResult",
    "audit",
    "build_suite",
    "data_docs",
    "flag",
    "without_classified",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
