"""What a step reads is seen in its code, or it is an error that says how to write it."""

from __future__ import annotations

import pytest

from lakebook.errors import GraphError, UserError
from lakebook.graph.notebook import Cell
from lakebook.graph.syntax import Found, find

FIRST = 'from lakebook import Step\nstep = Step("silver.b", start=start, end=end)'
WHERE = "notebooks/silver/b.ipynb"


def cells(*sources: str, tags: tuple[str, ...] = ()) -> list[Cell]:
    return [
        Cell(number, source, frozenset(tags) if number > 1 else frozenset())
        for number, source in enumerate((FIRST, *sources), start=1)
    ]


def found(*sources: str, tags: tuple[str, ...] = ()) -> Found:
    return find(cells(*sources, tags=tags), where=WHERE)


def test_reads_sources_selections_and_writes_are_seen() -> None:
    seen = found(
        'a = step.read("bronze.a", before=7, after=1, refresh="forward")\n'
        'p = step.read("bronze.p", whole=True).join(step.read("bronze.q"), on="id")',
        'x = step.ingest("file://x.csv", delimiter=";")\nstep.dbt("marts.punctuality")',
        'step.write(a)\nstep.write(p, table="silver.other")',
    )

    assert seen.step == "silver.b"
    assert seen.reads == [
        {"dataset": "bronze.a", "cell": 2, "before": 7, "after": 1, "refresh": "forward"},
        {"dataset": "bronze.p", "cell": 2, "whole": True},
        {"dataset": "bronze.q", "cell": 2},
    ]
    assert seen.sources == ["file://x.csv"]
    assert seen.selections == [{"selection": "marts.punctuality", "cell": 3}]
    assert seen.writes == ["silver.other"]


def test_a_selection_has_the_words_of_a_read() -> None:
    seen = found('step.dbt("a b", before=6, after=1)\nstep.dbt("c", whole=True)')

    assert seen.selections == [
        {"selection": "a b", "cell": 2, "before": 6, "after": 1},
        {"selection": "c", "cell": 2, "whole": True},
    ]
    with pytest.raises(
        GraphError, match=r"step\.dbt has no option 'befor' \(did you mean 'before'"
    ):
        found('step.dbt("a", befor=6)')
    with pytest.raises(GraphError, match=r"step\.dbt has no option 'refresh'"):
        found('step.dbt("a", refresh="forward")')
    with pytest.raises(GraphError, match="before='6d' is not a literal int"):
        found('step.dbt("a", before="6d")')


def test_an_engine_of_its_own_is_seen() -> None:
    own = find([Cell(1, 'Step("silver.b", engine="polars")', frozenset())], where=WHERE)

    assert own.engine == "polars"
    assert found("x = 1").engine == ""
    assert find([Cell(1, 'Step("silver.b", engine=None)', frozenset())], where=WHERE).engine == ""


def test_every_dataset_in_sql_is_a_read_with_the_options_of_its_call() -> None:
    seen = found(
        'a = step.sql("from bronze.a join bronze.b using (id)", before=2)',
        'b = step.sql("with c as (from bronze.c) from c join a using (id) where id > $x",\n'
        "    a=a, params=values)",
    )

    assert seen.reads == [
        {"dataset": "bronze.a", "cell": 2, "before": 2},
        {"dataset": "bronze.b", "cell": 2, "before": 2},
        {"dataset": "bronze.c", "cell": 3},
    ]
    assert seen.uses_sql
    assert not found('step.read("bronze.a")').uses_sql


def test_comments_and_formatting_of_sql_are_no_change() -> None:
    before = found('a = step.sql("select id from bronze.a")').code_hash

    edited = 'a = step.sql("""\n  select id -- the key\n  from bronze.a;\n""")'
    assert found(edited).code_hash == before
    assert found('a = step.sql("select id from bronze.a where id > 0")').code_hash != before


def test_a_read_on_the_step_itself_is_seen() -> None:
    seen = find([Cell(1, 'f = Step("silver.b").read("bronze.a")', frozenset())], where=WHERE)

    assert [read["dataset"] for read in seen.reads] == ["bronze.a"]


@pytest.mark.parametrize(
    "first", ["step: Step = Step('silver.b')", "print((step := Step('silver.b')).name)"]
)
def test_every_way_to_name_the_step_is_known(first: str) -> None:
    seen = find(
        [Cell(1, first, frozenset()), Cell(2, 'step.read("bronze.a")', frozenset())], where=WHERE
    )

    assert [read["dataset"] for read in seen.reads] == ["bronze.a"]


