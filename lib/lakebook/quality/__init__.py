"""The quality gate: a contract becomes a Great Expectations suite, run in one pass over any frame.

Names are loaded on first use: a plan only asks which rows of a quarantine count. Rows that fail a
quarantine rule are flagged here, split by the step and kept by `quarantine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..late import on_first_use

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

__getattr__ = on_first_use(__name__, _HOME)
