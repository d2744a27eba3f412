"""Loading: presets, files, mappings and overrides; every refusal says where, what and what to do."""

import pytest

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.scenario.loading import load_scenario, parse_override, presets, source_text

TOML = """
title = "one channel"
funnel = [{ name = "purchase", rate = 0.1 }]

[surfaces.feed]
slot_share = 0.5
weights = { out_of_market = 1, in_market = 1, visited = 1, late = 1 }

[channels.social]
surface = "feed"
campaigns.main.bid = 5
"""


def problems_of(source, overrides=None):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(source, overrides)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return caught.value.problems


def test_a_file_a_path_and_a_mapping_are_read_alike(tmp_path, market):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    assert load_scenario(path) == load_scenario(str(path))
    assert load_scenario(path).title == "one channel"
    scenario = load_scenario(market)
    assert load_scenario(scenario.model_dump()) == scenario


def test_a_scenario_extends_another_key_by_key(tmp_path):
    (tmp_path / "base.toml").write_text(TOML)
    own = tmp_path / "own.toml"
    own.write_text('extends = "base.toml"\ntitle = "mine"\n[channels.social.campaigns.main]\nbid = 7.0\n')
    base, mine = load_scenario(tmp_path / "base.toml"), load_scenario(own, {"run.seed": 5})
    assert (mine.title, mine.run.seed, mine.channels["social"].campaigns["main"].bid) == ("mine", 5, 7.0)
    assert mine.surfaces == base.surfaces
    assert mine.channels["social"].campaigns["main"].billing == base.channels["social"].campaigns["main"].billing


def test_a_scenario_extends_a_preset_and_a_list_replaces_its_list():
    mine = load_scenario({"extends": "dropshipping", "funnel": [{"name": "sale", "rate": 0.5}]})
    assert [step.name for step in mine.funnel] == ["sale"]
    assert mine.population == load_scenario("dropshipping").population


def test_what_a_scenario_extends_is_refused_where_it_cannot_be_read(tmp_path):
    (problem,) = problems_of({"extends": "dropshiping"})
    assert problem.hint == "did you mean dropshipping?"
    (problem,) = problems_of({"extends": 3})
    assert problem.rule == "must be the name of a scenario or a file"
    for name, base in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{base}.toml"\n')
    (problem,) = problems_of(tmp_path / "a.toml")
    assert problem.rule == "leads back to a scenario that is being read"


def test_every_preset_is_valid():
    for name in presets():
        assert load_scenario(name) == load_scenario(presets()[name])


