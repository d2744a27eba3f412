"""The busy shop with tests in it: three channels, half of the people held out from each."""

import pytest

from experiments.designs.registry import find_designs
from simulator.world import simulate

CHANNELS = ("social_prospecting", "retargeting", "video")


@pytest.fixture(scope="session")
def tested_shop(shop):
    """The busy shop's scenario with halves held out, and any values changed."""

    def make(changes=None, *, budgets=True):
        halves = {f"channels.{name}.holdout.share": 0.5 for name in CHANNELS}
        return shop({**halves, **(changes or {})}, budgets=budgets)

    return make


@pytest.fixture(scope="session")
def world_of(tested_shop):
    """The world of a design that tests all three channels, or those named."""

    def make(name, changes=None, *, channels=CHANNELS, budgets=True):
        (design,) = find_designs([name])
        scenario = tested_shop(changes, budgets=budgets)
        for channel in channels:
            scenario = design.arrange(scenario, channel)
        return design, simulate(scenario)

    return make
