"""The one parser of a source's texts: a text is exactly a value of its column's type, or none.

Every source that has text goes through `checked`. What each type takes stands in
docs/howto/new-source.md; nothing is trimmed, rounded, wrapped or guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..engines.polars_cast import MISFIT, or_stop, polars_type
from .timestamps import DATE, TimestampForm

if TYPE_CHECKING:
    import polars as pl

_TRUE, _FALSE = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")
BOOLEANS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
_BYTES = r"^(?:\\x|0x)?(?:[0-9a-fA-F]{2})*$"
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ESCAPES = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | {"\\": r"\\", '"': r"\""}
_WHOLE = r"^([+-]?[0-9]+)(?:\.0*)?$"
_NOT_ZERO = r"^[+-]?[0.]*[1-9]"
_EXACT_WHOLE = {"float64": 2.0**53, "float32": 2.0**24}


def parsed(text: pl.Expr, kind: str, form: TimestampForm) -> pl.Expr:
    """Texts as values of a contract's type; null where a text does not fit it exactly."""
    import polars as pl

    if kind in ("int32", "int64"):  # Polars takes a sign and digits, nothing else
        return text.cast(pl.Int32 if kind == "int32" else pl.Int64, strict=False)
    if kind in ("float32", "float64"):
        return _float(text, kind)
    if kind.startswith("decimal"):
        fits = text.str.contains(_decimal_pattern(kind)) & text.str.contains("[0-9]")
        return pl.when(fits).then(text).cast(polars_type(kind), strict=False)
    if kind == "boolean":
        return text.replace_strict(BOOLEANS, default=None, return_dtype=pl.Boolean)
    if kind == "date":
        fits = text.str.contains(f"^{DATE}$")
        return pl.when(fits).then(text).str.to_date("%Y-%m-%d", strict=False)
    if kind == "timestamp":
        return form.parsed(text)
    if kind == "binary":
        digits = text.str.replace(r"^(?:\\x|0x)", "")
        return pl.when(text.str.contains(_BYTES)).then(digits).str.decode("hex", strict=False)
    return text


def checked(text: pl.Expr, name: str, kind: str, form: TimestampForm) -> pl.Expr:
    """As `parsed`, but a text that does not fit stops the computation (`stopped_at`, MISFIT)."""
    if kind == "string":
        return text.alias(name)
    value = parsed(text, kind, form)
    is_bad = text.is_not_null() & value.is_null()
    return or_stop(value, is_bad, polars_type(kind), name, MISFIT).alias(name)


def misfits(texts: Mapping[str, pl.Expr], values: Mapping[str, pl.Expr]) -> pl.Expr:
    """The texts of a row that are no values of their types, as JSON by column; null where all are.

    `values`: of each text, by the same names (see `parsed`).
    """
    import polars as pl

    is_bad = {name: text.is_not_null() & values[name].is_null() for name, text in texts.items()}
    parts = []
    for name, text in texts.items():
        # Few rows have a text here, and only those are escaped.
        bad = pl.when(is_bad[name]).then(text)
        escaped = bad.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
        parts.append(pl.lit(f'"{name}":"') + escaped + pl.lit('"'))
    joined = pl.concat_str(parts, separator=",", ignore_nulls=True)
    return pl.when(pl.any_horizontal(is_bad.values())).then(
        pl.concat_str([pl.lit("{"), joined, pl.lit("}")])
    )


def why_not(text: str, kind: str, form: TimestampForm) -> str:
    """The rest of a sentence about a text that is no value of a type."""
    if text != text.strip():
        return f"which is no {kind}: it has spaces around it"
    if kind.startswith("float") and _FLOAT.fullmatch(text):
        return f"which a {kind} cannot hold exactly"
    ways = {
        "timestamp": f" of the form {form.text}",
        "date": " of the form YYYY-MM-DD",
        "boolean": f" ({', '.join(t for pair in zip(_TRUE, _FALSE, strict=True) for t in pair)})",
        "binary": " (hexadecimal digits in pairs)",
    }
    return f"which is no {kind}{ways.get(kind, '')}"


def _decimal_pattern(kind: str) -> str:
    """Texts whose every digit the type has room for: zeros at either end need none."""
    precision, scale = map(int, kind[len("decimal(") : -1].split(","))
    return rf"^[+-]?0*[0-9]{{0,{precision - scale}}}(?:\.[0-9]{{0,{scale}}}0*)?$"


def _float(text: pl.Expr, kind: str) -> pl.Expr:
    """Finite numbers to the nearest value, whole ones exactly; NaN and infinities by name.

    A float32 is, in its shortest decimal form or exactly, the number that the text says. Few values
    can be wrong, and only their texts are looked at.
    """
    import polars as pl

    value = text.cast(pl.Float64, strict=False)
    held, single = value, value.cast(pl.Float32)
    if kind == "float32":
        held = single.cast(pl.Float64)

    def of(is_odd: pl.Expr) -> pl.Expr:
        return pl.when(is_odd).then(text)

    large = of(held.is_finite() & (held.abs() >= _EXACT_WHOLE[kind])).str.extract(_WHOLE)
    digits = large.cast(pl.Int128, strict=False) == held.cast(pl.Int128, strict=False)
    is_bad = (
        of(held.is_infinite()).str.contains("[0-9]").fill_null(False)
        | of(held == 0).str.contains(_NOT_ZERO).fill_null(False)
        | (large.is_not_null() & ~digits.fill_null(False))
    )
    if kind == "float64":
        return pl.when(~is_bad).then(value)
    shortest = pl.when(held != value).then(single).cast(pl.String).cast(pl.Float64, strict=False)
    return pl.when(~is_bad & ((held == value) | (shortest == value))).then(single)
