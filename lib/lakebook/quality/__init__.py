"""The quality gate: a contract becomes a Great Expectations suite, run in one pass over any frame.

Nothing here imports Great Expectations or Narwhals before a function needs it; rows that fail a
quarantine rule are flagged here, split by the step and kept by `quarantine`.
"""

from .auditing import audit
from .docs import data_docs
from .flagging import FAILED_RULES, flag
from .results import AuditResult, CheckResult, without_classified
from .suite import build_suite

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
