"""Records what a command and all its children do to files, call by call, with what they write.

Below Python, because most writes are made by native code (delta-rs, Polars, Arrow, DuckDB). Calls
that end in an error change nothing and are left out; two that overlap stand in the order in which
they ended.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

NEEDED = "LAKEBOOK_NEEDS_STRACE"
CALLS = (
    *("open", "openat", "creat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "lseek"),
    *("truncate", "ftruncate", "fallocate", "fsync", "fdatasync", "sync", "syncfs"),
)

_CALL = re.compile(r"(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$", re.DOTALL)
_END = re.compile(r"(.*)\) += (-?\d+)(.*)$", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_HANDLE = re.compile(r"(AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")


@dataclass(frozen=True)
class Handle:
    """A file descriptor and the path that it had; no path: the file had no name any more."""

    number: int
    path: str


@dataclass(frozen=True)
class Call:
    """A system call that succeeded. `given`: its arguments: handles, bytes, or words as they are.

    `handle`: what it returned, if that is a file.
    """

    name: str
    given: tuple[Handle | bytes | str, ...]
    result: int
    handle: Handle | None = None

    def path(self, n: int = 0) -> str:
        """The path that the n-th argument names, taken relative to a handle before it."""
        given = self.given[n]
        assert isinstance(given, bytes), self
        path = os.fsdecode(given)
        if path.startswith("/"):
            return os.path.normpath(path)
        above = self.given[n - 1] if n else None
        assert isinstance(above, Handle), f"a relative path of nobody knows what: {self}"
        return os.path.normpath(f"{above.path}/{path}")


def strace() -> str:
    """The program that records; a test that finds none is skipped, or fails where it must not."""
    found = shutil.which("strace")
    if found is None:
        assert os.environ.get(NEEDED) != "1", "there is no strace"
        pytest.skip("there is no strace")
    return found


def record(
    command: Sequence[str], root: Path, trace: Path, *, cwd: Path | None = None
) -> list[Call]:
    """Run a command, which must succeed, and give its calls on what lies below `root`."""
    options = ["-f", "-y", "-qq", "--seccomp-bpf", "-xx", "-s", str(1 << 26)]
    done = subprocess.run(
        [strace(), *options, "-e", f"trace={','.join(CALLS)}", "-o", str(trace), *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    with trace.open() as lines:
        return list(read_calls(lines, root))


def read_calls(lines: Iterable[str], root: Path) -> Iterator[Call]:
    """The calls of a trace that name something below `root`, or that sync everything."""
    wanted = _hex(str(root))
    began: dict[str, tuple[str, str]] = {}  # process -> call and its arguments so far
    for line in lines:
        match = _CALL.match(line.rstrip("\n"))
        if match is None:
            continue  # a signal, or the end of a process
        process, name, rest, resumed, more = match.groups()
        if resumed:
            name, before = began.pop(process, ("", ""))
            rest = before + more
        elif rest.endswith(_UNFINISHED):
            began[process] = name, rest.removesuffix(_UNFINISHED)
            continue
        if not name or (wanted not in rest and name != "sync"):
            continue
        end = _END.match(rest)
        if end is None or int(end[2]) < 0:
            continue
        handle = _HANDLE.match(end[2] + end[3])
        yield Call(
            name,
            tuple(_arguments(end[1])),
            int(end[2]),
            _handle(handle) if handle is not None else None,
        )


def _arguments(text: str) -> Iterator[Handle | bytes | str]:
    for part in _split(text):
        if match := _HANDLE.fullmatch(part):
            yield _handle(match)
        elif part.startswith("[{iov_base"):
            yield b"".join(map(_bytes, _TEXT.finditer(part)))
        elif match := _TEXT.fullmatch(part):
            yield _bytes(match)
        else:
            yield part


def _split(text: str) -> Iterator[str]:
    """Arguments at the commas between them; text is in hex, so that it holds none."""
    depth = begin = 0
    for match in re.finditer(r"[\[\]{}]|, ", text):
        found = match[0]
        if found in "[{":
            depth += 1
        elif found in "]}":
            depth -= 1
        elif not depth:
            yield text[begin : match.start()]
            begin = match.end()
    yield text[begin:]


def _handle(match: re.Match[str]) -> Handle:
    number = -1 if match[1] == "AT_FDCWD" else int(match[1])
    return Handle(number, "" if match[3] else os.fsdecode(_unhex(match[2])))


def _bytes(match: re.Match[str]) -> bytes:
    assert not match[2], "the trace cut what was written"
    return _unhex(match[1])


def _hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(text))


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
