"""Power in one's own scenario: what the shares and the detectable effect mean, and that estimates are without bias."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from cpalab.refusal import LiftInputError
from experiments.designs.power import Replicate, ScenarioPower, power_in_scenario
from experiments.designs.registry import find_designs
from simulator.scenario.loading import load_scenario

SMALL = {"run.users": 2_000, "run.days": 30.0, "population.need_per_day.mean": 0.2, "need.satiation_days": 2.0}


def of_normal_errors(effect=50, error=20.0, repeats=4_000, seed=1):
    """Replicates whose estimates are normal about the truth."""
    rng = np.random.default_rng(seed)
    found = effect + error * rng.normal(size=repeats)
    replicates = tuple(
        Replicate(r, float(e), error, float(e - 1.96 * error), float(e + 1.96 * error), effect, 1_000.0, 5.0, 0.0)
        for r, e in enumerate(found)
    )
    return ScenarioPower("some_design", "video", replicates, 0, 0.95, 0.8)


def test_under_normal_errors_simulation_and_formula_agree():
    # 4,000 replicates: four standard errors of a share are at most 0.032.
    found = of_normal_errors()
    assert found.coverage == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4_000))
    for effect in (0.0, 30.0, 56.0, 90.0):
        expected = ndtr(effect / 20 - 1.96) + ndtr(-effect / 20 - 1.96)
        assert found.power_at(effect) == pytest.approx(expected, abs=0.032)
    assert found.detectable_by_formula == pytest.approx(2.8 * 20, rel=0.002)
    assert found.detectable_effect == pytest.approx(56.0, rel=0.03)
    assert found.power_at(found.detectable_effect + 1e-6) >= 0.8
    assert found.detectable_cost == pytest.approx(1_000 / found.detectable_effect)
    bias, error = found.bias
    assert abs(bias) < 4 * error


def test_an_interval_that_never_ends_detects_nothing():
    endless = Replicate(1, 5.0, math.inf, -math.inf, math.inf, 5, 100.0, 0.0, 0.0)
    found = ScenarioPower("some_design", "video", (endless,), 0, 0.95, 0.8)
    assert found.detectable_effect == math.inf
    assert found.detectable_cost == 0.0
    assert len(found.curve()) == 11
    assert found.bias[1] == math.inf


def test_a_design_is_run_in_worlds_of_its_own_and_the_same_ones_in_any_order():
    scenario = load_scenario("dtc-geos", SMALL)
    (design,) = find_designs(["go_dark_did"])
    told = []
    found = power_in_scenario(scenario, "video", design, repeats=3, progress=told.append)
    assert [replicate.seed for replicate in found.replicates] == [1, 2, 3]
    assert told == pytest.approx([1 / 3, 2 / 3, 1.0])
    backwards = power_in_scenario(
        scenario, "video", design, repeats=3, map_=lambda run, tasks: list(map(run, list(tasks)[::-1]))[::-1]
    )
    assert backwards.replicates == found.replicates
    assert found.summary().startswith("go_dark_did on video, in 3 simulated worlds")
    assert len(found.to_frame()) == 3


def test_bad_numbers_are_refused_together():
    (design,) = find_designs(["go_dark_did"])
    with pytest.raises(LiftInputError) as caught:
        power_in_scenario(load_scenario("dtc-geos", SMALL), "video", design, repeats=0, power=1.0)
    assert [problem.split(":")[0] for problem in caught.value.lines] == ["repeats", "power"]
