"""Replacement: a researcher's own step in place of one of the law's."""

import os
import subprocess
import sys

import pytest

from cpalab.refusal import ScenarioError
from simulator.engines.replacement import replace_steps
from simulator.law.exposure import count_impression
from simulator.law.state import Attitude
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


def blind(law, board, goodwill, shown, attitude, moment, offer):
    """Ads are counted and do nothing else."""
    campaign = law.campaigns[moment.epoch, offer.campaign]
    count_impression(campaign, shown, moment, offer.campaign)
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


@pytest.mark.study  # compiles the law twice more, for the two engines
def test_an_own_ad_response_replaces_the_law_s_in_every_loop(market):
    market["run"] |= {"users": 1_500, "days": 10.0}
    check_own_response(market)


def test_an_own_ad_response_in_plain_python(market):
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        market["run"] |= {"users": 150, "days": 8.0}
        check_own_response(market)
        return
    command = [sys.executable, "-m", "pytest", "-q", f"{__file__}::test_an_own_ad_response_in_plain_python"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_an_unknown_step_is_refused_with_a_hint():
    with pytest.raises(ScenarioError, match="exposur: is no step of the law; did you mean exposure") as caught:
        replace_steps(exposur=blind, landing=blind)
    assert [problem.place for problem in caught.value.problems] == ["exposur", "landing"]
