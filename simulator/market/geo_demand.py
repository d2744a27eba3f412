"""Geo demand: how need differs from geo to geo and day to day (factors on need)."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.draws import GEO_DEMAND, address_of, normal_at
from simulator.market.competition import WORD
from simulator.scenario.clock import Clock
from simulator.scenario.schema import Scenario

COMMON = 0  # address of the shock that all geos share
LEVEL, TREND = 0, 1


class GeoDemand:
    """A first-order autoregression of each geo's log-need, started from its stationary law, and a trend.

    x_g(d) = persistence × x_g(d-1) + sqrt(1 - persistence²) × sigma × (√c × z(d) + √(1-c) × z_g(d)), c = common_share.
    The factor is exp(x_g(d) - sigma²/2 + b_g × (d - days/2) / 30), b_g normal with trend_sigma, so the mean need stays.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.rules = scenario.population.geo_demand
        self.seed, self.middle = scenario.run.seed, scenario.run.days / 2.0
        self.addresses = [address_of(geo) for geo in scenario.population.geos]
        self.before = self.day = Clock.of(scenario).start - 1
        self.state = np.zeros(len(self.addresses))
        slopes = [self._normal(0, TREND, address) for address in self.addresses] if self.rules.trend_sigma else 0.0
        self.trend = self.rules.trend_sigma * np.asarray(slopes) / 30.0

    def factors(self, day: int) -> npt.NDArray[np.float64] | float:
        """Factor on need in each geo (G,) on this day, or 1 where geos do not differ; call with days that never fall."""
        if not (self.rules.sigma or self.rules.trend_sigma):
            return 1.0
        while self.rules.sigma and self.day < day:
            self.day += 1
            self._move_on()
        log_factor = self.state - 0.5 * self.rules.sigma**2 + self.trend * (day - self.middle)
        return np.asarray(np.exp(log_factor))

    def _move_on(self) -> None:
        common = math.sqrt(self.rules.common_share) * self._normal(self.day, LEVEL, COMMON)
        own = np.array([self._normal(self.day, LEVEL, address) for address in self.addresses])
        shock = self.rules.sigma * (common + math.sqrt(1.0 - self.rules.common_share) * own)
        rho = self.rules.persistence
        self.state = shock if self.day == self.before + 1 else rho * self.state + math.sqrt(1.0 - rho**2) * shock

    def _normal(self, day: int, what: int, address: int) -> float:
        seed: Any = np.uint64(self.seed)
        return normal_at(seed, day & WORD, what, int(GEO_DEMAND), address)
