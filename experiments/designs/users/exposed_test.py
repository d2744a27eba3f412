"""Tests read on those an ad reached or would have: ghost ads, predicted ghost ads, placebo ads (conversions)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cpalab.micros import MICROS
from experiments.designs.design import DesignReading
from experiments.designs.tested_truth import effects_of_test
from experiments.designs.users.arrangement import holdout_arranged
from experiments.designs.users.user_level import Stratum, WorldTest, read_user_test
from experiments.designs.users.world_counts import ad_events, event_cost
from experiments.truth.effects import Effect
from simulator.scenario.schema import HoldoutDesign, Scenario
from simulator.world import World

__all__ = ["GHOST_ADS", "PREDICTED_GHOST_ADS", "PSA", "ExposedTest"]


@dataclass(frozen=True)
class ExposedTest:
    """A holdout of people that compares those whom an ad reached with those whom it would have reached.

    The difference per person × the treated compared is the same total as by intention to treat, without the noise of
    people whom no ad reaches. What marks the held-out as such tells the designs apart:

    ghost_ads             the ad server logs each ad it withholds
    predicted_ghost_ads   in both arms alike, a person enters with the first slot the campaign is predicted to win
    psa                   the held-out are shown a placebo ad, which the advertiser pays for. Under optimised delivery the
                          ad server shows it to those who click placebos: the arms hold different people
    """

    design: HoldoutDesign
    stratum: Stratum
    factorial: bool = True

    @property
    def name(self) -> str:
        """The design's name."""
        return self.design

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario with a holdout of people of this design."""
        return holdout_arranged(scenario, channel, design=self.design, assignment="person")

    def test(self, world: World, channel: str) -> WorldTest:
        """Orders per treated person of the stratum against orders per person held out in it."""
        test = read_user_test(world, channel, self.stratum)
        notes = []
        placebo_cost = event_cost(ad_events(world, channel, "psa")) / MICROS
        campaigns = world.scenario.channels[channel].campaigns.values()
        if self.stratum == "psa" and any(campaign.optimisation > 0 for campaign in campaigns):
            notes.append(
                "Delivery is optimised: placebo ads are shown to other people than the ads, so this is no fair comparison."
            )
        if self.stratum == "predicted":
            notes.append(f"Of the treated predicted to see an ad, {test.conversions.share_exposed:z.0%} saw one.")
        return replace(test, notes=tuple(notes), test_cost=placebo_cost)

    def read(self, world: World, channel: str) -> DesignReading:
        """The difference per person × the treated in the stratum."""
        return self.test(world, channel).reading(self.name)

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What the ads shown to the treated caused."""
        return effects_of_test(world, channels, threads)


GHOST_ADS = ExposedTest("ghost_ads", "ghost")
PREDICTED_GHOST_ADS = ExposedTest("predicted_ghost_ads", "predicted")
PSA = ExposedTest("psa", "psa")
