"""Which rows break Lakebook's own classes: an expression in SQL, and keys of several columns."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any

import narwhals as nw

from .references import mark_of
from .row_condition import row_test
from .typed import Schema, missing

SATISFIED = "rows.satisfied"
IN_REFERENCE = "rows.keys_there"
OWN_METRICS = (SATISFIED, IN_REFERENCE)
OWN_ARGUMENTS = ("expression", "reference")


def own_condition(
    metric: str, kwargs: Mapping[str, Any], schema: Schema
) -> tuple[nw.Expr | None, nw.Expr]:
    """The rows that a rule looks at (None: all) and, of any rows, whether they keep it.

    An expression that is unknown, for a null in it, is kept, as by a CHECK of SQL. A key with a
    null in any of its columns is none, as by MATCH SIMPLE.
    """
    if metric == SATISFIED:
        return None, row_test(kwargs["expression"], schema).fill_null(True)
    lost = [missing(name, schema) for name in kwargs["column_list"]]
    return ~functools.reduce(operator.or_, lost), ~nw.col(mark_of(kwargs["reference"])).is_null()
