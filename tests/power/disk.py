"""A model of a disk behind a cache: what of a folder is durable, and what a power cut may undo.

Assumed of a file system (docs/decisions/0025): `fsync` of a file makes its bytes durable and no
name of it; `fsync` of a folder makes the names in it durable and no byte; a rename is seen whole or
not at all. What was not synced may be lost or not, each for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from power.recorder import Call, Handle

Tree = dict[str, bytes | None]
"""Path below the root -> content of a file, None for a folder."""


@dataclass(eq=False)
class File:
    """`durable`: None until it was synced for the first time."""

    cached: bytes = b""
    durable: bytes | None = None

    @property
    def is_dirty(self) -> bool:
        return self.durable != self.cached


@dataclass(eq=False)
class Folder:
    """Names and what they stand for. `durable`: as a power cut leaves them."""

    cached: dict[str, File | Folder] = field(default_factory=dict)
    durable: dict[str, File | Folder] = field(default_factory=dict)


@dataclass(frozen=True)
class Edit:
    """A name of a folder that comes to stand for something, or for nothing any more."""

    folder: Folder
    name: str
    node: File | Folder | None


@dataclass(eq=False)
class Change:
    """What one call does to names: all of its edits or none, until one of them is durable."""

    what: str
    edits: list[Edit]

    @property
    def folders(self) -> set[Folder]:
        return {edit.folder for edit in self.edits}


class Disk:
    """The folder below `root`, which is durable as it is when this is made."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.top = Folder()
        self.pending: list[Change] = []
        self.dirty: dict[File, None] = {}
        self._known: dict[str, File] = {}  # every file by the last name that it had
        self._at: dict[tuple[int, File], int] = {}  # where a handle writes next
        self._load(root)

    def _load(self, root: Path) -> None:
        links: dict[int, File] = {}
        for path in sorted(root.rglob("*")):
            status = path.lstat()
            if path.is_symlink():
                continue  # of the test's own making
            if path.is_dir():
                node: File | Folder = Folder()
            elif path.is_file():
                content = path.read_bytes()
                node = links.setdefault(status.st_ino, File(content, content))
            else:
                continue
            folder, name = self._place(str(path))
            folder.cached[name] = folder.durable[name] = node

    def tree(self) -> Tree:
        """What a process that runs on sees."""
        return dict(walk(self.top, lambda f: f.cached, lambda f: f.cached))

    def concerns(self, call: Call) -> bool:
        """Whether a call may have done something here."""
        paths = [one.path for one in (*call.given, call.handle) if isinstance(one, Handle)]
        if call.name in _ON_NAMES:
            paths = [call.path(n) for n in _ON_NAMES[call.name]]
        elif call.name == "truncate":
            paths = [call.path()]
        return call.name == "sync" or any(p == self.root or self._is_inside(p) for p in paths)

    def apply(self, call: Call) -> str:
        """Follow a call; what it changed or made durable, in words, empty if it did nothing."""
        name = call.name
        if name in ("open", "openat", "creat"):
            done, on = self._open(call), call.handle
        elif name in _ON_NAMES:
            return self._rename_and_such(call)
        elif name in ("sync", "syncfs"):
            done, on = self._sync_all(), None
        else:
            done = self._on_handle(call)
            on = next((one for one in reversed(call.given) if isinstance(one, Handle)), None)
        return f"{name} {self._short(on.path) if on else ''}" if done else ""

    # --- names -----------------------------------------------------------------------------------

    def _rename_and_such(self, call: Call) -> str:
        one, two = _ON_NAMES[call.name]
        path = call.path(one)
        if call.name.startswith(("rename", "link")):
            assert "RENAME_EXCHANGE" not in call.given, call
            target = call.path(two)
            if not (self._is_inside(path) and self._is_inside(target)):
                raise NotImplementedError(f"out of the folder, or into it: {call}")
            (above, name), (to, as_name) = self._place(path), self._place(target)
            node = above.cached[name]
            edits = [Edit(to, as_name, node)]
            if call.name.startswith("rename"):
                edits.insert(0, Edit(above, name, None))
            if isinstance(node, File):
                self._known[target] = node
            return self._change(f"{call.name} {self._short(path)} {self._short(target)}", edits)
        folder, name = self._place(path)
        made = Folder() if call.name.startswith("mkdir") else None
        return self._change(f"{call.name} {self._short(path)}", [Edit(folder, name, made)])

    def _change(self, what: str, edits: list[Edit]) -> str:
        for edit in edits:
            put(edit.folder.cached, edit)
        self.pending.append(Change(what, edits))
        return what

    def _place(self, path: str) -> tuple[Folder, str]:
        """The folder that holds a path's name, and the name."""
        *above, name = path[len(self.root) + 1 :].split("/")
        folder = self.top
        for each in above:
            below = folder.cached[each]
            assert isinstance(below, Folder), path
            folder = below
        return folder, name

    def _node(self, path: str) -> File | Folder | None:
        # A file that a handle is on may have been renamed by another thread just now.
        return self._named(path) or self._known.get(path)

    def _named(self, path: str) -> File | Folder | None:
        if path == self.root:
            return self.top
        try:
            folder, name = self._place(path)
            return folder.cached[name]
        except KeyError:
            return None

    def _is_inside(self, path: str) -> bool:
        return path.startswith(f"{self.root}/")

    def _short(self, path: str) -> str:
        return path[len(self.root) + 1 :]

    # --- bytes -----------------------------------------------------------------------------------

    def _open(self, call: Call) -> bool:
        handle = call.handle
        if handle is None or not self._is_inside(handle.path):
            return False
        node = self._named(handle.path)
        flags = " ".join(word for word in call.given if isinstance(word, str))
        if "O_TMPFILE" in flags:
            raise NotImplementedError(call)
        changed = False
        if node is None:
            assert "O_CREAT" in flags or call.name == "creat", call
            node = File()
            folder, name = self._place(handle.path)
            self._known[handle.path] = node
            self._change(f"create {self._short(handle.path)}", [Edit(folder, name, node)])
            changed = True
        if isinstance(node, File):
            self._at[handle.number, node] = -1 if "O_APPEND" in flags else 0
            if ("O_TRUNC" in flags or call.name == "creat") and node.cached:
                changed = self._set(node, b"")
        return changed

    def _on_handle(self, call: Call) -> bool:
        if call.name == "truncate":
            path, number = call.path(), -1
        else:
            handle = call.given[0]
            assert isinstance(handle, Handle), call
            path, number = handle.path, handle.number
            if call.name == "copy_file_range":
                target = call.given[2]
                assert isinstance(target, Handle), call
                path, number = target.path, target.number
        node = self._node(path) if path == self.root or self._is_inside(path) else None
        if isinstance(node, Folder):
            return call.name in ("fsync", "fdatasync") and self._sync_folder(node)
        if node is None:
            return False
        if call.name in ("fsync", "fdatasync"):
            return self._sync_file(node)
        return self._write(call, node, number)

    def _write(self, call: Call, node: File, number: int) -> bool:
        name, given = call.name, call.given
        if name == "lseek":
            if self._at.get((number, node)) != -1:
                self._at[number, node] = call.result
            return False
        if name in ("truncate", "ftruncate"):
            size = _number(given[1])
            return self._set(node, node.cached[:size].ljust(size, b"\0"))
        if name == "fallocate":
            assert given[1] in ("0", "FALLOC_FL_KEEP_SIZE"), call
            size = 0 if given[1] != "0" else _number(given[2]) + _number(given[3])
            return self._set(node, node.cached.ljust(size, b"\0"))
        if name in ("pwrite64", "pwritev", "pwritev2"):
            content, at = given[1], _number(given[3])
            assert isinstance(content, bytes), call
            return self._put(node, content[: call.result], at)
        content = self._copied(call) if name in _COPIES else given[1]
        assert isinstance(content, bytes), call
        at = self._at.get((number, node), 0)
        if at == -1:
            return self._put(node, content[: call.result], len(node.cached))
        self._at[number, node] = at + call.result
        return self._put(node, content[: call.result], at)

    def _copied(self, call: Call) -> bytes:
        """The bytes that the kernel itself copied from file to file, by the source's position."""
        source = call.given[0 if call.name == "copy_file_range" else 1]
        assert isinstance(source, Handle), call
        place = call.given[1 if call.name == "copy_file_range" else 2]
        assert isinstance(place, str), call
        inside = self._node(source.path) if self._is_inside(source.path) else None
        content = inside.cached if isinstance(inside, File) else Path(source.path).read_bytes()
        if place == "NULL":
            key = (source.number, inside) if isinstance(inside, File) else None
            assert key is not None, f"a copy from where nobody knows: {call}"
            at = self._at.get(key, 0)
            self._at[key] = at + call.result
        else:
            at = int(place.strip("[]").split("]")[0])
        return content[at : at + call.result]

    def _put(self, node: File, content: bytes, at: int) -> bool:
        old = node.cached.ljust(at, b"\0")
        return self._set(node, old[:at] + content + old[at + len(content) :])

    def _set(self, node: File, content: bytes) -> bool:
        if content == node.cached:
            return False
        node.cached = content
        self.dirty[node] = None
        return True

    # --- what makes it durable -------------------------------------------------------------------

    def _sync_file(self, node: File) -> bool:
        was = node.is_dirty
        node.durable = node.cached
        self.dirty.pop(node, None)
        return was

    def _sync_folder(self, folder: Folder) -> bool:
        left, synced = [], False
        for change in self.pending:
            for edit in [edit for edit in change.edits if edit.folder is folder]:
                put(folder.durable, edit)
                change.edits.remove(edit)
                synced = True
            if change.edits:
                left.append(change)
        self.pending = left
        return synced

    def _sync_all(self) -> bool:
        dirty = [self._sync_file(node) for node in list(self.dirty)]
        folders = [self._sync_folder(f) for c in list(self.pending) for f in c.folders]
        return any(dirty) or any(folders)


