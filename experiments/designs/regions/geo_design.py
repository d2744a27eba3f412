"""Geo designs: a channel's ads taken away, raised or launched in paired regions, read by one estimator (conversions)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cpalab.refusal import Problem, ScenarioError
from experiments.designs.design import LEVEL, DesignReading, require_ads
from experiments.designs.regions.geo_books import experiment_of
from experiments.designs.regions.geo_truth import geo_test_truth
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.removed_ads import removed_ads_lift
from experiments.lift.geo.method import find_geo_method, with_pairs
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest
from experiments.truth.effects import Effect
from simulator.market.geo_tests import pairs_by_size, treated_geos
from simulator.scenario.geo_tests import GeoTest
from simulator.scenario.rules.validation import validate
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["GeoDesign", "with_geo_test"]

Kind = Literal["go_dark", "heavy_up", "holdback"]
Analysis = Literal["did", "tbr", "synthetic_control", "trimmed_match"]

# Shares of the reported window. All that lies before the test is what it is compared with: the market is running by then.
TEST_SHARE, COOLDOWN_SHARE = 1 / 4, 1 / 8
FEWEST_GEOS = {"did": 4, "tbr": 4, "synthetic_control": 4, "trimmed_match": 8}
HEAVY_UP_SPEND, HEAVY_UP_BID = 2.0, 1.5


@dataclass(frozen=True)
class GeoDesign:
    """One of every two geos of like size is treated, for a quarter of the reported window, an eighth before its end.

    Args:
        kind: what is done in the treated geos. A heavy-up doubles budgets and raises bids by half.
        analysis: difference in differences, time-based regression, augmented synthetic control or trimmed match.
    """

    kind: Kind
    analysis: Analysis
    factorial: bool = False

    @property
    def name(self) -> str:
        """Kind and analysis, as `go_dark_tbr`."""
        return f"{self.kind}_{self.analysis}"

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario with this test in place of any other geo test of the channel."""
        require_ads(scenario, channel)
        geos, fewest = len(scenario.population.geos), FEWEST_GEOS[self.analysis]
        if geos < fewest:
            rule = f"must be at least {fewest} for {self.name}"
            raise ScenarioError([Problem("population.geos", rule, str(geos), "the preset dtc-geos has forty")])
        days = int(scenario.run.days)
        test_days, cooldown_days = max(1, int(days * TEST_SHARE)), int(days * COOLDOWN_SHARE)
        start_day = days - test_days - cooldown_days
        test = GeoTest(
            channel=channel,
            kind=self.kind,
            assignment="matched_pairs",
            start_day=start_day,
            end_day=start_day + test_days,
            cooldown_days=cooldown_days,
            spend_factor=HEAVY_UP_SPEND if self.kind == "heavy_up" else None,
            bid_factor=HEAVY_UP_BID if self.kind == "heavy_up" else 1.0,
        )
        return with_geo_test(scenario, channel, test)

    def read(self, world: World, channel: str) -> DesignReading:
        """Orders of the treated geos' people against what the other geos foretell; cost likewise."""
        experiment = experiment_of(world, channel)
        test = _analysed(experiment, world, self.analysis)
        lift, cost = test.lift, test.cost
        if self.kind == "go_dark":
            lift, cost = removed_ads_lift(lift), -cost
        price = cost_per_incremental_conversion(
            lift, cost, level=LEVEL, cost_standard_error=test.cost_standard_error, covariance=test.cost_covariance
        )
        notes, extra = test.notes, 0.0
        if self.kind == "heavy_up":
            extra = max(0.0, cost)
            if extra == 0:
                notes += ("The test spent no more than before: there were no more ads to be had.",)
        return DesignReading(
            self.name, channel, lift, price, self._forgone(lift.difference, world, channel), extra, notes=notes
        )

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What the ads that the test gave or took away caused in the treated geos."""
        return {channel: geo_test_truth(world, channel, threads=threads).of_ads for channel in channels}

    def _forgone(self, lift: float, world: World, channel: str) -> float:
        if self.kind == "heavy_up":
            return 0.0
        if self.kind == "go_dark":
            return lift
        # The control geos of a launch go without, person for person as the treated ones do with.
        treated = treated_geos(world.scenario, channel)
        share = sum(world.scenario.population.geos[geo].share for geo in treated)
        return lift * (1.0 - share) / share


def with_geo_test(scenario: Scenario, channel: str, test: GeoTest) -> Scenario:
    """The scenario with this geo test, named after its channel, in place of any other of the same channel.

    Raises:
        ScenarioError: it cannot hold the test.
    """
    others = {name: other for name, other in scenario.geo_tests.items() if other.channel != channel}
    return validate(
        scenario.model_dump() | {"geo_tests": {n: t.model_dump() for n, t in (others | {channel: test}).items()}}
    )


def _analysed(experiment: GeoExperiment, world: World, analysis: Analysis) -> GeoLiftTest:
    method = find_geo_method("augmented_synthetic_control" if analysis == "synthetic_control" else analysis)
    return with_pairs(method, pairs_by_size(world.scenario)).read(experiment, (LEVEL,))


GO_DARK_DID = GeoDesign("go_dark", "did")
GO_DARK_TBR = GeoDesign("go_dark", "tbr")
GO_DARK_SYNTHETIC_CONTROL = GeoDesign("go_dark", "synthetic_control")
GO_DARK_TRIMMED_MATCH = GeoDesign("go_dark", "trimmed_match")
HEAVY_UP_DID = GeoDesign("heavy_up", "did")
HEAVY_UP_TBR = GeoDesign("heavy_up", "tbr")
HOLDBACK_DID = GeoDesign("holdback", "did")
HOLDBACK_TBR = GeoDesign("holdback", "tbr")
