"""Where the checkout, the lake and the environment are. Read once at the edge and passed in.

The file is `lakebook.toml` in the checkout; `LAKEBOOK_LAKE`, `LAKEBOOK_ENV` and `LAKEBOOK_PROFILE`
override it, and the command line overrides those.
"""

from __future__ import annotations

from .file import ENGINE_NAMES, FILE
from .loading import find_root, load_settings
from .model import (
    ArchiveSettings,
    CatalogSettings,
    CheckSettings,
    EnvironmentSettings,
    RuntimeSettings,
    Settings,
)
from .people import own_env, person
from .tiers import LayerAges, Prices, TierSettings

__all__ = [
    "ENGINE_NAMES",
    "FILE",
    "ArchiveSettings",
    "CatalogSettings",
    "CheckSettings",
    "EnvironmentSettings",
    "LayerAges",
    "Prices",
    "RuntimeSettings",
    "Settings",
    "TierSettings",
    "find_root",
    "load_settings",
    "own_env",
    "person",
]
