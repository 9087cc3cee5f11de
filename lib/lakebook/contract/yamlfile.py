"""YAML as plain values that remember their lines. `odcs` gives the values their meaning.

Scalars follow YAML 1.2's core schema, not PyYAML's 1.1: there the carrier code `NO` is a boolean,
`12:30` the number 750, and `2013-01-01` a date that a JSON schema cannot check. Digits after a
leading zero stay text, because readers disagree on them (8, 10 or a postal code).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from ..errors import ContractError
from .numerals import as_read

Key = str | int
Place = tuple[Key, ...]
"""Where a value stands: `("schema", 0, "properties", 3, "required")`."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster


class _Loader(_Base):
    """Scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float",
     r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
     r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):  # fmt: skip
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first)
    )


def _float(loader: Any, node: Any) -> float:
    return as_read(loader.construct_yaml_float(node), node.value)


_Loader.add_constructor("tag:yaml.org,2002:float", _float)


@dataclass(frozen=True)
class Document:
    """A parsed file: its values and, for each place, the line (from 1)."""

    value: Any
    where: str  # the file as people name it
    lines: dict[Place, int] = field(repr=False)

    def line(self, place: Sequence[Key]) -> int:
        """The line of a place, or of the nearest one around it (a missing key has none)."""
        at = tuple(place)
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)

    def at(self, place: Sequence[Key]) -> str:
        return f"{self.where}:{self.line(place)}"


def parse(text: str, where: str) -> Document:
    """Parse one YAML document; raise ContractError with file and line for broken YAML."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines = dict(_lines(node, (), where)) if node else {}
        value = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as broken:
        mark = broken.problem_mark or broken.context_mark
        line = mark.line + 1 if mark else 1
        raise ContractError(
            f"not YAML: {broken.problem or broken.context}",
            where=f"{where}:{line}",
            fix="mind indentation, colons and quotes at and above this line",
        ) from None
    except yaml.YAMLError as broken:
        raise ContractError(f"not YAML: {broken}".splitlines()[0], where=where) from None
    finally:
        loader.dispose()
    return Document(value, where, lines)


def _lines(node: yaml.Node, place: Place, where: str) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from _lines(item, (*place, i), where)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, item in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise ContractError(
                    f"key {key.value!r} stands here and in line {seen[key.value]}",
                    where=f"{where}:{line}",
                    fix="keep one of them",
                )
            seen[key.value] = line
            at = (*place, key.value)
            yield from _lines(item, at, where)
            yield at, line  # the key's line, not that of a block below it
