"""Target bidding: a bid that follows reported conversions towards a target CPA (currency) or a target ROAS (value per cost).

new bid = bid × (target ÷ CPA), where CPA = (spend + m × target) ÷ (reported conversions + m): m conversions at the target are
taken for granted, so that a day without any is no catastrophe. No step is longer than `step`; in the learning phase, until
the window holds `learning_conversions`, steps are half as long. What is not reported does not exist for it: an outage of
the tag lowers bids.

Sources: Google Ads Help, "About Target CPA bidding", "About Target ROAS bidding"; Meta Business Help, "About the learning
phase" (about 50 results in a week). The step, the pseudo-conversions and the daily rhythm are assumptions [M].
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters

TAKEN_FOR_GRANTED = 2.0  # conversions at the target


@dataclass(frozen=True)
class _TargetBidding:
    """A bid that follows a target.

    Attributes:
        target: cost per reported conversion in currency, or reported value per cost.
        campaign: `channel` or `channel.campaign`.
        system: whose conversions it learns from.
        window_days: how far back it looks; every_days: how often it bids anew.
        step: the longest step up, as share of the bid.
        learning_conversions: in the window, below which it is learning.
    """

    target: float
    campaign: str
    system: str = "platform"
    window_days: float = 7.0
    every_days: float = 1.0
    step: float = 0.2
    learning_conversions: float = 50.0

    def __post_init__(self) -> None:
        check_parameters(self, positive=("target", "window_days", "every_days", "step"))

    def follow(self, market: Desk, wanted: Callable[[float, float], float]) -> Generator[Any, Any, None]:
        """Bid anew every so many days: the factor that spend and conversions want, within the longest step up or down."""
        while True:
            yield market.timeout(self.every_days)
            spend = market.spend(self.campaign, days=self.window_days)
            conversions = market.conversions(self.system, self.campaign, days=self.window_days)
            step = 1.0 + self.step * (1.0 if conversions >= self.learning_conversions else 0.5)
            factor = min(max(wanted(spend, conversions), 1.0 / step), step)
            market.set_bid(self.campaign, market.bid(self.campaign) * factor)


@dataclass(frozen=True)
class TargetCpa(_TargetBidding):
    """Bids so that a conversion, as a system reports it, costs the target."""

    name: ClassVar[NameWithParameters] = NameWithParameters("target_cpa")

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Follow the target, by reported conversions."""

        def wanted(spend: float, conversions: float) -> float:
            cpa = (spend + TAKEN_FOR_GRANTED * self.target) / (conversions + TAKEN_FOR_GRANTED)
            return self.target / cpa

        yield from self.follow(market, wanted)


@dataclass(frozen=True)
class TargetRoas(_TargetBidding):
    """Bids so that a unit of currency brings the target's value, as a system reports it."""

    name: ClassVar[NameWithParameters] = NameWithParameters("target_roas")

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Follow the target, by reported value."""
        granted = TAKEN_FOR_GRANTED * market.scenario.order.value.mean

        def wanted(spend: float, _: float) -> float:
            value = market.conversion_value(self.system, self.campaign, days=self.window_days)
            return (value + granted) / (spend + granted / self.target) / self.target

        yield from self.follow(market, wanted)
