"""Truth over seeds: what ads cause in market after market of the same scenario (orders), and what an order costs (currency).

A seed is another market like this one: other people of the same kinds, other prices, other budgets spent. One market's own
interval is over its people (`markets_like_it`); here the markets are lived, and the two can be compared.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, Problem
from cpalab.result import Result
from experiments.lift.estimate.fieller import fieller_set
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import ALL, Truth, cost_per, measure_truth
from experiments.truth.markets_like_it import interval_of_caused
from simulator.world import World, simulate_again

LEVEL = 0.95
MOST_SEEDS = 10_000
FEW_SEEDS = 10


@dataclass(frozen=True)
class EffectOverSeeds:
    """The average effect of one channel (`all`: of all ads together) in every market.

    Attributes:
        channel: whose ads.
        conversions: incremental orders, float64 (seeds,); the first is the market that was asked about.
        cost_micros: what the ads cost, float64 (seeds,).
        people_lower, people_upper: 95 % interval over the people of the first market.
    """

    channel: str
    conversions: npt.NDArray[np.float64]
    cost_micros: npt.NDArray[np.float64]
    people_lower: float
    people_upper: float

    @property
    def mean(self) -> float:
        """Incremental orders per market."""
        return float(self.conversions.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean of all markets: mean ± t · s / √n."""
        half = (
            _t_quantile(len(self.conversions)) * float(self.conversions.std(ddof=1)) / math.sqrt(len(self.conversions))
        )
        return self.mean - half, self.mean + half

    @property
    def one_market(self) -> tuple[float, float]:
        """Where one more market lies in 95 of 100: mean ± t · s · √(1 + 1/n)."""
        n = len(self.conversions)
        half = _t_quantile(n) * float(self.conversions.std(ddof=1)) * math.sqrt(1.0 + 1.0 / n)
        return self.mean - half, self.mean + half

    @property
    def cost_per_incremental_conversion(self) -> float:
        """Mean cost over mean incremental orders, in currency; inf where money caused nothing."""
        return cost_per(round(float(self.cost_micros.mean())), self.mean)

    @property
    def price_interval(self) -> tuple[float, float]:
        """95 % set of that ratio (Fieller); no upper end where the orders may be none, nan where there is no price."""
        n = len(self.conversions)
        cost = self.cost_micros / MICROS
        matrix = np.cov(cost, self.conversions) / n
        quantile = _t_quantile(n)
        differs = self.mean**2 > quantile**2 * matrix[1, 1]
        found = fieller_set(
            float(cost.mean()), self.mean, float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 1]), quantile,
            bool(differs),
        )  # fmt: skip
        if found.kind == "interval":
            return found.components[0] if self.mean > 0 else (math.nan, math.nan)
        if found.kind == "complement" and self.mean > 0:
            return max(found.components[-1][0], 0.0), math.inf
        return 0.0, math.inf


@dataclass(frozen=True)
class TruthOverSeeds(Result):
    """What ads cause in markets like this one.

    Attributes:
        seeds: of the markets, the one asked about first.
        effects: of each channel, then of `all` ads together.
        action: what a conversion is called.
    """

    seeds: tuple[int, ...]
    effects: tuple[EffectOverSeeds, ...]
    action: ConversionNoun = ORDER

    def effect(self, channel: str) -> EffectOverSeeds:
        """The effect of one channel.

        Raises:
            KeyError: there is none.
        """
        for effect in self.effects:
            if effect.channel == channel:
                return effect
        raise KeyError(f"no effect of {channel}")

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: this market with its interval over people, all markets with theirs, the price; in currency."""
        rows = []
        for own in self.effects:
            (lower, upper), (one_lower, one_upper) = own.interval, own.one_market
            price_lower, price_upper = own.price_interval
            rows.append(
                {
                    "channel": own.channel,
                    "seeds": len(self.seeds),
                    "incremental_conversions": own.conversions[0],
                    "over_people_lower": own.people_lower,
                    "over_people_upper": own.people_upper,
                    "mean_over_seeds": own.mean,
                    "over_seeds_lower": lower,
                    "over_seeds_upper": upper,
                    "one_market_lower": one_lower,
                    "one_market_upper": one_upper,
                    "cost_per_incremental_conversion": own.cost_per_incremental_conversion,
                    "cost_per_incremental_conversion_lower": price_lower,
                    "cost_per_incremental_conversion_upper": price_upper,
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """How many markets, for how many channels the interval over people holds their mean, and whether they are few."""
        inside = sum(own.people_lower <= own.mean <= own.people_upper for own in self.effects)
        said = (
            f"{len(self.seeds)} markets, seeds {self.seeds[0]} to {self.seeds[-1]}. The interval over the people of the "
            f"first holds the mean of all markets for {inside} of {len(self.effects)} rows; expect 95 of 100."
        )
        if len(self.seeds) < FEW_SEEDS:
            said += f" {len(self.seeds)} markets are few: their own intervals are wide for that alone."
        return said


def check_seeds(seeds: int | None) -> None:
    """Refuse a number of seeds that gives no interval, before any work.

    Raises:
        InvalidInputError: fewer than 2, or more than 10,000.
    """
    if seeds is not None and not 2 <= seeds <= MOST_SEEDS:
        rule = f"must be from 2 to {MOST_SEEDS:,}"
        raise InvalidInputError([Problem("seeds", rule, f"{seeds:,}", "one market has no interval over markets")])


def truth_over_seeds(
    world: World,
    seeds: int,
    *,
    truth: Truth | None = None,
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> TruthOverSeeds:
    """Average and joint effects in this market, and in those of the seeds after its own.

    Args:
        world: the first market; the others are its scenario again with the next seeds.
        seeds: how many markets, this one included; at least 2.
        truth: of the first market, where it is known already.
        threads: how many threads work; the numbers do not depend on it.
        progress: called with the share of markets that are done.

    Raises:
        InvalidInputError: see `check_seeds`.
    """
    check_seeds(seeds)
    first = world.scenario.run.seed
    numbers = [(first + i) % 2**64 for i in range(seeds)]
    found = [measure_truth(world, threads=threads) if truth is None else truth]
    progress(1 / seeds)
    assumed = [change for change in world.scenario.timeline if not change.author]
    for number in numbers[1:]:
        run = world.scenario.run.model_copy(update={"seed": number})
        scenario = world.scenario.model_copy(update={"run": run, "timeline": assumed})
        found.append(measure_truth(simulate_again(world, scenario, threads=threads), threads=threads))
        progress(len(found) / seeds)
    channels = list(found[0].labels)
    return TruthOverSeeds(
        tuple(numbers), tuple(_over(channel, found) for channel in channels), ConversionNoun.of(world.scenario)
    )


def _over(channel: str, found: Sequence[Truth]) -> EffectOverSeeds:
    effects = [own.effect(channel, "joint" if channel == ALL else "average") for own in found]
    lower, upper = interval_of_caused(found[0].labels[channel])
    return EffectOverSeeds(
        channel,
        np.array([effect.incremental_conversions for effect in effects], np.float64),
        np.array([effect.cost_micros for effect in effects], np.float64),
        lower,
        upper,
    )


def _t_quantile(n: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1.0 + LEVEL) / 2.0, n - 1))