@pytest.mark.parametrize(
    "source",
    ["step", "step.now", "print(step.name, step.interval)", "step.result().head()", "del step"],
)
def test_looking_at_the_step_is_no_read(source: str) -> None:
    assert found(source).reads == []


UNSEEN = [
    ('for n in names:\n    step.read("bronze.a")', "stands in a loop"),
    ('while True:\n    step.read("bronze.a")', "stands in a loop"),
    ('def load():\n    return step.read("bronze.a")', "stands in the function load"),
    ('class A:\n    frame = step.read("bronze.a")', "stands in the class A"),
    ('frames = [step.read("bronze.a") for _ in "ab"]', "stands in a comprehension"),
    ('get = lambda: step.read("bronze.a")', "stands in a lambda"),
    ('name = "bronze.a"\nstep.read(name)', 'write the name itself: step.read("bronze.flights")'),
    ('step.read(f"bronze.{x}")', "does not name its target as text"),
    ("step.read()", "does not name its target as text"),
    ("step.ingest(uri)", "write the name itself: step.ingest("),
    ("step.dbt(selection)", "write the name itself: step.dbt("),
    ("step.write(f, table=name)", "is not a literal str"),
    ('step.read("bronze.a", before=days)', "before=days is not a literal int"),
    ('step.read("bronze.a", whole=1)', "whole=1 is not a literal bool"),
    ('step.read("bronze.a", befor=1)', "no option 'befor' (did you mean 'before'?)"),
    ('step.read("bronze.a", refresh="forwrd")', "(did you mean 'forward'?)"),
    ('step.read("bronze.a", **options)', "**options) hides its options"),
    ("Step('silver.b', engine=name)", "engine=name is not a literal str"),
    ("Step('silver.b', engine='polar')", "no engine 'polar' (did you mean 'polars'?)"),
    ("Step('silver.b', engine='duckdb')", "the engine 'duckdb' checks steps"),
    ('step.sql(f"from bronze.{x}")', "does not hold its SQL as text; write the SQL itself"),
    ("step.sql(query)", "step.sql(query) does not hold its SQL as text"),
    ('[step.sql("from bronze.a") for _ in "ab"]', "stands in a comprehension"),
    ('step.sql("from bronze.a", before=n)', "before=n is not a literal int"),
    ('step.sql("from bronze.a", befor=1)', "does not read it (did you mean 'before'?)"),
    ('step.sql("from bronze.a", **options)', "**options) hides its options"),
    ('step.sql("from clean")', "the SQL reads 'clean', which is no dataset and no frame"),
    ("step.sql(\"from read_csv('x')\")", "read_csv(…), which the graph cannot see"),
    ('step.sql("select $x", params={"y": 1})', "the SQL has $x, which is not passed"),
    ("helper(step)", "the step is passed to helper"),
    ("helper(x=step)", "the step is passed to helper"),
    ("helper([step])", "goes by another name or into another value"),
    ("other = step", "goes by another name or into another value"),
    ("get = step.read", "step.read is handed on and not called"),
    ("frames = map(step.read, names)", "step.read is handed on and not called"),
    ('Step("silver.c")', "a second Step('silver.c')"),
    ("%run other.ipynb", "%run runs code that the graph cannot see"),
]


@pytest.mark.parametrize(("source", "said"), UNSEEN)
def test_what_the_tree_cannot_see_is_an_error_with_the_cell_and_a_way_out(
    source: str, said: str
) -> None:
    with pytest.raises(UserError) as raised:
        found("x = 1", source)

    assert said in str(raised.value)
    assert str(raised.value).startswith(f"{WHERE}, cell 3: ")
    assert raised.value.fix


def test_a_word_that_is_no_dataset_is_named_with_its_cell() -> None:
    with pytest.raises(UserError, match=r"cell 2: .*unknown layer 'bronz' \(did you mean 'bronze'"):
        found('step.read("bronz.a")')


def test_a_notebook_without_a_step_says_how_to_begin() -> None:
    with pytest.raises(GraphError, match=r"no Step\(…\) in any cell; begin with"):
        find([Cell(1, "x = 1", frozenset())], where=WHERE)


def test_broken_python_is_named_with_cell_and_line() -> None:
    with pytest.raises(GraphError, match=r"cell 2, line 2: Python does not parse"):
        found("x = 1\ny = = 2")


