"""A disk that is really full: a small file system of its own under the lake, filled by other data.

It is mounted in a mount namespace that ends with the commands in it, so nothing stays behind.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_checkout import EVENTS, Checkout

ROWS = 20_000
RUN = ("run", "--start", "2013-01-01", "--end", "2013-01-04")

# Prints one JSON line per command. The ballast leaves less room than the run needs.
INSIDE = """
import json, os, pathlib, subprocess, sys
lake, checkout = pathlib.Path(sys.argv[1]), sys.argv[2]
ballast = lake / "ballast"
def lakebook(*args):
    command = [sys.executable, "-m", "lakebook.cli.main", *args]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    print(json.dumps([done.returncode, done.stdout + done.stderr]), flush=True)
query = ("query", "SELECT count(*) AS n, sum(amount) AS s FROM silver.events", "--format", "json")
run = json.loads(sys.argv[3])
lakebook(*run)
lakebook(*query)
source = pathlib.Path(checkout, "events.csv")
source.write_text(pathlib.Path(sys.argv[4]).read_text())
free = os.statvfs(lake)
ballast.write_bytes(b"x" * (free.f_bavail * free.f_frsize - 64 * 1024))
lakebook(*run)
lakebook(*query)
ballast.unlink()
lakebook(*run)
lakebook(*query)
"""


def namespace() -> list[str]:
    """A command that runs another in a mount namespace of its own, or skips with the reason."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("there is no unshare or mount here")
    alone = ["-m", "-p", "-f", "--mount-proc", "--kill-child"]  # its processes end with it
    for options in (alone, ["-r", *alone]):  # as root; else as root of a user namespace
        command = ["unshare", *options]
        tried = [*command, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp"]
        if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("this user may mount no file system")


@pytest.mark.slow
def test_a_full_disk_is_said_in_one_sentence_and_the_same_command_finishes_later(
    checkout: Checkout, tmp_path: Path
) -> None:
    command = namespace()
    # A copy: the warm parent of the tests' own checkout does not see what is mounted here.
    root = tmp_path / "checkout"
    shutil.copytree(checkout.root, root, ignore=shutil.ignore_patterns(".lakebook"))
    lake = root / ".lake"
    lake.mkdir()
    more = tmp_path / "more.csv"
    # Values that do not compress: the files of one run are larger than what the ballast leaves.
    rows = (f"{n},2013-01-0{n % 3 + 1}T10:00:00Z,{n * 7919 % 1_000_003}" for n in range(5, ROWS))
    more.write_text(EVENTS + "\n".join(rows) + "\n")
    mount = 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"'
    inside = [sys.executable, "-c", INSIDE, str(lake), str(root), json.dumps(RUN)]
    done = subprocess.run(
        [*command, "sh", "-c", mount, str(lake), *inside, str(more)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, before, full, during, again, after = map(json.loads, done.stdout.splitlines())

    assert first[0] == 0, first[1]
    assert json.loads(before[1]) == [{"n": 3, "s": 80}]
    code, said = full
    said = " ".join(said.split())
    assert code == 1, said
    assert "the disk is full" in said
    assert "free some space and run again" in said
    assert "Traceback" not in said
    assert during == before
    assert again[0] == 0, again[1]
    assert json.loads(after[1])[0]["n"] == ROWS - 2
