"""Columns followed to where they come from, exactly; and where they cannot be followed."""

from __future__ import annotations

import pytest

from lakebook.errors import UserError
from lakebook.lineage import LineageNode, lineage, render_tree, to_json

from .conftest import Checked


def test_columns_are_followed_through_a_join(checked: Checked) -> None:
    assert checked.edges("silver.shaped", "airline") == {"bronze.airlines.name"}
    assert checked.edges("silver.shaped", "carrier") == {"bronze.flights.carrier"}


def test_columns_are_followed_through_when_then(checked: Checked) -> None:
    assert checked.edges("silver.shaped", "late") == {
        "bronze.flights.dep_time",
        "bronze.flights.sched",
    }


def test_columns_are_followed_through_concat_str(checked: Checked) -> None:
    assert checked.edges("silver.shaped", "label") == {
        "bronze.flights.carrier",
        "bronze.flights.day",
    }


def test_columns_are_followed_through_the_parsing_of_dates(checked: Checked) -> None:
    assert checked.edges("silver.shaped", "on") == {"bronze.flights.day"}


def test_a_window_takes_its_keys_and_order_too(checked: Checked) -> None:
    assert checked.edges("silver.shaped", "total") == {
        "bronze.flights.dist",
        "bronze.flights.carrier",
        "bronze.flights.at",
    }


def test_columns_are_followed_through_a_group_by(checked: Checked) -> None:
    assert checked.edges("silver.grouped", "dist") == {"silver.shaped.total"}
    assert checked.edges("silver.grouped", "carrier") == {"silver.shaped.carrier"}
    assert checked.edges("silver.grouped", "flights") == set()


def test_a_copied_column_is_told_from_a_computed_one(checked: Checked) -> None:
    copies = {e.target_column: e.is_copy for e in checked.of("silver.good").lineage.columns}
    assert copies == {"carrier": True, "late": False}


def test_a_cell_may_import_pandas_and_is_followed_all_the_same(checked: Checked) -> None:
    assert checked.edges("silver.widened", "small") == {"bronze.flights.dist"}


def test_columns_are_followed_through_sql(checked: Checked) -> None:
    assert checked.sentences("silver.sql") == []
    assert checked.edges("silver.sql", "airline") == {"bronze.airlines.name"}
    assert checked.edges("silver.sql", "late_min") == {
        "bronze.flights.dep_time",
        "bronze.flights.sched",
    }


def test_columns_are_followed_through_frames_and_sql_in_turn(checked: Checked) -> None:
    assert checked.sentences("silver.sql_mixed") == []
    assert checked.edges("silver.sql_mixed", "km") == {"bronze.flights.dist"}
    assert checked.edges("silver.sql_mixed", "airline") == {"bronze.airlines.name"}
    assert checked.edges("silver.sql_mixed", "since") == {"bronze.flights.at"}
    assert set(checked.of("silver.sql_mixed").lineage.tables) == {
        ("bronze.airlines", "silver.sql_mixed"),
        ("bronze.flights", "silver.sql_mixed"),
    }


def test_columns_are_followed_by_their_names_where_sql_says_so(checked: Checked) -> None:
    assert checked.sentences("silver.sql_by_name") == []
    assert checked.edges("silver.sql_by_name", "carrier") == {"bronze.flights.carrier"}
    assert checked.edges("silver.sql_by_name", "day") == {"bronze.flights.day"}
    both = {"bronze.flights.dist", "bronze.flights.sched"}
    assert checked.edges("silver.sql_by_name", "dist") == both


def test_a_landed_column_comes_from_its_source(checked: Checked) -> None:
    found = checked.of("bronze.flights").lineage
    assert checked.edges("bronze.flights", "dist") == {"file://flights.csv.dist"}
    assert checked.edges("bronze.flights", "_source") == set()
    assert found.tables == (("file://flights.csv", "bronze.flights"),)


def test_a_cell_that_duckdb_cannot_follow_is_named_and_is_no_finding(checked: Checked) -> None:
    found = checked.of("silver.native")
    assert found.findings == ()
    assert found.lineage.columns == ()
    assert found.lineage.tables == (("bronze.flights", "silver.native"),)
    assert (found.lineage.opaque or {})["silver.native"].startswith("cell 4: ")


def walk(checked: Checked, target: str, direction: str = "up") -> LineageNode:
    return lineage(checked.project.settings, checked.project.graph(), target, direction)


def names(node: LineageNode) -> list[str]:
    return [child.name for child in node.children]


def test_a_step_with_an_engine_of_its_own_is_followed_by_tables_and_checked_all_the_same(
    checked: Checked,
) -> None:
    found = checked.of("silver.own")
    assert found.findings == ()
    assert found.lineage.tables == (("bronze.flights", "silver.own"),)
    assert found.lineage.columns == ()
    assert found.lineage.opaque == {"silver.own": "cell 4 is written for polars"}


def test_a_column_is_walked_up_to_the_source_file(checked: Checked) -> None:
    tree = walk(checked, "silver.grouped.dist")
    assert names(tree) == ["silver.shaped.total"]
    (total,) = tree.children
    assert names(total) == ["bronze.flights.at", "bronze.flights.carrier", "bronze.flights.dist"]
    assert names(total.children[2]) == ["file://flights.csv#dist"]


def test_a_column_is_walked_down_to_what_is_made_of_it(checked: Checked) -> None:
    tree = walk(checked, "bronze.airlines.name", "down")
    assert names(tree) == [
        "silver.shaped.airline",
        "silver.sql.airline",
        "silver.sql_mixed.airline",
    ]
    assert "silver.grouped.dist" in names(walk(checked, "silver.shaped.total", "down"))


def test_a_table_is_walked_by_tables(checked: Checked) -> None:
    tree = walk(checked, "silver.grouped")
    assert names(tree) == ["silver.shaped"]
    assert names(tree.children[0]) == ["bronze.airlines", "bronze.flights"]
    assert "silver.good" in names(walk(checked, "bronze.flights", "down"))


def test_a_column_that_could_not_be_followed_leads_to_tables_and_says_why(checked: Checked) -> None:
    tree = walk(checked, "silver.native.carrier")
    assert names(tree) == ["bronze.flights"]
    assert "cell 4" in tree.note
    assert "silver.native" in names(walk(checked, "bronze.flights.carrier", "down"))


def test_a_count_comes_from_the_rows_of_the_tables_above_and_says_so(checked: Checked) -> None:
    tree = walk(checked, "silver.grouped.flights")
    assert names(tree) == ["silver.shaped"] and "from rows" in tree.note
    assert walk(checked, "silver.grouped.dist").note == ""
    assert walk(checked, "silver.grouped.flights", "down").note == ""


def test_the_tree_is_printed_and_is_plain_values(checked: Checked) -> None:
    from rich.console import Console

    tree = walk(checked, "silver.good.carrier")
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(render_tree(tree))
    assert "bronze.flights.carrier unchanged" in shown.get()
    raw = to_json(tree)
    assert (raw["dataset"], raw["column"]) == ("silver.good", "carrier")
    assert raw["children"][0]["children"][0]["dataset"] == "file://flights.csv"


def test_an_unknown_target_suggests_the_nearest_name(checked: Checked) -> None:
    with pytest.raises(UserError, match=r"has no column 'carier' \(did you mean 'carrier'\?\)"):
        walk(checked, "silver.good.carier")
    with pytest.raises(UserError, match=r"there is no dataset silver.god"):
        walk(checked, "silver.god")