@pytest.mark.parametrize(
    "edited",
    [
        "x = 1  # why\ny = [\n    2,\n]",
        "x=1;y=[2]",
        '"""Words."""\nx = 1\ny = [2]',
        "\n\nx = (1)\n\ny = [2]\n",
    ],
)
def test_comments_formatting_and_words_do_not_change_the_code(edited: str) -> None:
    assert found(edited).code_hash == found("x = 1\ny = [2]").code_hash


def test_a_docstring_does_not_change_the_code() -> None:
    plain, told = "def f():\n    return 1", 'def f():\n    """One."""\n    return 1'

    assert found(plain).code_hash == found(told).code_hash


@pytest.mark.parametrize("edited", ["x = 2\ny = [2]", "y = [2]\nx = 1", "x = '1'\ny = [2]"])
def test_other_code_changes_it(edited: str) -> None:
    assert found(edited).code_hash != found("x = 1\ny = [2]").code_hash


def test_views_are_no_part_of_the_code() -> None:
    assert found("x = 1", tags=("view",)).code_hash == found("x = 2", tags=("view",)).code_hash


def test_how_code_is_cut_into_cells_does_not_change_it() -> None:
    assert found("x = 1", "y = 2").code_hash == found("x = 1\ny = 2").code_hash


def test_imports_are_those_that_make_the_data() -> None:
    code = "import geo.airports\nfrom clocks import hhmm"

    assert {"geo.airports", "clocks", "clocks.hhmm"} <= set(found(code).imports)
    assert "geo.airports" not in found(code, tags=("view",)).imports
    by_name = "import importlib\nm = importlib.import_module('geo.airports')"
    assert "geo.airports" in found(by_name).imports
    assert "geo.airports" not in found(by_name, tags=("view",)).imports


LOOKS = ("step.preview(a, rows=3)", "step.profile(a, unmask=True)", "step.diff()", "step.diff(a)")


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_is_no_edge_and_no_part_of_the_code(look: str) -> None:
    plain, looked = found("a = 1"), found(f"a = 1\n{look}")
    assert (looked.reads, looked.sources, looked.writes) == ([], [], [])
    assert looked.code_hash == plain.code_hash


@pytest.mark.parametrize(
    "code",
    [
        "step.preview(a := 2)",
        "step.preview(change(a))",
        "shown = step.preview(a)",
        "other.preview(a)",
        "a.profile(step.now)",
    ],
)
def test_what_may_do_more_than_look_is_code(code: str) -> None:
    assert found(f"a = 1\n{code}").code_hash != found("a = 1").code_hash


def test_a_read_inside_a_look_is_an_edge() -> None:
    assert found('step.preview(step.read("bronze.a"))').reads != []


def test_a_read_in_a_view_is_an_edge() -> None:
    assert found('step.read("bronze.a")', tags=("view",)).reads != []


def test_lines_for_the_shell_are_passed_over_but_not_inside_a_text() -> None:
    assert found("%matplotlib inline\nx = 1").code_hash == found("x = 1").code_hash
    assert found('x = """\n%a\n"""').code_hash != found('x = """\n\n"""').code_hash


def parameterized(source: str, *rest: str) -> Found:
    first = Cell(1, source, frozenset({"parameters"}))
    return find(
        [first, *(Cell(n + 2, s, frozenset()) for n, s in enumerate((FIRST, *rest)))], where=WHERE
    )


def test_a_default_of_a_parameter_is_code_and_the_interval_is_not() -> None:
    before = parameterized('start = "2013-01-01"\nend = "2013-02-01"\nfactor = 2')
    assert before.parameters == ["factor"]
    same = parameterized('start = "2014-01-01"  # later\nend = "2014-02-01"\nfactor = 2')
    assert same.code_hash == before.code_hash
    other = parameterized('start = "2013-01-01"\nend = "2013-02-01"\nfactor = 3')
    assert other.code_hash != before.code_hash


def test_a_magic_is_code() -> None:
    assert found("%env FACTOR=2").code_hash != found("%env FACTOR=99").code_hash
    assert found("!make x\na = 1").code_hash != found("a = 1").code_hash
    text = 'sql = """\n%s\n"""'  # a text is no magic
    assert found(text).code_hash == found(f"{text}  # why").code_hash


@pytest.mark.parametrize("name", ["now", "seed"])
def test_a_step_that_uses_clock_or_dice_is_known(name: str) -> None:
    assert found(f"x = step.{name}").uses_clock
    assert not found(f"x = step.{name}", tags=("view",)).uses_clock
    assert not found("x = step.name").uses_clock
