"""The kernelspec "lakebook": what JupyterLab lists, and what `papermill -k lakebook` starts."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

NAME = "lakebook"


def spec() -> dict[str, object]:
    """The content of kernel.json. Its command is the plain kernel that stands in for a warm one."""
    return {
        "argv": [
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
            "--ext=lakebook.runtime.hooks",
        ],
        "display_name": "Lakebook",
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {
            "debugger": True,
            "kernel_provisioner": {"provisioner_name": NAME, "config": {}},
        },
    }


def install(prefix: Path | None = None) -> Path:
    """Write the kernelspec below `prefix` (default: this environment) if it is not there."""
    folder = (prefix or Path(sys.prefix)) / "share" / "jupyter" / "kernels" / NAME
    target = folder / "kernel.json"
    text = json.dumps(spec(), indent=1) + "\n"
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)  # a kernel may start beside us
    return target
