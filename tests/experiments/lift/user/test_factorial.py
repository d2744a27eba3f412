"""Two channels at once: effects and their interaction from the means of four cells."""

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.designs.users.factorial_in_world import read_factorial
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.user.factorial import factorial_test
from experiments.lift.user.user_test import user_lift
from simulator.world import simulate


def people(rng, effects, users=40_000):
    a, b = rng.random(users) < 0.5, rng.random(users) < 0.7
    first, second, interaction = effects
    return rng.poisson(0.2 + first * a + second * b + interaction * (a & b)), a, b


def test_contrasts_are_those_of_the_cell_means():
    y, a, b = people(np.random.default_rng(1), (0.05, 0.02, 0.0))
    test = factorial_test("tv", "search", y, a, b)
    mean = {(x, z): y[(a == x) & (b == z)].mean() for x in (True, False) for z in (True, False)}
    assert test.first_alone.difference == pytest.approx(mean[True, False] - mean[False, False])
    assert test.both.difference == pytest.approx(mean[True, True] - mean[False, False])
    assert test.interaction.difference == pytest.approx(
        test.both.difference - test.first_alone.difference - test.second_alone.difference
    )
    assert test.first_main_effect.difference == pytest.approx(
        (test.first_alone.difference + mean[True, True] - mean[False, True]) / 2
    )
    arms = [ArmStatistics.from_values(y[(a == x) & ~b]) for x in (True, False)]
    assert test.first_alone.standard_error == pytest.approx(welch_lift(*arms).standard_error)
    assert len(test.to_frame()) == 6


@pytest.mark.parametrize(
    ("interaction", "verdict"), [(0.1, "more than"), (-0.04, "replace each other"), (0.0, "no inter")]
)
def test_an_interaction_is_found_where_there_is_one(interaction, verdict):
    # Seeded; expected t of 8 and -3.6. Without interaction the false alarm would be 5 % over seeds.
    y, a, b = people(np.random.default_rng(3), (0.05, 0.05, interaction))
    assert verdict in factorial_test("tv", "search", y, a, b).summary()


def test_the_interval_of_the_interaction_covers_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = [
        factorial_test("a", "b", *people(rng, (0.1, 0.05, -0.05), 4_000)).interaction.interval(0.95) for _ in range(400)
    ]
    covered = np.mean([low <= -0.05 <= high for low, high in held])
    # Binomial band of 3.3 standard errors: false alarm below 0.001.
    assert abs(covered - 0.95) < 3.3 * np.sqrt(0.95 * 0.05 / 400)


def test_a_cell_with_nobody_is_refused_with_all_of_them():
    with pytest.raises(LiftInputError) as refusal:
        factorial_test("tv", "search", [1, 0, 1], [True, True, True], [True, True, True])
    assert len(refusal.value.lines) == 3


def test_it_reads_two_independent_holdouts_of_one_world(shop):
    names = ("social_prospecting", "video")
    scenario = shop({f"channels.{name}.holdout.share": 0.5 for name in names})
    world = simulate(scenario)
    test = read_factorial(world, *names)
    users = world.users.to_pandas()
    users = users[~users["robot"]]
    assert sum(test.users) == len(users)
    assert test.users[0] == (users["holdout_video"] & users["holdout_social_prospecting"]).sum()
    assert test.users[1] == (users["holdout_video"] & ~users["holdout_social_prospecting"]).sum()


def test_holdouts_that_exclude_each_other_have_no_interaction(shop):
    changes = {f"channels.{name}.holdout.group": "one" for name in ("video", "retargeting")}
    changes["channels.retargeting.holdout.start_day"] = 2.0
    world = simulate(shop(changes))
    with pytest.raises(LiftInputError) as refusal:
        read_factorial(world, "video", "retargeting")
    assert len(refusal.value.lines) == 2


def test_a_cell_without_conversions_claims_nothing():
    # Nothing happens; the cell that sees neither has 0 of 226, the others 3 in 1,000 to 1 in 100.
    users, made = (226, 1_700, 1_700, 16_374), (0, 12, 17, 165)
    sees = np.repeat([(False, False), (True, False), (False, True), (True, True)], users, axis=0)
    y = np.concatenate([np.r_[np.ones(x), np.zeros(n - x)] for n, x in zip(users, made, strict=True)])
    test = factorial_test("tv", "search", y, sees[:, 0], sees[:, 1], cost=0.1 * sees.any(axis=1))
    frame = test.to_frame()
    assert not frame["significant"].any()
    assert test.cost_per_incremental_conversion("both").upper == np.inf
    assert "No conversion in the cell neither: too few to tell" in test.summary()
    # Alone, a contrast of two cells is the plain two-arm test.
    arms = [ArmStatistics.from_converters(n, x) for n, x in zip(users, made, strict=True)]
    assert test.both.p_value() == pytest.approx(user_lift(arms[3], arms[0]).p_value())
