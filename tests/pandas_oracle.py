"""Great Expectations on pandas, on a table of Arrow and rules with bound arguments."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from lakebook.contract.model import Rule, TableContract
from lakebook.quality.suite import META, _expectation, bound_rule, import_gx


def on_pandas(
    table: pa.Table, contract: TableContract, rules: Sequence[Rule]
) -> Mapping[str, dict[str, Any]]:
    """The results of rules by their names, by Great Expectations' own metrics."""
    gx = import_gx()
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    bound = [_spelled(bound_rule(contract, rule)) for rule in rules]
    suite = gx.ExpectationSuite(name="drawn", expectations=[_expectation(rule) for rule in bound])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = _whole().get_batch({"dataframe": to_pandas(table)})
        found = [batch.validate(one, result_format="SUMMARY") for one in suite.expectations]
    documents = [one.to_json_dict() for one in found]
    return {one["expectation_config"]["meta"][META]["rule"]: one for one in documents}


def to_pandas(table: pa.Table) -> Any:
    """Integers stay integers where one is null: floats would lose digits."""
    import pandas as pd

    kept = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
    frame = table.to_pandas(types_mapper=kept.get)
    for name in table.column_names:
        if table[name].null_count == 0 and table.schema.field(name).type in kept:
            frame[name] = table[name].to_pandas()
    return frame


def _spelled(rule: Rule) -> Rule:
    """`$` is the very end of a text here, which Python spells otherwise."""
    kwargs = dict(rule.kwargs)
    if "regex" in kwargs:
        kwargs["regex"] = kwargs["regex"].replace("$", r"\Z")
    if "regex_list" in kwargs:
        kwargs["regex_list"] = [one.replace("$", r"\Z") for one in kwargs["regex_list"]]
    return replace(rule, kwargs=kwargs)


@functools.cache
def _whole() -> Any:
    context = import_gx().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("drawn").add_dataframe_asset("drawn")
    return asset.add_batch_definition_whole_dataframe("all")
