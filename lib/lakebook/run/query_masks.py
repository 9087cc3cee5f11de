"""What of a query's rows and errors stays hidden, by what the columns are made of.

The same columns as in `lakebook diff` and on every card. A query may still choose rows by a hidden
column: what a predicate asks for is not masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.classified import MASK, hidden_columns
from ..contract.model import TableContract
from ..engines.messages import first_lines, without_values
from ..engines.sql_origin import Source, hidden_outputs
from ..errors import UserError
from .pruning import nodes_of

if TYPE_CHECKING:
    import duckdb

_FILES = re.compile(r"read_|_scan$|parquet|glob|sniff|^query|iceberg|delta|sqlite|postgres")
_OF_THE_TEXT = ("ParserException", "BinderException", "CatalogException", "SyntaxException")
_SHOW = "--unmask shows it to whoever may see the values"


@dataclass(frozen=True)
class QueryMasks:
    """The tables that a query reads, and whether it may read hidden values at all."""

    sql: str
    tables: Sequence[TableContract]
    hides: bool

    @classmethod
    def of(
        cls, sql: str, tree: Any, tables: Sequence[TableContract], roots: Iterable[Path]
    ) -> QueryMasks:
        """`tree`: the query as DuckDB's JSON; `roots`: folders in which the lake has its files."""
        hides = any(map(hidden_columns, tables)) or _reads_files(tree, list(roots))
        return cls(sql, tables, hides)

    def check(self) -> None:
        """Raises UserError for a query that turns hidden values into names of columns."""
        if self.hides and re.search(r"\bpivot", self.sql, re.IGNORECASE):
            raise UserError(
                "a PIVOT makes column names of values, and the query reads columns whose values "
                "stay hidden",
                fix="group by the column instead; --unmask is for whoever may see the values",
            )

    def masked(
        self, relation: duckdb.DuckDBPyRelation, say: Callable[[str], None]
    ) -> duckdb.DuckDBPyRelation:
        """The same rows, with a mask for each value that stays hidden; `say` is told of which."""
        if not self.hides:
            return relation
        names = relation.columns
        known = {str(t.dataset): Source(t.names, hidden_columns(t)) for t in self.tables}
        verdicts = hidden_outputs(self.sql, names, known, {})
        if not any(verdicts):
            return relation
        hidden_names = [n for n, hidden in zip(names, verdicts, strict=True) if hidden]
        say(f"hidden by classification: {', '.join(hidden_names)}; --unmask shows them")
        chosen = [
            f"case when #{at} is null then null else '{MASK}' end as {_quoted(name)}"
            if hidden
            else f"#{at} as {_quoted(name)}"
            for at, (name, hidden) in enumerate(zip(names, verdicts, strict=True), start=1)
        ]
        return relation.project(", ".join(chosen))

    def refused(self, wrong: BaseException) -> UserError:
        """What DuckDB says of a query, as one sentence; its words may quote a value."""
        if not self.hides or type(wrong).__name__ in _OF_THE_TEXT:
            return UserError(f"the query does not run: {first_lines(wrong)}")
        return UserError(
            f"the query does not run: {without_values(wrong)}; the rest of the message is hidden, "
            "since the query reads columns whose values stay hidden",
            fix=_SHOW,
        )


def _reads_files(tree: Any, roots: Sequence[Path]) -> bool:
    """Whether a query opens files of the lake by their path."""
    paths: list[str] = []
    for node in nodes_of(tree, "TABLE_FUNCTION"):
        if _FILES.search(str(node["function"]["function_name"])):
            texts = [str(one["value"]["value"]) for one in nodes_of(node, "VALUE_CONSTANT")]
            paths += texts or ["/"]  # a path that is computed may be any
    tables = [node["table_name"] for node in nodes_of(tree, "BASE_TABLE")]
    paths += [name for name in tables if "/" in name or "." in name]
    return any(_may_meet(path, root) for path in paths for root in roots)


def _may_meet(path: str, root: Path) -> bool:
    """Whether a path, which may be a pattern, may lead into a folder."""
    fixed = Path(re.split(r"[*?\[{]", path.removeprefix("file://"), maxsplit=1)[0]).absolute()
    return fixed.resolve().is_relative_to(root.resolve()) or root.resolve().is_relative_to(
        (fixed if path == str(fixed) else fixed.parent).resolve()
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
