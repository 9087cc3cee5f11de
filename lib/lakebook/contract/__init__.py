"""Contracts: ODCS v3 files beside the notebooks, read into frozen values."""

from __future__ import annotations

from .fingerprint import fingerprint_of
from .odcs import load_contract, parse_contract

__all__ = ["fingerprint_of", "load_contract", "parse_contract"]
