"""Decodes files that may be damaged, in a process of its own.

Arrow ends the whole process at some damaged footers; a verification must live to name the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

ENDED = "the process that read it was ended by what it found"


class BrokenFileError(Exception):
    """A file that cannot be decoded, or whose footer says other things than the log: what it is."""


class Decoder:
    """One process, started when it is first needed and again when a file has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def digest(self, path: Path, stats_json: str | None) -> int:
        """Digest of a file's rows, unsigned.

        Parameters
        ----------
        stats_json: what the log says of it, which is compared with its footer.

        Raises BrokenFileError.
        """
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps([str(path), stats_json]) + "\n")
            process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self.close()
            raise BrokenFileError(ENDED)
        digest, broken = json.loads(answer)
        if broken:
            raise BrokenFileError(broken)
        return int(digest)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(BrokenPipeError):
                process.communicate()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[str]:
        lib = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([lib, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the last words of Arrow
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        return self._process


def main() -> None:
    for line in sys.stdin:
        path, stats_json = json.loads(line)
        print(json.dumps(_answer(Path(path), stats_json)), flush=True)


def _answer(path: Path, stats_json: str | None) -> tuple[int, str]:
    from ..delta.digest import digest_file

    try:
        digest = digest_file(path)
        return digest, _footer_says(path, json.loads(stats_json)) if stats_json else ""
    except Exception as broken:  # what a decoder makes of damaged bytes is anybody's guess
        return 0, f"it cannot be decoded ({str(broken) or type(broken).__name__})"


def _footer_says(path: Path, logged: dict[str, Any]) -> str:
    """What a footer says otherwise than the log. Readers skip rows by its bounds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ..delta.stats import file_stats

    if "numRecords" not in logged:
        return ""
    footer = pq.read_metadata(path)
    schema = footer.schema.to_arrow_schema()
    lows, highs = logged.get("minValues", {}), logged.get("maxValues", {})
    floats = {f.name for f in schema if pa.types.is_floating(f.type) and f.name not in lows}
    found = file_stats(footer, _plain(schema), nan_columns=floats)
    if found["numRecords"] != logged["numRecords"]:
        return f"it has {found['numRecords']:,} rows, and the log says {logged['numRecords']:,}"
    for name, low in lows.items():
        bounds = (found["minValues"].get(name), found["maxValues"].get(name))
        if bounds != (low, highs.get(name)):
            return f"the statistics of its column {name!r} are not those in the log"
    return ""


def _plain(schema: Any) -> Any:
    """Texts as the contract has them, whose bounds are the same."""
    import pyarrow as pa

    texts = (pa.large_string(), pa.string_view())
    return pa.schema([pa.field(f.name, pa.string() if f.type in texts else f.type) for f in schema])


if __name__ == "__main__":
    main()
