"""The on/off design (switchback): a channel's ads off and on again everywhere, in blocks of days (conversions)."""

from collections.abc import Sequence
from dataclasses import dataclass

from cpalab.refusal import Problem, ScenarioError
from experiments.designs.design import LEVEL, DesignReading, require_ads
from experiments.designs.regions.geo_books import read_switchback
from experiments.designs.regions.geo_design import with_geo_test
from experiments.designs.regions.geo_truth import geo_test_truth
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.truth.effects import Effect
from simulator.scenario.geo_tests import GeoTest
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["ON_OFF", "OnOffDesign"]

BLOCKS = 10
# A week each where the run is long enough, so that weekdays are balanced.
LONGEST_BLOCK_DAYS = 7


@dataclass(frozen=True)
class OnOffDesign:
    """Ten blocks of days at the end of the run; of every two neighbouring ones a coin switches one off.

    The first third of each block is left out, since ads work on when they are off. What works on for longer is missed:
    the design is biased towards nothing where carry-over is long.
    """

    name: str = "on_off"
    factorial: bool = False

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario with this test in place of any other geo test of the channel."""
        require_ads(scenario, channel)
        days = int(scenario.run.days)
        block_days = min(LONGEST_BLOCK_DAYS, (days - 1) // BLOCKS)
        if block_days < 1:
            rule = f"must be more than {BLOCKS} for {BLOCKS} blocks"
            raise ScenarioError([Problem("run.days", rule, f"{scenario.run.days:g}", "simulate more days")])
        test = GeoTest(
            channel=channel, kind="on_off", start_day=days - BLOCKS * block_days, end_day=days, block_days=block_days
        )
        return with_geo_test(scenario, channel, test)

    def read(self, world: World, channel: str) -> DesignReading:
        """Orders per day in blocks on against blocks off, × days on."""
        block_days = world.scenario.geo_tests[channel].block_days or 1
        test = read_switchback(world, channel, (LEVEL,), washout_days=block_days // 3)
        price = cost_per_incremental_conversion(
            test.lift,
            test.cost,
            level=LEVEL,
            cost_standard_error=test.cost_standard_error,
            covariance=test.cost_covariance,
        )
        # As many days are off as on.
        return DesignReading(self.name, channel, test.lift, price, test.lift.difference, notes=test.notes)

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What the ads of the blocks that were on caused, against a test in which all blocks are off."""
        return {channel: geo_test_truth(world, channel, threads=threads).of_ads for channel in channels}


ON_OFF = OnOffDesign()
