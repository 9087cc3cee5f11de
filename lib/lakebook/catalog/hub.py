"""DataHub's package, quiet: no telemetry, nothing written to the home folder.

Whoever imports more of `datahub` than its aspects calls this first.
"""

from __future__ import annotations

import os
import sys

_NOWHERE = f"{os.devnull}/datahub"


def quiet_datahub() -> None:
    """Turn telemetry off and keep DataHub's settings folder from being made; safe to call again.

    The package writes a client id to `~/.datahub` when its telemetry module is imported, also when
    telemetry is off. That folder is a constant of a module that can be imported before.
    """
    os.environ["DATAHUB_TELEMETRY_ENABLED"] = "false"
    if "datahub.telemetry.telemetry" in sys.modules:
        sys.modules["datahub.telemetry.telemetry"].telemetry_instance.enabled = False
        return
    import datahub.cli.config_utils as constants

    constants.DATAHUB_ROOT_FOLDER = _NOWHERE
