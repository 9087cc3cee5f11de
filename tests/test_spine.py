"""Names, settings and errors: what every other module stands on."""

from __future__ import annotations

import pickle

import pytest

from lakebook.errors import ConflictError, ContractError, UserError, did_you_mean
from lakebook.names import Dataset, contract_path, notebook_path, step_of, table_path
from lakebook.settings import ENGINE_NAMES, load_settings


def test_a_name_and_its_places_agree(tmp_path):
    flights = Dataset.parse("silver.flights")
    assert str(flights) == "silver.flights"
    assert step_of(notebook_path(tmp_path, flights)) == flights
    assert step_of(contract_path(tmp_path, flights)) == flights
    assert table_path(tmp_path, flights) == tmp_path / "prod" / "hot" / "silver" / "flights"
    assert table_path(tmp_path, flights, env="ana") != table_path(tmp_path, flights)
    assert flights.quarantine.is_quarantine


@pytest.mark.parametrize("text", ["flights", "silver.", "silver.Flights", "silver.a-b", "x.y.z"])
def test_what_is_no_dataset_name_is_refused(text):
    with pytest.raises(UserError):
        Dataset.parse(text)


def test_an_unknown_layer_suggests_the_nearest():
    with pytest.raises(UserError, match=r"did you mean 'silver'\?"):
        Dataset.parse("sliver.flights")


def test_an_error_survives_another_process():
    raised = ConflictError("moved", where="silver.flights", fix="run again", partitions=["2013-01"])
    copy = pickle.loads(pickle.dumps(raised))
    assert (str(copy), copy.partitions) == (str(raised), ("2013-01",))
    broken = pickle.loads(pickle.dumps(ContractError("bad", where="a.yaml:3", fix="mend it")))
    assert str(broken) == "a.yaml:3: bad; mend it" and broken.exit_code == 2


def test_no_near_word_gives_no_suggestion():
    assert did_you_mean("zzz", ["flights"]) == ""


def test_settings_come_from_file_then_environment_then_arguments(tmp_path):
    (tmp_path / "lakebook.toml").write_text('[lakebook]\nlake = "here"\n')
    assert load_settings(tmp_path, environ={}).lake == tmp_path / "here"
    seen = load_settings(tmp_path, environ={"LAKEBOOK_LAKE": str(tmp_path / "there")})
    assert seen.lake == tmp_path / "there"
    given = load_settings(tmp_path, lake=tmp_path / "said", environ={"LAKEBOOK_LAKE": "no"})
    assert given.lake == tmp_path / "said"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lakebok]\n", "unknown section [lakebok] (did you mean 'lakebook'?)"),
        ("[runtime]\nlinger = 3\n", "unknown key 'linger' in [runtime] (did you mean 'linger_s'?)"),
        (
            "[runtime]\njobs = 'two'\n",
            "lakebook.toml:2: runtime.jobs = 'two' makes no sense; set a whole number of 0 or more",
        ),
        ("[runtime]\n\nlinger_s = -5\n", "lakebook.toml:3: runtime.linger_s = -5 makes no sense"),
        ("[runtime]\nrun_timeout_s = nan\n", "run_timeout_s = nan makes no sense"),
        ("[runtime]\njobs = true\n", "runtime.jobs = True makes no sense"),
        ("runtime = 3\n", "runtime is no section"),
        (
            "[profiles.local]\nengine = 'spark'\n",
            "lakebook.toml:2: profiles.local.engine: there is no engine 'spark'; use one of polars",
        ),
        ("[profiles.local]\nengine = 'polar'\n", "(did you mean 'polars'?)"),
        ("[lakebook\n", "not TOML"),
        ("[lakebook]\nprofile = 'clster'\n[profiles.cluster]\n", "did you mean 'cluster'?"),
    ],
)
def test_a_broken_settings_file_is_one_sentence(tmp_path, text, said):
    (tmp_path / "lakebook.toml").write_text(text)
    with pytest.raises(UserError) as raised:
        load_settings(tmp_path, environ={})
    assert said in str(raised.value)


def test_an_empty_lake_or_environment_is_no_default(tmp_path):
    (tmp_path / "lakebook.toml").write_text("")
    with pytest.raises(UserError, match="the lake is an empty text"):
        load_settings(tmp_path, lake="", environ={})
    with pytest.raises(UserError, match="environment '' is not a name"):
        load_settings(tmp_path, env="", environ={})
    with pytest.raises(UserError, match="LAKEBOOK_LINGER_S is 'soon'"):
        load_settings(tmp_path, environ={"LAKEBOOK_LINGER_S": "soon"})


def test_settings_know_the_engines_that_there_are():
    from lakebook.engines import ENGINES

    assert set(ENGINE_NAMES) == set(ENGINES)


def test_a_sentence_with_a_fix_has_one_stop():
    assert UserError("a reason.", fix="mend it").sentence == "a reason; mend it"
    assert UserError("a reason.").sentence == "a reason."


def test_outside_a_checkout_the_error_says_so(tmp_path):
    with pytest.raises(UserError, match=r"no lakebook\.toml"):
        load_settings(tmp_path, environ={})
