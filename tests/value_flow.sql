-- inner join
-- keys: t.k u.k
select t.a + u.d as x, u.h, t.k from bronze.t t join bronze.u u on t.k = u.k;

-- left join, the key of the right
-- keys: t.k u.k
select t.a, u.k, u.d from bronze.t t left join bronze.u u on t.k = u.k;

-- using
-- keys: t.k u.k
select k, a, d from bronze.t join bronze.u using (k);

-- right join using
-- keys: t.k u.k
select k, a, d from bronze.t right join bronze.u using (k);

-- full join using
-- keys: t.k u.k
select k, a, d from bronze.t full join bronze.u using (k);

-- natural join
-- keys: t.k u.k
select * exclude (s, l, r, j) from bronze.t natural join bronze.u;

-- natural join on two
-- keys: t.k v.k; t.a v.a
select * from (select k % 2 as k, a % 2 as a, c from bronze.t)
natural left join (select k % 2 as k, a % 2 as a, w from bronze.v);

-- cross join
select a, d from bronze.t, bronze.u;

-- semi join
-- keys: t.k u.k
select d, e from bronze.u semi join bronze.t using (k);

-- anti join
-- keys: t.k u.k
select d from bronze.u anti join bronze.t using (k);

-- asof join
-- keys: t.k u.k
select t.a, q.d from bronze.t asof join (select k, max(d) as d from bronze.u group by k) q
on t.k >= q.k;

-- positional join
select a, d from bronze.t positional join bronze.u;

-- three tables
-- keys: t.k u.k v.k
select t.c, d, w from bronze.t join bronze.u using (k) join bronze.v using (k);

-- self join
-- keys: t.k
select x.a, y.b as z from bronze.t x join bronze.t y on x.k = y.k;

-- union all
select a as x, b as y from bronze.t union all select e, d from bronze.u;

-- union
-- set
select a as x from bronze.t union select d from bronze.u;

-- union by name
-- set
select a as x, b as y from bronze.t union by name select d as y, e as x from bronze.u;

-- union all by name, swapped
select a, b from bronze.t union all by name select b, a from bronze.t;

-- union all by name, a column more
select a, b from bronze.t union all by name select d as b, e as z from bronze.u;

-- union of stars by name
select k, a from bronze.t union all by name select * from bronze.v;

-- except
-- keys: t.a u.d
select a from bronze.t except select d from bronze.u;

-- intersect
-- keys: t.a u.d
select a from bronze.t intersect select d from bronze.u;

-- a union of unions
select a x from bronze.t union all (select d from bronze.u union all select w from bronze.v);

-- pivot
-- keys: t.b
from (pivot (select g, a, b from bronze.t) on g in ('x', 'y') using sum(a) group by b);

-- pivot with two aggregates
-- keys: t.k
from (pivot (select g, a, b, k from bronze.t) on g in ('x', 'y') using sum(a) as n, max(b) as m
group by k);

-- pivot by the rest
-- keys: t.b
from (pivot (select g, a, b from bronze.t) on g in ('x', 'y') using first(a));

-- pivot of many values
-- never: *: few of the values are in the rows
from (pivot (select k, a, b from bronze.t) on k in (-10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2,
3, 4, 5, 6, 7, 8, 9, 10, 11, 12) using sum(a) as n, max(b) as m);

-- pivot in the standard's words
-- keys: t.b
select * from (select g, a, b from bronze.t) pivot (sum(a) for g in ('x', 'y') group by b);

-- unpivot
-- keys: t.a t.b
from (unpivot (select k, a, b from bronze.t) on a, b into name n value v);

-- unpivot, nulls too
select * from (select k, a, b from bronze.t) unpivot include nulls (v for n in (a, b));

-- unpivot with exclude
select * from (select k, a, b from bronze.t)
unpivot include nulls (v for n in (columns(* exclude (k))));

-- unpivot with exclude, in short
-- keys: t.a t.b
from (unpivot (select k, a, b from bronze.t) on columns(* exclude (k)) into name n value v);

-- unpivot renamed
select n, v, k as z from (select k, b as a, a as b from bronze.t)
unpivot include nulls (v for n in (a, b));

-- unpivot of pairs
select * from (select t.k, a, b, d from bronze.t, bronze.u)
unpivot include nulls ((v, w) for n in ((a, b) as x, (b, d) as y));

-- unpivot with nulls
select * from bronze.u unpivot include nulls (v for n in (d, e));

