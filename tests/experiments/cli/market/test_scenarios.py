"""`cpalab scenarios` and `cpalab check`: what comes with cpalab, and whether one's own is valid."""

import tomllib

import pytest

from simulator.scenario.clock import Clock
from simulator.scenario.loading import load_scenario, presets

pytestmark = pytest.mark.xdist_group("cli")


def test_every_preset_is_listed_with_its_title_and_the_default_is_marked(cpalab):
    answer = cpalab("scenarios")
    assert (answer.status, answer.err) == (0, "")
    markets = answer.out.split("Published results:")[0].splitlines()
    names = [line for line in markets if line.startswith("  ") and not line.startswith("   ")]
    expected = [
        f"  {name}  {load_scenario(name).title}{' (default)' if name == 'dtc-apparel' else ''}" for name in presets()
    ]
    assert names == expected
    assert markets[0] == "Markets:"
    assert "200,000 people, 30 days" in answer.out


@pytest.mark.parametrize("name", sorted(presets()))
def test_show_prints_the_file_itself_and_it_says_which_values_are_assumptions(cpalab, name):
    text = cpalab("scenarios", "show", name).out
    assert text == presets()[name].read_text(encoding="utf-8")
    assert load_scenario(tomllib.loads(text)) == load_scenario(name)
    assert "[M]" in text
    assert "assumption" in tomllib.loads(text)["description"]


def test_show_of_an_unknown_scenario_is_refused_with_a_hint(cpalab_here, is_refused):
    is_refused(cpalab_here("scenarios", "show", "placebos"), "placebos: no such file", "did you mean placebo?")


def test_check_says_what_a_scenario_holds(cpalab):
    answer = cpalab("check", "b2b-leads")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == (
        "b2b-leads: valid. 100,000 people for 30 days, 5 channels, 3 of them paid with 3 campaigns, "
        f"0 changes on the timeline. {Clock.of(load_scenario('b2b-leads')).summary()}\n"
    )


def test_check_takes_overrides(cpalab, is_refused):
    assert "7 days" in cpalab("check", "b2b-leads", "--set", "run.days=7.0").out
    is_refused(cpalab("check", "b2b-leads", "--set", "run.days=0.0"), "run.days: 0.0 must be greater than 0")
