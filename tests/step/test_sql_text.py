"""What SQL names is read from its text; what no frame can come of is refused in one sentence."""

from __future__ import annotations

import pytest

from lakebook.errors import UserError
from lakebook.step.sql_text import normal_form, read_sql


def names(text: str) -> tuple[list[str], list[str], list[str]]:
    sql = read_sql(text)
    return [str(dataset) for dataset in sql.datasets], list(sql.frames), list(sql.params)


def test_datasets_frames_and_parameters_are_told_apart() -> None:
    text = """
        select * from bronze.flights f left join bronze.planes p using (tailnum)
        join clean on clean.id = f.id where f.day >= $day and f.id in (select id from silver.ids)
    """
    assert names(text) == (
        ["bronze.flights", "bronze.planes", "silver.ids"],
        ["clean"],
        ["day"],
    )


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("with c as (select 1) select * from c", []),
        ("with C as (select 1) select x.* from c x", []),
        ("with c as (select * from d), d as (select 1) select * from c, d", ["d"]),
        ("with c as (select * from c) select * from c", ["c"]),
        ("with recursive c as (select 1 i union all select i from c) select * from c", []),
        ("with a as (select 1) select * from (with b as (select * from a) select * from b)", []),
        ("select * from (with b as (select 1) select * from b) x, b", ["b"]),
        ("from clean select a", ["clean"]),
        ("select * from range(3) r, (values (1)) v", []),
    ],
)
def test_the_name_of_a_with_clause_is_no_frame_where_it_is_seen(
    text: str, frames: list[str]
) -> None:
    assert names(text)[1] == frames


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("select 1; select 2", "the SQL holds 2 statements"),
        ("-- nothing", "the SQL holds no statement"),
        ("selec 1", "the SQL does not parse"),
        ("-- why\ndelete from bronze.a", "the SQL is a DELETE, and only a SELECT gives a frame"),
        ("create table x as select 1", "the SQL is a CREATE"),
        ("copy x to 'a.csv'", "the SQL is a COPY"),
        ("select a into b from bronze.a", "the SQL holds an INTO"),
        ("with a as (insert into b values (1) returning *) from a", "the SQL holds an INSERT"),
        ("from read_csv('a.csv')", "the SQL reads read_csv(…), which the graph cannot see"),
        ("from READ_PARQUET(['a'])", "the SQL reads read_parquet(…)"),
        ("from query('select 1')", "the SQL reads query(…)"),
        ("from 'a.csv'", "the SQL reads 'a.csv', which is no dataset and no frame"),
        ("from before", "the SQL reads 'before', which is the name of an option"),
        ("from other.bronze.a", "the SQL reads other.bronze.a; name datasets as layer.name"),
        ("from bronz.a", "'bronz.a' has the unknown layer 'bronz' (did you mean 'bronze'?)"),
        ("select ?", "the SQL has a parameter without a name; write $name"),
        ("select now()", "the SQL asks for the clock by now"),
        ("select current_date", "the SQL asks for the clock by current_date"),
        ("select random()", "the SQL throws dice by rand"),
        ("select * from silver.flights tablesample 10%", "the SQL asks for a sample of rows"),
        ("select * from silver.flights using sample 3", "the SQL asks for a sample of rows"),
        ("select age(seen) from silver.flights", "the SQL asks age()"),
    ],
)
def test_what_no_frame_can_come_of_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        read_sql(text)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "frames", "params", "sentence"),
    [
        ("from clean", [], [], "the SQL reads 'clean', which is no dataset and no frame"),
        ("from clea", ["clean"], [], "no dataset and no frame (did you mean 'clean'?)"),
        ("from flights, bronze.flights", [], [], "(did you mean 'bronze.flights'?)"),
        ("from bronze.a", ["befor"], [], "and the SQL does not read it (did you mean 'before'?)"),
        ("select $day", [], ["dya"], "the SQL has $day, which is not passed (did you mean 'dya'?)"),
        ("select $day", [], ["day", "x"], "params has 'x', and the SQL has no $x"),
    ],
)
def test_what_is_passed_must_be_what_the_text_names(
    text: str, frames: list[str], params: list[str], sentence: str
) -> None:
    with pytest.raises(UserError) as refused:
        read_sql(text).check(frames, params)
    assert sentence in str(refused.value)


def test_the_last_semicolon_and_what_follows_is_cut_off() -> None:
    assert read_sql("select ';' as a -- one\n; -- two").text == "select ';' as a"


def test_comments_and_formatting_leave_the_normal_form_as_it_is() -> None:
    one = normal_form("select a, ';' as b -- why\nfrom /* x */ bronze.a;")

    assert one == normal_form("select  a,\n\t';' as b\nfrom bronze.a")
    assert one != normal_form("select a, '; ' as b from bronze.a")
    assert one != normal_form("select A, ';' as b from bronze.a")