-- lateral
select a, q.y from bronze.t, lateral (select t.b + 1 as y) q;

-- lateral of a subquery
-- keys: t.k u.k
select t.a, q.m from bronze.t, lateral (select max(d) as m from bronze.u where u.k = t.k) q;

-- lateral without the word
select x from bronze.t, (select t.a * 2) q(x);

-- lateral of a lateral
-- keys: t.b u.k
select z from bronze.t, lateral (select t.a as y, t.b as n) q, lateral (select q.y + u.d as z from
bronze.u where u.k > q.n) p;

-- left join lateral
-- keys: t.k u.k; u.d
select t.c, q.e from bronze.t left join lateral (select e from bronze.u where u.k = t.k order by d
limit 1) q on true;

-- lateral unnest
-- keys: t.l
select a, y from bronze.t, lateral (select unnest(t.l)) q(y);

-- a list in from
-- keys: t.l
select a, y from bronze.t, unnest(t.l) q(y);

-- a list of structs in from
-- keys: t.r
select a, y.m, y.n as z from bronze.t, unnest(t.r) q(y);

-- a range by a column
-- fixed: u.e
select d, y from bronze.u, range(abs(u.e) % 3) q(y);

-- a field
select s.p, t.s.q as y from bronze.t t;

-- a row
select t as x from bronze.t t;

-- a field of a row
select (t).a as x, t.b as y from bronze.t t;

-- a struct and its field
select {'x': a, 'y': b}.y as z, {'x': a}.x + k as w from bronze.t;

-- a struct through a subquery
select o.x, o.y as z, k from (select {'x': a, 'y': {'n': b}} as o, k from bronze.t);

-- a nested struct
select o.y.n as z from (select {'x': a, 'y': {'n': b}} as o from bronze.t);

-- a struct by a cast
select o.y as z, o.x as w from (select cast({'x': a, 'y': b} as struct(y bigint, x bigint)) as o
from bronze.t);

-- an unnamed struct
-- never: t.b>x: the fields of a struct without names are not told apart
select row(a, b)[1] as x from bronze.t;

-- struct unnest
select unnest(s), k from bronze.t;

-- struct unnest of our own
select unnest({'x': a, 'y': b}), c from bronze.t;

-- struct star
select s.* from bronze.t;

-- list unnest
-- keys: t.l
select unnest(l) as x, a from bronze.t;

-- unnest of lists of structs
-- keys: t.r
select unnest(r, recursive := true), a from bronze.t;

-- unnest of a list of our own
select unnest([a, b]) as x, k from bronze.t;

-- unnest of structs of our own
select z.x, z.y as w from (select unnest([{'x': a, 'y': k}, {'x': b, 'y': k}]) as z from bronze.t);

-- an element
select l[1] as x, l[a % 2 + 1] as y from bronze.t;

-- a list comprehension
select [x + b for x in l if x > k] as y, len(l) as n from bronze.t;

-- a lambda
select list_transform(l, lambda x: x * a) as y from bronze.t;

-- a lambda in a lambda
select list_transform(l, lambda x: list_sum(list_transform([a, x], lambda y: y + b))) as z from
bronze.t;

-- list_reduce
select list_reduce(l, lambda x, y: x + y * a, b) as z from bronze.t;

-- a map
-- never: t.a>z: the entries of a map are not told apart
select map {'x': a, 'y': b}['y'] as z from bronze.t;

-- union of structs
select o.x, o.y as z from (select {'x': a, 'y': b} as o from bronze.t union all select {'x': d, 'y':
e} from bronze.u);

-- json
select j->>'$.y' as x, j->'z' as y, a from bronze.t;

-- json by dots
select j.y as x from bronze.t;

-- json of a row
select to_json(v) as x, w from bronze.v v;

-- json of columns
-- never: v.w>x: what is in a text of JSON is not told apart
select json_object('a', a, 'b', w)->>'a' as x from bronze.v;

-- group by
-- keys: t.g
select g, sum(a) as x, count(*) as n, max(b) - min(k) as y from bronze.t group by g;

-- group by all
-- keys: t.g; t.c
select g, c, sum(a) as x from bronze.t group by all;

-- group by an expression
-- fixed: t.k
select k % 2 = 0 as even, sum(a) as x from bronze.t group by all;

-- having
-- keys: t.g; t.b
select g, sum(a) as x from bronze.t group by g having max(b) > 0;

