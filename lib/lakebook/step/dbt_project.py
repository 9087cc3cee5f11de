"""dbt's command line on the checkout's project: parse, choose models, build; failures as sentences.

What a step does with it stands in `dbt_run`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LakebookError, RunError, UserError
from ..files import replace_file
from ..settings import Settings
from .dbt_env import variables_digest
from .dbt_packages import MADE_BY_DBT, package_files

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_WANTED = "lakebook_builds_this"

_QUIET = (
    "--quiet", "--no-use-colors", "--log-level", "none", "--log-level-file", "none", "--no-print",
    "--no-send-anonymous-usage-stats", "--no-version-check", "--no-write-json",
)  # fmt: skip
PARSED = "partial_parse.msgpack"
"""dbt's name for the manifest that it parses; under this name it is kept."""

_ONLY_COUNTS = re.compile(r"Got \d+ results?, configured to (fail|warn) if [!<>=]* ?\d+")
_HIDDEN = "its message is hidden, since the models touch columns whose values stay hidden"


@dataclass(frozen=True)
class DbtProject:
    """`folder`: where this run's own files go. `hides`: no message of the database may be told."""

    settings: Settings
    folder: Path
    hides: bool = False

    def parse(self) -> Manifest:
        """The project as dbt sees it, recalled if no file of it has changed."""
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        kept = kept_folder(self.settings) / PARSED
        if kept.is_file():
            with untracked_locks():  # a manifest has one
                manifest: Manifest = Manifest.from_msgpack(
                    kept.read_bytes(), decoder=extended_mashumuro_decoder
                )
            manifest.build_flat_graph()
            return manifest
        manifest = self._invoke(["parse"])
        put_kept(kept, (self.folder / "target" / PARSED).read_bytes())
        return manifest

    def build(
        self, manifest: Manifest, nodes: Iterable[str], note: Callable[[Any], None] | None = None
    ) -> None:
        """Build and test exactly these nodes. Raises RunError for the first that fails.

        `note` is given dbt's results, also those of a build that failed.
        """
        # By a tag in memory: a name may stand for several nodes, and a path for all below it.
        wanted = set(nodes)
        for key, node in manifest.nodes.items():
            node.tags = _tagged(node.tags, key in wanted)
        for key, test in manifest.unit_tests.items():
            test.config.tags = _tagged(test.tags, key in wanted)
        self._invoke(
            ["build", "--indirect-selection", "empty", "--select", f"tag:{_WANTED}"],
            manifest=manifest,
            note=note,
        )

    def _invoke(
        self,
        command: list[str],
        *,
        manifest: Manifest | None = None,
        note: Callable[[Any], None] | None = None,
    ) -> Any:
        from dbt.cli.main import dbtRunner

        dbt = str(self.settings.dbt)
        places = [
            "--project-dir", dbt, "--profiles-dir", dbt,
            "--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs"),
        ]  # fmt: skip
        with untracked_locks():
            done = dbtRunner(manifest=manifest).invoke([*command, *places, *_QUIET])
        if note is not None:
            note(done.result)
        if not done.success:
            raise _failure(done, self.hides)
        return done.result


def kept_folder(settings: Settings) -> Path:
    """Where what dbt says of the project as it stands is kept; the folder may not be there yet.

    "As it stands" includes the variables of the environment that its files ask for.
    """
    packages = [f"{name} {version(name)}" for name in ("dbt-core", "dbt-duckdb", "lakebook")]
    files = project_files(settings)
    digest = hashlib.sha256(" ".join((*packages, variables_digest(settings.root, files))).encode())
    for path in files:
        inner = path.relative_to(settings.dbt)
        digest.update(f"\0{inner.as_posix()}\0".encode() + path.read_bytes())
    return settings.state / "dbt" / digest.hexdigest()[:32]


def project_files(settings: Settings) -> list[Path]:
    """The files of the project and of its packages that decide what dbt makes of it."""
    own = {
        path: None
        for path in sorted(settings.dbt.rglob("*"))
        if path.is_file()
        and not MADE_BY_DBT & set(path.relative_to(settings.dbt).parts)
        and path.name[0] != "."
    }
    return [*(own | dict.fromkeys(package_files(settings.dbt)))]


def put_kept(target: Path, content: bytes) -> None:
    """Write a file of the kept folder whole; others may write the same beside us."""
    replace_file(target, content)


def _tagged(tags: list[str], is_wanted: bool) -> list[str]:
    return [tag for tag in tags if tag != _WANTED] + [_WANTED] * is_wanted


@contextmanager
def untracked_locks() -> Iterator[None]:
    """Keep dbt's locks from starting Python's resource tracker.

    dbt makes its locks for child processes that it never starts. Those of the "spawn" kind have a
    tracker beside them, a process that ignores SIGTERM: a kernel that is shut down waits seconds
    for it. Locks of the "fork" kind have none.
    """
    from dbt.mp_context import get_mp_context

    context: Any = get_mp_context()
    context._name = "fork"
    try:
        yield
    finally:
        del context._name


def _failure(done: Any, hides: bool) -> LakebookError:
    """One sentence: which model or test, in which file, and why."""
    for result in getattr(done.result, "results", None) or ():
        if str(result.status) not in ("error", "fail", "runtime error"):
            continue
        node = result.node
        where = f"dbt/{node.original_file_path}"
        cause = " ".join((result.message or "").split())
        if hides and not _ONLY_COUNTS.fullmatch(cause):
            cause = _HIDDEN
        if node.resource_type in ("test", "unit_test"):
            return RunError(
                f"dbt test {node.name} failed: {cause}",
                where=where,
                fix="correct the model or its input; nothing was published",
            )
        return RunError(f"dbt model {node.name} failed: {cause}", where=where)
    if done.exception is None:
        return RunError("dbt failed and gave no reason", where="dbt")
    node = getattr(done.exception, "node", None)
    where = f"dbt/{node.original_file_path}" if node is not None else "dbt"
    cause = _HIDDEN if hides else " ".join(str(done.exception).split())
    return UserError(cause, where=where)
