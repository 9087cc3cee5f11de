"""What a maintenance notebook imports: `Maintenance`, and the cards that it shows.

What a job does for real stands in `lakebook.tiers` and `lakebook.run`; here it is asked for, shown
and noted for the run record.
"""

from __future__ import annotations

from .api import Maintenance

__all__ = ["Maintenance"]