-- rollup
-- keys: t.g
select g, grouping(g) as n, sum(a) as x from bronze.t group by rollup (g);

-- arg_max
-- keys: t.g
select g, arg_max(a, b) as x, arg_min(c, k) as y from bronze.t group by g;

-- arg_max of a row
-- keys: t.g
select g, arg_max(t, b).a as x, arg_max(t, k).c as y from bronze.t t group by g;

-- arg_max of a struct
select arg_max({'x': a, 'y': b}, k).y as z from bronze.t;

-- first and last
select first(a) as x, last(b) as y, any_value(c) as z from bronze.t;

-- first in an order
select first(a order by b) as x, list(c order by k) as y from bronze.t;

-- a filter of an aggregate
select sum(a) filter (b > 0) as x, count(*) filter (k > 0) as n from bronze.t;

-- string_agg
select string_agg(c, ',' order by a) as x from bronze.t;

-- distinct in an aggregate
select count(distinct a) as n, list(distinct b) as x from bronze.t;

-- aggregates of columns
select max(columns('^(a|b)$')), sum(k) as n from bronze.t;

-- histogram
select histogram(a) as x from bronze.t;

-- aggregate over nothing
select count(*) as n, 1 as x from bronze.t;

-- running sum
-- fixed: t.g t.k
select sum(a) over (partition by g order by b, k) as x, c from bronze.t;

-- row_number
-- never: t.a>n: the numbers are the same in any order, but not each row's
select row_number() over (order by a) as n, a from bronze.t;

-- lag
select lag(a) over (order by rowid) as x, lead(b, 1, 0) over (order by rowid) as y from bronze.t;

-- lag of a struct
select lag({'x': a, 'y': b}) over (order by rowid).y as z from bronze.t;

-- a frame
select avg(a) over (order by k range between 3 preceding and current row) as x from bronze.t;

-- a named window
select sum(a) over w as x, min(b) over w as y from bronze.t window w as (order by rowid);

-- first_value
select first_value(a) over (partition by c order by b) as x from bronze.t;

-- qualify
-- keys: t.g; t.k
select a, b from bronze.t qualify row_number() over (partition by g order by k, rowid) = 1;

-- qualify by an alias
-- keys: t.k
-- never: t.k>n: the numbers are the same in any order, but not each row's
select a, row_number() over (order by k, rowid) as n from bronze.t qualify n < 4;

-- cte
with x as (select a + 1 as y, b from bronze.t), z as (select y, b as n from x) select y, n from z;

-- cte with names
with x(p, q) as (select a, b from bronze.t) select q as p, p as q from x;

-- a cte twice
with x as (select a, b from bronze.t) select p.a, q.b as y from x p, x q;

-- a cte in a cte
with x as (with y as (select a from bronze.t) select a * 2 as z from y) select z from x;

-- a cte of a table's name
with t as (select d as a from bronze.u) select a from t;

-- recursive
with recursive r(n, y) as (select 1, a from bronze.t union all select n + 1, y + 1 from r where n <
3) select n, y from r;

-- recursive, swapped
with recursive r(n, y, z) as (select 1, a, b from bronze.t union all select n + 1, z, y from r where
n < 4) select y, z from r;

-- recursive over a join
with recursive r(n, y) as (select 0, k from bronze.t union all select n + 1, u.d from r join
bronze.u on n < 2) select n, y from r;

-- scalar subquery
select a, (select max(d) from bronze.u) as x from bronze.t;

-- correlated
-- keys: t.k u.k
select a, (select max(d) from bronze.u where u.k = t.k) as x from bronze.t;

-- correlated in its value
select (select max(d + t.a) from bronze.u) as x from bronze.t;

-- correlated twice
select (select max(u.d + (select min(w + t.b + u.e) from bronze.v)) from bronze.u) as x from
bronze.t;

-- correlated through two
-- keys: t.k v.k; v.a u.e
select (select max((select max(w) from bronze.v where v.k = t.k and v.a >= u.e)) from bronze.u) as x
from bronze.t;

-- correlated unnest
select a, (select sum(x + t.b) from unnest(t.l) q(x)) as y from bronze.t;

-- array subquery
-- keys: t.k u.k; u.e
select array(select d from bronze.u where u.k > t.k order by e, d) as x from bronze.t;

-- exists
-- fixed: t.k u.k
select exists (select 1 from bronze.u where u.k = t.k) as x, a from bronze.t;

