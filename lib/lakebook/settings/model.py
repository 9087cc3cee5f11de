"""What the settings are: frozen values, absolute paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..names import PROD, Roots
from .tiers import TierSettings


@dataclass(frozen=True)
class RuntimeSettings:
    """Limits of a run; 0 means no limit. `linger_s`: how long an idle warm parent stays."""

    linger_s: float = 300.0
    jobs: int = 0  # 0: one per processor
    cell_timeout_s: float = 0.0
    run_timeout_s: float = 0.0
    memory_limit_mb: int = 0


@dataclass(frozen=True)
class CheckSettings:
    """`timeout_s`: how long the check of one step may take; 0 means no limit."""

    timeout_s: float = 30.0


@dataclass(frozen=True)
class CatalogSettings:
    """`emit`: the environments whose runs go to the catalog's outbox by themselves."""

    emit: tuple[str, ...] = (PROD,)


@dataclass(frozen=True)
class ArchiveSettings:
    """How many days runs and failed runs are kept (0: for good)."""

    keep_days: int = 0
    keep_failed_days: int = 0


@dataclass(frozen=True)
class EnvironmentSettings:
    """`pin_days`: how long a pin of prod's version lasts in an environment that does not use it."""

    pin_days: float = 7.0


@dataclass(frozen=True)
class Settings:
    """`root`: the checkout; `lake`: where tables and runs are; both absolute.

    `warm_root` and `cold_root`: where those tiers are, if not in the lake; hot is the lake.
    """

    root: Path
    lake: Path
    env: str = PROD
    profile: str = "local"
    engine: str = "polars"
    warm_root: Path | None = None
    cold_root: Path | None = None
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    catalog: CatalogSettings = field(default_factory=CatalogSettings)
    tiers: TierSettings = field(default_factory=TierSettings)
    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    environments: EnvironmentSettings = field(default_factory=EnvironmentSettings)

    @property
    def roots(self) -> Roots:
        return Roots(self.lake, self.warm_root or self.lake, self.cold_root or self.lake)

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def dbt(self) -> Path:
        return self.root / "dbt"

    @property
    def lib(self) -> Path:
        return Path(__file__).resolve().parents[1]

    @property
    def runs(self) -> Path:
        return self.lake / self.env / "runs"

    @property
    def site(self) -> Path:
        """The report site, made from the runs; it may be deleted and built again."""
        return self.lake / self.env / "site"

    @property
    def state(self) -> Path:
        """Caches that may be deleted at any time."""
        return self.lake / ".cache"
