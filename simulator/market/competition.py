"""Competition and season: what the rivals pay and when people need the product (factors and log-prices per tick)."""

import math

from simulator.draws import COMPETITION, address_of, normal_at
from simulator.scenario.schema import Scenario, Season

WORD = 0xFFFFFFFF  # addresses are unsigned: those of the warm-up lie at their far end


class Competition:
    """The rivals' mood on each surface: a first-order autoregression in the logarithm of the price.

    x_t = persistence × x_(t-1) + sqrt(1 - persistence²) × sigma × z_t, started from its stationary law. The factor on the
    price is exp(x_t - sigma²/2), so that its mean is 1. A day's shock is the same whatever the warm-up before it.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.sigma = scenario.market.competition_sigma
        self.persistence = scenario.market.competition_persistence
        self.seed = scenario.run.seed
        self.moods: dict[str, float] = {}

    def log_factor(self, surface: str, tick: int) -> float:
        """Logarithm of the factor on the rival price in a tick, counted from day 0; once per tick and surface, in order."""
        if self.sigma == 0.0:
            return 0.0
        shock = self.sigma * normal_at(self.seed, tick & WORD, 0, int(COMPETITION), address_of(surface))
        before = self.moods.get(surface)
        now = shock if before is None else self.persistence * before + math.sqrt(1.0 - self.persistence**2) * shock
        self.moods[surface] = now
        return now - 0.5 * self.sigma**2


def season_on(scenario: Scenario, day: float) -> Season:
    """The stretch of the season that holds on this day."""
    begun = [season for season in scenario.need.season if season.day <= day]
    return max(begun, key=lambda season: season.day, default=Season(day=0.0))
