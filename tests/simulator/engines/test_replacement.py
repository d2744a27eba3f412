"""Replacement: a researcher's own step in place of one of the law's."""

import copy
import os
import subprocess
import sys

import pytest

from cpalab.refusal import ScenarioError
from simulator.engines.own_steps import code_digest
from simulator.engines.replacement import DEFAULT_KERNELS, replace_steps
from simulator.law.exposure import count_impression, wear
from simulator.law.state import Attitude
from simulator.law.visit import click_probability
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


def blind(law, board, goodwill, shown, attitude, moment, offer):
    """Ads are counted, wear out, and do nothing else."""
    campaign = law.campaigns[moment.epoch, offer.campaign]
    count_impression(campaign, shown, moment, offer.campaign)
    wear(board, law.channels[moment.epoch, campaign.channel], shown, moment, offer.creative)
    return Attitude(attitude.need, attitude.upstream, attitude.direct)


def check_own_response(market):
    """An own ad response acts in both engines, and one without effect is a world whose ads add no goodwill."""
    kernels = replace_steps(exposure=blind)
    own = simulate(load_scenario(market), kernels=kernels)
    assert own.kernels is kernels
    assert not own.events.equals(simulate(load_scenario(market)).events)
    assert simulate(load_scenario(market), engine="agents", kernels=kernels).events.equals(own.events)
    for channel in market["channels"].values():
        channel |= {"goodwill_per_impression": 0.0, "annoyance_per_impression": 0.0}
    assert simulate(load_scenario(market)).events.equals(own.events)


def eager_click(law, board, life, shown, moment, offer):
    """The law's own click probability times a parameter."""
    return law.own[moment.epoch].eagerness * click_probability(law, board, life, shown, moment, offer)


def check_own_parameters(market):
    """A factor on clicks that the scenario sets to 1 is the law as it is; from day 4 on it is 0 and nobody clicks."""
    people = market["run"]["users"]
    usual = simulate(load_scenario(market))
    market["law"] = {"parameters": {"eagerness": 1.0}, "steps": {"click_probability": f"{__name__}:eager_click"}}
    assert simulate(load_scenario(market)).events.equals(usual.events)
    market["timeline"] = [*market["timeline"], {"day": 4.0, "set": {"law.parameters.eagerness": 0.0}}]
    clicks = simulate(load_scenario(market)).events.to_pandas().query("kind == 'click'")
    clicks = clicks[clicks["user_id"] < people]  # robots click by a law of their own
    assert clicks["time"].max() < 4.0 < usual.events.to_pandas().query("kind == 'click'")["time"].max()


@pytest.mark.study  # compiles the law twice more, for the two engines
def test_an_own_ad_response_replaces_the_law_s_in_every_loop(market):
    market["run"] |= {"users": 1_500, "days": 10.0}
    check_own_response(market)


def test_an_own_ad_response_in_plain_python(market):
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        market["run"] |= {"users": 100, "days": 8.0, "warm_up_days": 2, "follow_up_days": 2}
        check_own_response(copy.deepcopy(market))
        check_own_parameters(market)
        return
    command = [sys.executable, "-m", "pytest", "-q", f"{__file__}::test_an_own_ad_response_in_plain_python"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_same_steps_are_compiled_once():
    assert replace_steps(exposure=blind) is replace_steps(exposure=blind)
    assert replace_steps(exposure=blind).own == (("exposure", f"{__name__}:blind"),)
    assert replace_steps() is DEFAULT_KERNELS


def test_an_unknown_step_is_refused_with_a_hint():
    with pytest.raises(
        ScenarioError, match="exposur: is no step of the law, nor any part of one; did you mean exposure"
    ) as e:
        replace_steps(exposur=blind, landing=blind, step=blind)
    assert [problem.place for problem in e.value.problems] == ["exposur", "landing", "step"]


def too_few(law, goodwill):
    """Takes less than an ad response is given."""


def turned_round(board, law, goodwill, shown, attitude, moment, offer):
    """Takes all of it, in another order."""


def test_wrong_arguments_are_refused_in_words_before_anything_is_compiled():
    with pytest.raises(ScenarioError) as caught:
        replace_steps(exposure=too_few, visit=3, funnel=turned_round)
    few, number, turned = sorted(map(str, caught.value.problems))
    assert "must take the 7 arguments (law, board, goodwill, shown, attitude, moment, offer)" in few
    assert turned == "visit: int must be a function; a plain function that numba can compile"
    assert number.startswith("funnel: (board, law, ")
    with pytest.raises(ScenarioError, match="must take its arguments in the order"):
        replace_steps(exposure=turned_round)


def test_steps_that_a_scenario_names_are_refused_where_they_stand(market):
    market["law"] = {"steps": {"exposure": "no.such.module:step", "visit": "visit", "surfce": f"{__name__}:blind"}}
    with pytest.raises(ScenarioError) as caught:
        simulate(load_scenario(market))
    assert [problem.place for problem in caught.value.problems] == [
        "law.steps.exposure", "law.steps.visit", "law.steps.surfce",
    ]  # fmt: skip


def test_parameters_that_no_own_step_could_read_are_refused(market):
    market["law"] = {"parameters": {"eagerness": 1.0}}
    with pytest.raises(ScenarioError, match=r"law.parameters.eagerness: is read by own steps of the law only"):
        simulate(load_scenario(market))


def scaled(number):
    """A function of a function that a digest must follow."""
    return FACTOR * number


FACTOR = 2.0


def test_a_digest_of_own_code_follows_what_the_code_names(monkeypatch):
    def step(number):
        return scaled(number) + 1.0

    def same(number):
        return scaled(number) + 1.0

    def opaque(number):
        return number + len(SOMETHING)

    before = code_digest({"exposure": step})
    assert before == code_digest({"exposure": same}) != code_digest({"visit": step})
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert code_digest({"exposure": step}) not in (before, None)
    assert code_digest({"exposure": opaque}) is None


SOMETHING = {"what": "cannot be told"}
