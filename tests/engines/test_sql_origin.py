"""SQL is followed to what it is made of: no value of a hidden column is in an open output."""

from __future__ import annotations

import duckdb
import pytest

from lakebook.engines.sql_origin import Source, hidden_outputs

SECRET = "zq-secret"
TABLES = {
    "bronze.people": Source(["id", "email", "amount", "l"], {"email"}),
    "bronze.orders": Source(["id", "price"], set()),
}
FRAMES = {"clean": Source(["x", "y"], {"x"})}
ALL = None
QUERIES: dict[str, list[str] | None] = {
    "select * from bronze.people": ["id", "amount", "l"],
    "from bronze.people select id, email e": ["id"],
    "select email as amount, amount as id from bronze.people": [],
    "select amount as email, id from bronze.people": ["email", "id"],
    "select * exclude (email) from bronze.people": ["id", "amount", "l"],
    "select * replace (email as amount) from bronze.people": ["id", "l"],
    "select * rename (email as id2) from bronze.people": ["id", "amount", "l"],
    "select ID, EMAIL, Bronze.People.Email e from BRONZE.People": ["id"],
    "select min(email) m, count(email) c, count(*) n, sum(amount) s from bronze.people": [
        *("c", "n", "s")
    ],
    "select case when email like 'z%' then 1 else 0 end c, id from bronze.people": ["id"],
    "select id from bronze.people where email = 'zq-secret'": ["id"],
    "select p from bronze.people p": [],
    "select people from bronze.people": [],
    "select to_json(p) j, p::varchar v, max(p) m, id from bronze.people p group by all": ["id"],
    "select struct_extract(p, 'email') e, (p).email f, id from bronze.people p": ["id"],
    "select email.upper() c, id from bronze.people": ["id"],
    "select columns(*) from bronze.people": [],
    "select #2 from bronze.people": [],
    "with a as (select email k, id from bronze.people) select * from a": ["id"],
    "with a(id, k) as (select email, id from bronze.people) select k from a": [],
    "select * from (select email, id from bronze.people) t(id, email)": [],
    "select id, amount from bronze.people t(amount, id)": [],
    "select o.price, t.id from bronze.orders o left join bronze.people as t(k, id) on true": [],
    "select (select max(id) from bronze.people t(k, id)) m from bronze.orders": [],
    "with a as (select email, id from bronze.people) select id from a t(id)": [],
    "select n, id from bronze.people, range(2) t(n)": ["id"],
    "select a.id, price, email from bronze.people a join bronze.orders b using (id)": [
        *("id", "price")
    ],
    "select id, (select max(email) from bronze.people) m from bronze.orders": ["id"],
    "select id, (select price from bronze.orders limit 1) m from bronze.people": ["id", "m"],
    "select 'x' e, id from bronze.orders union all select email, id from bronze.people": ["id"],
    "select id, '' e from bronze.orders union by name select email e, id from bronze.people": [],
    "select email as amount, amount || 'x' as q, id from bronze.people": ["id"],
    "select email as z, z || 'x' as q, id from bronze.people": ["id"],
    "summarize bronze.people": [],
    "explain analyze select email from bronze.people": [],
    "unpivot (select email from bronze.people) on email into name n value v": [],
    "select u, id from bronze.people, unnest([email, 'x']) t(u)": ["id"],
    "select u, id from bronze.people, lateral (select email as u)": ["id"],
    "select list_transform([email], v -> v) z, list_apply(l, v -> v + 1) y from bronze.people": [
        "y"
    ],
    "with recursive r as (select id, email from bronze.people union all "
    "select id + 1, email from r where id < 3) select * from r": [],
    "select lag(email) over () g, id from bronze.people": ["id"],
    "select {'a': email} x, [email] y, email[1:3] z, id from bronze.people": ["id"],
    "select x, y from clean": ["y"],
    "select * from bronze.orders natural join bronze.people": [],
    "select * from bronze.orders": ["id", "price"],
    "describe bronze.people": ALL,
}


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("create schema bronze")
    made.execute(f"create table bronze.people as select 1 id, '{SECRET}' email, 5 amount, [1, 2] l")
    made.execute("create table bronze.orders as select 1 id, 7 price")
    made.execute(f"create view clean as select '{SECRET}' x, 3 y")
    return made


@pytest.mark.parametrize("sql", QUERIES)
def test_only_what_no_hidden_column_enters_is_open(
    database: duckdb.DuckDBPyConnection, sql: str
) -> None:
    relation = database.sql(sql)
    names, rows = relation.columns, relation.fetchall()
    hidden = hidden_outputs(sql, names, TABLES, FRAMES)
    found = [name for name, is_hidden in zip(names, hidden, strict=True) if not is_hidden]
    expected = QUERIES[sql]
    assert [name.lower() for name in found] == (names if expected is ALL else expected)
    for row in rows:
        shown = [v for v, is_hidden in zip(row, hidden, strict=True) if not is_hidden]
        assert SECRET not in str(shown).lower()
