"""A busy little shop: the default scenario with few people who buy often, so that every effect shows in a second."""

import math
from typing import Any

import pytest

from simulator.scenario.loading import load_scenario
from simulator.world import simulate

BUSY: dict[str, Any] = {
    "run.users": 5_000,
    "run.days": 14.0,
    "run.warm_up_days": 7,
    "run.follow_up_days": 5,
    "run.seed": 11,
    "population.sessions_per_day.mean": 3.0,
    "population.need_per_day.mean": 0.1,
    "need.satiation_days": 2.0,
    "funnel.1.rate": 0.5,
    "funnel.2.rate": 0.4,
}


def without_budgets(name: str = "dtc-apparel") -> dict[str, None]:
    """Overrides that take the budget from every campaign, so that no campaign reacts to what it has spent."""
    return {
        f"channels.{channel}.campaigns.{campaign}.daily_budget": None
        for channel, table in load_scenario(name).channels.items()
        for campaign in table.campaigns
    }


@pytest.fixture(scope="session")
def shop():
    """The busy shop's scenario, with any values changed and with or without its budgets."""

    def make(changes: dict[str, Any] | None = None, *, budgets: bool = True, preset: str = "dtc-apparel"):
        unlimited = {} if budgets else without_budgets(preset)
        return load_scenario(preset, {**BUSY, **unlimited, **(changes or {})})

    return make


@pytest.fixture(scope="session")
def unlimited(shop):
    """What happened in the busy shop where no budget binds."""
    return simulate(shop(budgets=False))


@pytest.fixture(scope="session")
def budgeted(shop):
    """What happened in the busy shop with its budgets."""
    return simulate(shop())


@pytest.fixture
def binomial_band():
    """3.3 standard errors of a share p over R replications: one check in a thousand fails by luck."""

    def band(share: float, replications: int) -> float:
        return 3.3 * math.sqrt(share * (1 - share) / replications)

    return band
