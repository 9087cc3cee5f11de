"""Makes changes one after the other, each in a folder of its own; `recorder` watches it."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path


def main(work: Path) -> None:
    for folder, spec in pickle.loads(work.read_bytes()):
        if "mark" in spec:
            from power import marks

            marks.act_alone(folder, spec["mark"])
        elif "step" in spec:
            from power import steps

            steps.STEPS[spec["step"]][1](folder)
        else:
            from tiers.tier_lake import operate

            operate(folder, spec)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