-- in a subquery
select k in (select k from bronze.u) as x, a from bronze.t;

-- not in where
-- keys: t.k u.k
select a from bronze.t where k not in (select k from bronze.u where k is not null);

-- any
select k > any (select k from bronze.u) as x from bronze.t;

-- in from
-- keys: t.a
select y.x from (select a as x from bronze.t) y where y.x > 0;

-- case
select case when a > 0 then b else k end as x, case c when 'x' then 1 end as y from bronze.t;

-- coalesce
select coalesce(a, b, 0) as x, ifnull(k, a) as y, nullif(a, b) as z from bronze.t;

-- casts
select a::varchar as x, try_cast(c as integer) as y, b::bigint as z from bronze.t;

-- between and in
select a between b and k as x, a in (b, 1, 2) as y from bronze.t;

-- text
select c || g as x, upper(c) as y, c.upper() as z, c like 'x%' as w, c[1] as q from bronze.t;

-- an alias used again
select a + 1 as x, x * b as y from bronze.t;

-- an alias that hides a column
select b as a, a as b, k from bronze.t;

-- by position
select #2 as x from bronze.t;

-- dice by a key
select md5(c) as x, hash(a) % 100 as y from bronze.t;

-- star
select * from bronze.v;

-- from first
from bronze.v select w, a;

-- replace
select * replace (w as a) from bronze.v;

-- exclude and rename
select * exclude (k) rename (a as w, w as a) from bronze.v;

-- star of one
select v.*, d from bronze.v v, bronze.u;

-- like
select * like 'a%' from bronze.v;

-- columns
select columns(c -> c in ('a', 'w')) + 1 from bronze.v;

-- columns renamed
select columns('(a|w)') as 'x_\1' from bronze.v;

-- columns in a call
select coalesce(*columns(['a', 'w'])) as x from bronze.v;

-- columns of all
select min(columns(*)) from bronze.v;

-- distinct
-- set
select distinct a, b from bronze.t;

-- distinct on
-- keys: t.k
select distinct on (k) k, a, b from bronze.t order by k, rowid;

-- limit
-- keys: t.k
select a, b from bronze.t order by k, rowid limit 3;

-- order by a hidden one
select a from bronze.t order by b + k;

-- where
-- keys: t.b; t.k
select a, k from bronze.t where b > 0 and k >= 0;

-- values
select x, a from (values (1, 'p'), (2, 'q')) q(x, y), bronze.t;

-- values of columns
select x from bronze.t, lateral (values (t.a), (t.b)) q(x);

-- a table function
select x, a from range(3) q(x), bronze.t;

-- summarize
select min, q25 from (summarize select a, c from bronze.t);

-- macro
select twice(a) as x, spread(b) as y from bronze.t;

-- table macro
select x from doubled(1);

-- sample of all
select a from bronze.t using sample 100 percent (bernoulli);

-- a view
select y from bronze.seen;

-- try
select try(a // b) as x from bronze.t;

-- a field by its place
select struct_extract_at({'x': a, 'y': b}, 2) as z, {'x': a, 'y': b}['x'] as w from bronze.t;

-- a field of a field of the same name
select {'x': {'x': a, 'n': k}, 'n': b}['x'].n as z from bronze.t;

-- an element of a list of structs
-- never: t.k>z: the elements of a list are not told apart
select [{'x': a, 'y': b}, {'x': k, 'y': k}][1].y as z from bronze.t;

-- a list of one
select [a] as x from bronze.t;

-- a struct by a cast to fewer fields
select cast({'x': a, 'y': b, 'z': k} as struct(Y integer, x integer)).y as z from bronze.t;

-- a lambda beside another column
select k, list_transform(l, lambda x: x + 1) as y from bronze.t;

-- arg_max of a struct in a struct
select arg_max({'x': {'n': a, 'm': k}, 'y': k}, b).x.n as z from bronze.t;

-- a list of structs of our own in from
select q.y.x as z, q.y.n as w from bronze.t, unnest([{'x': t.a, 'n': t.b}]) q(y);

-- recursive, around three
with recursive r(n, x, y, z) as (select 1, a, b, k from bronze.t union all
select n + 1, y, z, x from r where n < 4) select x, y, z from r;

-- correlated with a lateral in it
-- keys: v.k u.e
select (select max(u.d + q.w + t.a) from bronze.u, lateral (select min(w) as w from bronze.v
where v.k >= u.e) q) as x from bronze.t;
