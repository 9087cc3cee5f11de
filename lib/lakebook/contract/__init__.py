"""Contracts: ODCS v3 files beside the notebooks, read into frozen values."""
