"""The lift tests that a scenario runs, each read as its `holdout` says."""

import pytest

from experiments.designs.registry import find_designs
from experiments.designs.users.scenario_holdouts import design_of, holdout_tests
from simulator.scenario.schema import Holdout
from simulator.world import simulate


@pytest.mark.parametrize(
    ("holdout", "name"),
    [
        ({}, "ghost_ads"),
        ({"design": "intention_to_treat"}, "user_holdout"),
        ({"design": "psa"}, "psa"),
        ({"design": "predicted_ghost_ads"}, "predicted_ghost_ads"),
        ({"assignment": "login"}, "login_holdout"),
        ({"assignment": "cookie"}, "cookie_holdout"),
    ],
)
def test_design_and_assignment_name_the_reading(holdout, name):
    assert design_of(Holdout(**holdout)).name == name


def test_every_paid_channel_has_its_test_read_by_its_own_design(shop):
    world = simulate(
        shop(
            {
                "channels.video.holdout.design": "psa",
                "channels.retargeting.holdout.assignment": "cookie",
                "channels.email.holdout.share": 0.0,
                "channels.coupon.holdout.share": 1.0,
            }
        )
    )
    tests = holdout_tests(world)
    assert list(tests) == world.scenario.paid_channels()
    for channel, design in (("video", "psa"), ("retargeting", "cookie_holdout"), ("shopping", "ghost_ads")):
        (own,) = find_designs([design])
        assert tests[channel].conversions == own.test(world, channel).conversions
    assert (tests["email"], tests["coupon"]) == (None, None)  # nobody held out; nobody treated
