"""The default scenario, small and without server-side events: 30,000 people, about 200 orders."""

import pytest

from simulator.scenario.loading import load_scenario
from simulator.world import World, simulate


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(load_scenario("dtc-apparel", {"run.users": 30_000, "tracking.transport.server_coverage": 0.0}))