def test_whole_numbers_are_numbers_too(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    assert load_scenario(path).channels["social"].campaigns["main"].bid == 5.0


def test_a_missing_file(tmp_path):
    (problem,) = problems_of(tmp_path / "nowhere.toml")
    assert problem.place == str(tmp_path / "nowhere.toml")
    assert problem.rule == "no such file, and no scenario of this name comes with cpalab"


def test_a_preset_s_name_misspelt():
    names = list(presets())
    (problem,) = problems_of(names[0] + "x")
    assert problem.hint == f"did you mean {names[0]}?"


def test_a_folder_is_no_scenario(tmp_path):
    (problem,) = problems_of(tmp_path)
    assert problem == Problem(str(tmp_path), "cannot be read (Is a directory)")


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    (problem,) = problems_of(path)
    assert problem == Problem(str(path), "is not UTF-8 text", hint="a scenario is a TOML file")


def test_bad_toml_names_the_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("title = 'x'\nrun = = 3")
    (problem,) = problems_of(path)
    assert "line 2" in str(problem)


def test_source_text_is_the_file_as_it_is(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    assert source_text(path) == TOML


def test_overrides_set_any_value(market):
    scenario = load_scenario(
        market,
        {
            "run.users": 50,
            "funnel.1.rate": 0.25,
            "channels.video.campaigns.launch.bid": 2,
            "channels.social.synergy.email": 0.1,
            "population.devices.tablet": 0.2,
        },
    )
    assert scenario.run.users == 50
    assert scenario.funnel[1].rate == 0.25
    assert scenario.channels["video"].campaigns["launch"].bid == 2.0
    assert scenario.channels["social"].synergy == {"video": 0.5, "email": 0.1}
    assert scenario.population.devices["tablet"] == 0.2


def test_an_override_may_mend_what_is_wrong_in_the_file(market):
    market["run"]["days"] = 0.0
    del market["channels"]["video"]["campaigns"]["launch"]["bid"]
    mended = load_scenario(market, {"run.days": 3.0, "channels.video.campaigns.launch.bid": 2.0})
    assert mended.run.days == 3.0
    assert mended.channels["video"].campaigns["launch"].bid == 2.0
    assert market["run"]["days"] == 0.0


def test_what_is_wrong_in_the_file_and_in_the_overrides_is_said_at_once(market):
    market["order"] = {"value": {"mean": -1.0}}
    problems = problems_of(market, {"run.user": 1, "run.days": -1.0, "market.currency": "EUR"})
    assert {problem.place for problem in problems} == {"run.user", "order.value.mean", "run.days"}


def test_overrides_leave_the_rest_as_it_was(market):
    before, after = load_scenario(market), load_scenario(market, {"run.seed": 9})
    assert before.model_copy(update={"run": after.run}) == after


def test_all_bad_overrides_are_refused_together(market):
    problems = problems_of(
        market,
        {
            "run.user": 1,
            "channels.sociel.half_life_days": 3.0,
            "funnel.7.rate": 0.1,
            "run.users.many": 1,
            "population.segments.old.share": 0.5,
        },
    )
    assert [(problem.place, problem.rule) for problem in problems] == [
        ("run.user", "unknown key"),
        ("channels.sociel", "unknown key"),
        ("funnel.7", "is no entry of a list of 3"),
        ("run.users.many", "is inside a plain value"),
        ("population.segments.old", "unknown key"),
    ]
    assert problems[0].hint == "did you mean users?"
    assert problems[1].hint == "did you mean social?"
    assert problems[3].hint == "set run.users itself"


def test_an_override_must_keep_the_scenario_valid(market):
    (problem,) = problems_of(market, {"run.days": 0.0})
    assert (problem.place, problem.value, problem.rule) == ("run.days", "0.0", "must be greater than 0")


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("run.users=5000", "run.users", 5000),
        ("run.days = 2.5", "run.days", 2.5),
        ('title="a = b"', "title", "a = b"),
        ("title=a = b", "title", "a = b"),
        ("calendar.first_weekday=friday", "calendar.first_weekday", "friday"),
        ("population.devices_per_person=[0.5, 0.5]", "population.devices_per_person", [0.5, 0.5]),
        ("x=true", "x", True),
        ("x=", "x", ""),
    ],
)
def test_an_override_on_the_command_line_is_a_path_and_a_toml_value_or_a_word(text, path, value):
    assert parse_override(text) == (path, value)


@pytest.mark.parametrize("text", ["run.users", "", "=5", " = 5"])
def test_an_override_without_a_path_or_a_value(text):
    with pytest.raises(ScenarioError) as caught:
        parse_override(text)
    assert caught.value.problems == (Problem("--set", "must look like path.to.key=value", repr(text)),)


def test_one_override_sets_one_value():
    # A line break could smuggle in a second TOML statement, whose value would silently get lost.
    assert parse_override("title=1\nother=2") == ("title", "1\nother=2")


def test_did_you_mean_names_the_closest_or_all():
    assert did_you_mean("userz", ["users", "days"]) == "did you mean users?"
    assert did_you_mean("xyz", ["users", "days"]) == "known here: days, users"
    assert did_you_mean("xyz", []) == ""


def test_a_problem_reads_as_place_value_rule_hint():
    assert str(Problem("run.days", "must be above 0", "0")) == "run.days: 0 must be above 0"
    assert str(Problem("run.dais", "unknown key", hint="did you mean days?")) == (
        "run.dais: unknown key; did you mean days?"
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a = " + "[" * 2000 + "]" * 2000, "is nested too deeply"),
        ("a = " + "{ b = " * 2000 + "1" + " }" * 2000, "is nested too deeply"),
        ("a = " + "9" * 5000, "holds a whole number with too many digits"),
        ("#" * 6_000_000, "must have at most 5,000,000 bytes"),
    ],
    ids=["lists", "tables", "digits", "size"],
)
def test_text_that_no_parser_can_bear_is_refused(tmp_path, text, rule):
    file = tmp_path / "hostile.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file)
    (problem,) = caught.value.problems
    assert problem.rule == rule
    if rule.startswith(("is", "holds")):
        with pytest.raises(ScenarioError, match=rule):
            parse_override(f"title={text.removeprefix('a = ')}")
