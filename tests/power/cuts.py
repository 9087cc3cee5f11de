"""The states that a power cut may leave, at each moment of what was recorded.

All combinations are too many. Taken are: what is synced alone; all names with the bytes that are
not synced whole, lost, cut or zeroed, for all files or for one; each change of names alone lost,
alone kept, and those of a folder up to each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from power.disk import WRITES, Change, Disk, File, Folder, Tree, put, walk
from power.recorder import Call

Damage = Callable[[File], bytes]
"""What a power cut leaves of a file whose bytes are not all synced."""


@dataclass(frozen=True)
class Cut:
    """A state of the disk. `moment`: after how many calls that did something; -1: after all.

    `how`: what was being done, and what the cut undid.
    """

    moment: int
    how: str
    tree: Tree = field(repr=False)  # a test that fails prints what it was given


def cuts(disk: Disk, calls: Iterable[Call]) -> list[Cut]:
    """Every distinct state, where it comes first; those after the last call are all at the end.

    `disk`: as it was before the calls; it is brought to what it was after them.
    """
    found: dict[int, Cut] = {}
    moment = 0
    ours = [call for call in calls if disk.concerns(call)]
    for call, following in zip(ours, [*ours[1:], None], strict=True):
        said = disk.apply(call)
        if not said or (following is not None and _goes_on(call, following)):
            continue
        moment += 1
        for how, tree in _states(disk):
            found.setdefault(_identity(tree), Cut(moment, f"after {said}: {how}", tree))
    last = {_identity(tree): (how, tree) for how, tree in _states(disk)}
    ended = [Cut(-1, f"at the end: {how}", tree) for how, tree in last.values()]
    return [cut for key, cut in found.items() if key not in last] + ended


def _goes_on(call: Call, following: Call) -> bool:
    """Whether a call only adds to what one before it wrote: a cut between them is one in it."""
    return (
        call.name in WRITES
        and following.name in (*WRITES, "lseek")
        and call.given[0] == following.given[0]
    )


def _states(disk: Disk) -> Iterator[tuple[str, Tree]]:
    pending, files = disk.pending, list(disk.dirty)
    yield "only what is synced", _tree(disk, (), dict.fromkeys(files, _lost))
    yield "nothing is lost", _tree(disk, pending, {})
    for n, damage in enumerate(_DAMAGES):
        name = f"bytes that are not synced are {_WORDS[n]}"
        yield name, _tree(disk, pending, dict.fromkeys(files, damage))
        if len(files) > 1:
            for file in files:
                yield f"{name}, of one file", _tree(disk, pending, {file: damage})
    for kept, how in _subsets(pending):
        yield how, _tree(disk, kept, {})
        yield f"{how}, no byte that is not synced", _tree(disk, kept, dict.fromkeys(files, _lost))


def _subsets(pending: Sequence[Change]) -> Iterator[tuple[list[Change], str]]:
    for change in pending:
        yield [c for c in pending if c is not change], f"without {change.what}"
        yield [change], f"only {change.what}"
        for folder in change.folders:
            cut = pending.index(change)
            kept = [c for n, c in enumerate(pending) if n <= cut or folder not in c.folders]
            yield kept, f"of its folder only up to {change.what}"
            yield (
                [c for n, c in enumerate(pending) if n <= cut and folder in c.folders],
                f"only what its folder had up to {change.what}",
            )


def _tree(disk: Disk, kept: Sequence[Change], damages: dict[File, Damage]) -> Tree:
    names: dict[Folder, dict[str, File | Folder]] = {}
    for change in kept:
        for edit in change.edits:
            put(names.setdefault(edit.folder, dict(edit.folder.durable)), edit)

    def content(file: File) -> bytes:
        damage = damages.get(file)
        return file.cached if damage is None else damage(file)

    return dict(walk(disk.top, lambda folder: names.get(folder, folder.durable), content))


# --- what becomes of bytes -----------------------------------------------------------------------


def _synced(file: File) -> bytes:
    """What of the bytes is safe: all that was synced, where more was only added after it."""
    durable = file.durable or b""
    return durable if file.cached.startswith(durable) else b""


def _lost(file: File) -> bytes:
    return file.durable or b""


def _empty(file: File) -> bytes:
    return _synced(file)


def _half(file: File) -> bytes:
    safe = len(_synced(file))
    return file.cached[: safe + (len(file.cached) - safe) // 2]


def _first_line(file: File) -> bytes:
    safe = len(_synced(file))
    return file.cached[: file.cached.find(b"\n", safe) + 1 or safe]


def _but_last_line(file: File) -> bytes:
    safe = len(_synced(file))
    return file.cached[: max(file.cached.rstrip(b"\n").rfind(b"\n") + 1, safe)]


def _zeroed(file: File) -> bytes:
    safe = _synced(file)
    return safe + bytes(len(file.cached) - len(safe))


_DAMAGES: tuple[Damage, ...] = (_lost, _empty, _half, _first_line, _but_last_line, _zeroed)
_WORDS = ("lost", "empty", "cut in half", "cut after a line", "without the last line", "zeros")


def _identity(tree: Tree) -> int:
    return hash(frozenset(tree.items()))
