"""What would tell two explanations apart: further figures, more days, or neither."""

import math
from dataclasses import replace

import numpy as np
import pytest

from experiments.rollout.change_file import PlannedChange, load_plan
from experiments.rollout.diagnosis import EVERYTHING, NO_FAULT, Suspect, candidate_of, diagnose
from experiments.rollout.observed_file import Observation, Observations
from experiments.rollout.prediction import Prediction
from experiments.rollout.reported_cpa import Key
from experiments.rollout.what_would_tell import APART, Advice, Candidate, distance, more_days, what_would_tell
from simulator.scenario.faults import FAULTS
from simulator.world import World


def prediction(mean: float, *, earlier: float = 0.01, later: float = 0.01, actions: float = 1000.0) -> Prediction:
    """CPA moves by `mean`, ROAS is not known; variances of both periods."""
    return Prediction(np.array([mean, np.nan]), (earlier + later) * np.eye(2), later * np.eye(2), np.array([actions]))


def test_distance_is_the_gap_in_standard_errors_and_grows_as_the_later_period_fills() -> None:
    one, other = prediction(0.0), prediction(0.3)
    assert distance(one, other) == pytest.approx(0.3 / math.sqrt(0.02))
    assert distance(one, other, filled=2.0) == pytest.approx(0.3 / math.sqrt(0.015))


def test_days_are_those_after_which_three_standard_errors_are_reached() -> None:
    """0.3 ÷ √(0.005 + 0.01/t) = 3 at t = 2: one more period of thirty days."""
    one, other = prediction(0.0, earlier=0.005), prediction(0.3, earlier=0.005)
    assert more_days(one, other, 30.0) == pytest.approx(30.0, abs=0.6)
    assert more_days(prediction(0.0, earlier=0.02), prediction(0.3, earlier=0.02), 30.0) == math.inf
    assert more_days(one, prediction(2.0), 30.0) == 0.0


def test_figures_of_too_few_actions_do_not_count() -> None:
    assert distance(prediction(0.0, actions=10.0), prediction(0.9)) == 0.0
    assert distance(prediction(0.0, actions=10.0), prediction(0.9), filled=3.0) > APART


@pytest.mark.parametrize(
    ("advice", "said"),
    [
        (Advice("a", "b", 0.5, "these figures by browser", 4.0, 9.2, 0.0),
         "noting these figures by browser (then 4.0 standard errors apart, now 0.5), or 10 more days after the change."),
        (Advice("a", "b", 0.5, "", 0.5, 9.2, 9.2), "What would tell a from b: 10 more days after the change."),
        (Advice("a", "b", 0.5, "figures by geo", 1.0, math.inf, math.inf), "Neither a split nor more days would tell a"),
        (Advice("a", "b", 0.5, "these figures by geo", 2.0, math.inf, 20.0), "and 20 more days after the change."),
    ],
)  # fmt: skip
def test_advice_is_said_in_one_sentence(advice: Advice, said: str) -> None:
    assert said in str(advice)


def test_a_split_tells_an_outage_in_one_browser_from_one_of_some_days(world: World) -> None:
    """They lose alike in all; by browser and by day they differ far more."""
    outage = PlannedChange("everywhere", {"tracking.faults.tag_outage": 0.15})
    partial = PlannedChange("one browser", {"tracking.faults.partial_outage": 1.0})
    noted = [Key("all", "analytics")]
    found = what_would_tell(world, Candidate("a", (outage,)), Candidate("b", (partial,)), noted, None, people=3_000_000)
    assert found.figures in ("these figures by browser", "these figures by day")
    assert found.apart > 2 * found.now


def test_a_change_that_is_live_in_part_is_replayed_as_such(world: World) -> None:
    plan = load_plan({"changes": [{"fault": "server_side", "size": 0.9}]}, world.scenario)
    half = candidate_of(Suspect(EVERYTHING, "", 0.5, 0.5, 1.0, "", ""), plan)
    whole = candidate_of(Suspect(NO_FAULT, "", math.nan, 0.5, 1.0, "", ""), plan)
    assert half is not None
    assert whole is not None
    assert (half.without, half.live) == ((), 0.5)
    noted = [Key("all", "platform")]
    apart = what_would_tell(world, whole, half, noted, None, people=3_000_000).now
    gone = what_would_tell(world, whole, replace(half, live=0.0), noted, None, people=3_000_000).now
    assert 0 < apart < gone
    assert candidate_of(Suspect("utm_lost and value_bug", "", 0.5, 0.5, 1.0, "", ""), plan) is None


def test_a_diagnosis_that_cannot_tell_says_what_would(world: World) -> None:
    """One figure of one system: several faults explain it, and the summary ends with what else to note."""
    plan = load_plan({"changes": [{"set": {"tracking.transport.utm_loss": 0.0}}]}, world.scenario)
    chosen = [fault for fault in FAULTS if fault.name in ("utm_lost", "gateway_referral")]
    seen = Observations((Observation("all", "analytics", 100.0, 150.0),))
    found = diagnose(world, plan, seen, people=1_000_000, faults=chosen)
    assert len(found.look_alike) > 1
    assert found.advice is not None
    assert found.summary().splitlines()[-1] == str(found.advice)
