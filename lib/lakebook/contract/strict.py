"""Is a document ODCS, and does Lakebook keep what it says? Keys by the standard's own models and by
`keys`, customProperties by `custom`, the rest by the standard's JSON schema.

The models come first, because "did you mean" needs to know the keys of one place; the JSON schema
only says that something in a branch of an `anyOf` is wrong.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..errors import ContractError
from .custom import check_custom
from .keys import check_key, check_options, refusal, stray_key
from .schema_errors import in_words, precise
from .yamlfile import Document, Place


def check_standard(document: Document) -> None:
    """Raise ContractError for the first thing that ODCS or Lakebook does not allow."""
    from open_data_contract_standard.model import OpenDataContractStandard

    if not isinstance(document.value, dict):
        raise ContractError(
            "not a data contract", where=document.where, fix="see docs/reference/contracts.md"
        )
    _check_keys(document, document.value, OpenDataContractStandard, ())
    _check_logical_types(document)
    errors = list(_validator().iter_errors(document.value))
    if errors:
        # "Unevaluated" keys are mostly the echo of another error; else the first in the file.
        worst = min(
            map(precise, errors),
            key=lambda e: (
                e.validator == "unevaluatedProperties",
                document.line(tuple(e.absolute_path)),
            ),
        )
        place = tuple(worst.absolute_path)
        found, fix = in_words(worst, named(document.value, place))
        raise ContractError(found, where=document.at(place), fix=fix)


def _check_logical_types(document: Document) -> None:
    # Optional in the standard, but its JSON schema's `if logicalType is map` holds for a property
    # without one too, and then asks for the key `map`.
    for i, table in enumerate(_list(document.value, "schema")):
        for j, column in enumerate(_list(table, "properties")):
            if isinstance(column, dict) and "logicalType" not in column:
                place: Place = ("schema", i, "properties", j)
                raise ContractError(
                    f"{named(document.value, place)} has no logicalType",
                    where=document.at(place),
                    fix="add one, such as logicalType: string",
                )


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def named(value: Any, place: Place) -> str:
    """A place in words: `schema.flights.dep_time.required`; list items by their names."""
    words: list[str] = []
    for key in place:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            value = None
        if isinstance(key, str):
            if key not in ("properties", "customProperties"):
                words.append(key)
        elif isinstance(value, dict) and (name := _name_of(value)):
            words.append(name)
        else:
            words.append(str(key + 1))
    return ".".join(words) or "the contract"


def _name_of(item: Mapping[str, Any]) -> str:
    given = (item.get("name"), item.get("property"))
    return next((name for name in given if name and isinstance(name, str)), "")


@cache
def _validator() -> Any:
    from importlib.resources import files

    from ..late import put_off_iri_grammar

    put_off_iri_grammar()
    import jsonschema

    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft201909Validator(json.loads(text))


@cache
def _keys(model: Any) -> Mapping[str, Any]:
    """The keys of a model of the standard and the annotations of their values."""
    hints = typing.get_type_hints(model)
    return {(f.alias or name): hints[name] for name, f in model.model_fields.items()}


def _check_keys(document: Document, value: Any, annotation: Any, place: Place) -> None:
    if isinstance(value, list):
        for i, item in enumerate(value):
            for inner in _options(annotation, list):
                _check_keys(document, item, inner, (*place, i))
        return
    model = next((m for m in _options(annotation, dict)), None)
    if model is None or not isinstance(value, dict):
        return
    known, words = _keys(model), named(document.value, place)
    for key in value:
        check_key(model.__name__, str(key), known, document.at((*place, key)), words)
    # Before anything is looked at in what is nested: the JSON schema takes exponential time for it.
    if found := refusal(model.__name__, value):
        key, fix = found
        at = document.at((*place, key))
        raise ContractError(f"{key!r} in {words} is not checked by Lakebook", where=at, fix=fix)
    if model.__name__ == "DataQuality" and (stray := stray_key(value)):
        key, kind = stray
        at = document.at((*place, key))
        raise ContractError(f"{key!r} in {words} is no key of a rule of type {kind}", where=at)
    if model.__name__ == "SchemaProperty":
        options = (*place, "logicalTypeOptions")
        check_options(value, lambda key: document.at((*options, key)), words)
    for key, inner in value.items():
        if key == "customProperties":
            check_custom(document, inner, place, words)
        _check_keys(document, inner, known[key], (*place, key))


def _options(annotation: Any, kind: type) -> list[Any]:
    """Models that a mapping (kind dict), or item annotations that a list, may have here."""
    found: list[Any] = []
    parts = (
        typing.get_args(annotation)
        if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
        else (annotation,)
    )
    for part in parts:
        if kind is list and typing.get_origin(part) is list:
            found += typing.get_args(part)
        elif kind is dict and hasattr(part, "model_fields"):
            found.append(part)
    return found
