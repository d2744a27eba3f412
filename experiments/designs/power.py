"""Power of a lift-test design in one's own scenario, from worlds simulated again and again (conversions, currency)."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.micros import MICROS
from cpalab.refusal import LiftInputError, refuse, share_from_half_problems
from cpalab.result import Result
from experiments.designs.design import Design
from experiments.lift.estimate.lift_estimate import LiftEstimate, significance
from simulator.engines.replacement import Kernels
from simulator.scenario.schema import Scenario
from simulator.world import simulate

__all__ = ["Replicate", "ScenarioPower", "power_in_scenario"]

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Replicate:
    """One simulated test: what it found and what was true, in conversions and currency.

    Attributes:
        seed: of its world.
        estimate, standard_error: of the incremental conversions.
        lower, upper: the interval at the level asked for.
        truth: incremental conversions of the same ads, by twin world.
        cost: money of the same ads, as truly spent.
        forgone: conversions the test cost, by the true effect: those of the estimate, scaled.
        test_cost: money spent on the test itself.
    """

    seed: int
    estimate: float
    standard_error: float
    lower: float
    upper: float
    truth: int
    cost: float
    forgone: float
    test_cost: float


@dataclass(frozen=True, eq=False)
class ScenarioPower(Result):
    """What a design will find in a scenario.

    Attributes:
        design, channel: which test.
        replicates: the simulated tests.
        refused: how many worlds held no reading (an arm with nobody).
        level: confidence level of the two-sided test.
        power: wanted power.
    """

    design: str
    channel: str
    replicates: tuple[Replicate, ...]
    refused: int
    level: float
    power: float

    def _all(self, field: str) -> NDArray[np.float64]:
        return np.array([getattr(replicate, field) for replicate in self.replicates], dtype=np.float64)

    @property
    def true_effect(self) -> float:
        """Mean incremental conversions of the ads tested."""
        return float(self._all("truth").mean())

    @property
    def bias(self) -> tuple[float, float]:
        """Mean of estimate − truth, and its standard error over the replicates (inf for a single one)."""
        errors = self._all("estimate") - self._all("truth")
        count = errors.size
        return float(errors.mean()), float(errors.std(ddof=1) / math.sqrt(count)) if count > 1 else math.inf

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the truth."""
        truth = self._all("truth")
        return float(np.mean((self._all("lower") <= truth) & (truth <= self._all("upper"))))

    def power_at(self, effect: float) -> float:
        """Share of tests that find an effect of this size: their intervals, moved from the truth to it, exclude zero."""
        moved = effect - self._all("truth")
        return float(np.mean((self._all("lower") + moved > 0) | (self._all("upper") + moved < 0)))

    @property
    def detectable_effect(self) -> float:
        """Smallest effect above zero found with the wanted power: that quantile of truth − lower end of the interval."""
        reach = np.sort(self._all("truth") - self._all("lower"))
        return float(reach[min(reach.size, math.ceil(self.power * reach.size)) - 1])

    @property
    def detectable_by_formula(self) -> float:
        """(z_{1−α/2} + z_power) × the median standard error that the tests report."""
        from scipy.special import ndtri

        quantiles = ndtri(1 - significance(self.level) / 2) + ndtri(self.power)
        return float(quantiles * np.median(self._all("standard_error")))

    @property
    def detectable_cost(self) -> float:
        """Cost of the ads ÷ smallest detectable effect: dearer conversions would look like none."""
        return float(self._all("cost").mean()) / self.detectable_effect

    def curve(self) -> pd.DataFrame:
        """The power curve: `effect, relative_to_truth, cost_per_incremental_conversion, power`."""
        true, cost = self.true_effect, float(self._all("cost").mean())
        largest = 1.5 * max(self.detectable_effect, true)
        effects = np.linspace(0.0, largest, 11) if math.isfinite(largest) else true * np.linspace(0.0, 3.0, 11)
        return pd.DataFrame(
            {
                "effect": effects,
                "relative_to_truth": effects / true if true else math.nan,
                "cost_per_incremental_conversion": [cost / effect if effect > 0 else math.inf for effect in effects],
                "power": [self.power_at(float(effect)) for effect in effects],
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per replicate."""
        return pd.DataFrame([vars(replicate) for replicate in self.replicates])

    def summary(self) -> str:
        """What the test can find, whether its intervals hold, and what it costs."""
        count, (bias, error) = len(self.replicates), self.bias
        alarms = round(self.power_at(0.0) * count)
        refused = f" {self.refused} more held no reading." if self.refused else ""
        return (
            f"{self.design} on {self.channel}, in {count} simulated worlds: the ads truly cause {self.true_effect:z,.0f} "
            f"conversions on average, and {self.power_at(self.true_effect):z.0%} of the tests would tell that from zero. "
            f"Found with power {self.power:z.0%}: {self.detectable_effect:z,.0f} conversions or more (by formula, from the "
            f"errors the tests report, {self.detectable_by_formula:z,.0f}), which is "
            f"{self.detectable_cost:z,.2f} per incremental conversion or less. Intervals at {100 * self.level:g}% held the "
            f"truth in {self.coverage:z.0%}; estimates were off by {bias:z,.1f} ± {error:z,.1f} on average. The test forgoes "
            f"{float(self._all('forgone').mean()):z,.0f} conversions. Without an "
            f"effect {alarms} of {count} would raise a false alarm; with {count} worlds all shares move in steps of "
            f"{100 / count:z.2g}%.{refused}"
        )


def power_in_scenario(
    scenario: Scenario,
    channel: str,
    design: Design,
    *,
    repeats: int,
    level: float = 0.95,
    power: float = 0.80,
    kernels: Kernels | None = None,
    map_: Map = map,
    progress: Callable[[float], None] = lambda share: None,
) -> ScenarioPower:
    """Run a design on a channel in `repeats` worlds that differ in their seed, each beside its twin-world truth.

    Power at another effect moves the intervals from the truth to it, as if the noise of the test did not depend on the
    effect: true to the first order, and exact for the noise of everything that the ads do not touch.

    Args:
        scenario: what is assumed; seeds count on from its own.
        channel: whose ads.
        design: see `experiments.designs.registry`.
        repeats: how many worlds; the share found is that coarse.
        level: confidence level of the two-sided test.
        power: wanted power.
        kernels: the law with own steps; None: as the scenario says.
        map_: parallel replacement of `map`.
        progress: told the share done, after each world.

    Raises:
        ScenarioError: the scenario cannot hold the test.
        LiftInputError: numbers outside their ranges, or no world that holds a reading.
    """
    problems = [] if repeats >= 1 else [f"repeats: {repeats} must be at least 1; 100 give power to about 5 %"]
    refuse([*problems, *share_from_half_problems(power=power)])
    significance(level)
    arranged = [design.arrange(seeded(scenario, r), channel) for r in range(repeats)]
    found: list[Replicate] = []
    refusals: list[LiftInputError] = []
    for done, answer in enumerate(
        map_(lambda one: _replicate(one, channel, design, level, kernels), arranged), start=1
    ):
        if isinstance(answer, LiftInputError):
            refusals.append(answer)
        else:
            found.append(answer)
        progress(done / repeats)
    if not found:
        raise refusals[0]
    return ScenarioPower(design.name, channel, tuple(found), len(refusals), level, power)


def seeded(scenario: Scenario, repeat: int) -> Scenario:
    """The scenario with a seed of its own for each repeat."""
    run = scenario.run.model_copy(update={"seed": scenario.run.seed + repeat})
    return scenario.model_copy(update={"run": run})


def _replicate(
    scenario: Scenario, channel: str, design: Design, level: float, kernels: Kernels | None
) -> Replicate | LiftInputError:
    world = simulate(scenario, kernels=kernels)
    try:
        reading = design.read(world, channel)
    except LiftInputError as refusal:
        return refusal
    truth = design.truth(world, [channel])[channel]
    lift: LiftEstimate = reading.lift
    lower, upper = lift.interval(level)
    share = reading.conversions_forgone / lift.difference if lift.difference else 0.0
    return Replicate(
        seed=scenario.run.seed,
        estimate=lift.difference,
        standard_error=lift.standard_error,
        lower=lower,
        upper=upper,
        truth=truth.incremental_conversions,
        cost=truth.cost_micros / MICROS,
        forgone=share * truth.incremental_conversions,
        test_cost=reading.test_cost,
    )