_ON_NAMES: Mapping[str, tuple[int, int]] = {
    "rename": (0, 1),
    "renameat": (1, 3),
    "renameat2": (1, 3),
    "link": (0, 1),
    "linkat": (1, 3),
    "symlink": (1, 1),
    "symlinkat": (2, 2),
    "unlink": (0, 0),
    "unlinkat": (1, 1),
    "mkdir": (0, 0),
    "mkdirat": (1, 1),
    "rmdir": (0, 0),
}
_COPIES = ("copy_file_range", "sendfile")
WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2")


def put(names: dict[str, File | Folder], edit: Edit) -> None:
    if edit.node is None:
        names.pop(edit.name, None)
    else:
        names[edit.name] = edit.node


def walk(
    top: Folder,
    names: Callable[[Folder], Mapping[str, File | Folder]],
    content: Callable[[File], bytes],
    above: str = "",
) -> Iterator[tuple[str, bytes | None]]:
    """Everything below a folder, by its path."""
    for name, node in names(top).items():
        path = f"{above}{name}"
        if isinstance(node, File):
            yield path, content(node)
        else:
            yield path, None
            yield from walk(node, names, content, f"{path}/")


def read_tree(root: Path) -> Tree:
    """What lies below a folder, as a `Tree`."""
    found: Tree = {}
    for path in root.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            continue
        found[path.relative_to(root).as_posix()] = None if path.is_dir() else path.read_bytes()
    return found


def write_tree(root: Path, tree: Tree) -> None:
    """Make a folder hold exactly this."""
    there = read_tree(root)
    for path in sorted(there, reverse=True):
        if path not in tree or (tree[path] is None) != (there[path] is None):
            full = root / path
            full.rmdir() if there[path] is None else full.unlink()
    for path in sorted(tree):
        content = tree[path]
        if path in there and there[path] == content:
            continue
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).unlink(missing_ok=True)  # it may have another name, and be read-only
            (root / path).write_bytes(content)


def _number(given: object) -> int:
    assert isinstance(given, str), given
    return int(given, 0)
