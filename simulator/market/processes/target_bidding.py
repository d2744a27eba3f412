"""Target bidding: a bid that follows reported conversions towards a target CPA (currency) or a target ROAS (value per cost).

new bid = bid × (target ÷ CPA), where CPA = (spend + m × target) ÷ (reported conversions + m): m conversions at the target are
taken for granted, so that a day without any is no catastrophe. No step is longer than `step`; in the learning phase, until
the window holds `learning_conversions`, steps are half as long. What is not reported does not exist for it: an outage of
the tag lowers bids.

Sources: Google Ads Help, "About Target CPA bidding", "About Target ROAS bidding"; Meta Business Help, "About the learning
phase" (about 50 results in a week). The step, the pseudo-conversions and the daily rhythm are assumptions [M].
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters

TAKEN_FOR_GRANTED = 2.0  # conversions at the target


@dataclass(frozen=True)
class TargetCpa:
    """Bids so that a conversion, as a system reports it, costs the target.

    Attributes:
        target: cost per reported conversion, in currency.
        campaign: `channel` or `channel.campaign`.
        system: whose conversions it learns from.
        window_days: how far back it looks; every_days: how often it bids anew.
        step: the longest step up, as share of the bid.
        learning_conversions: in the window, below which it is learning.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("target_cpa")
    target: float
    campaign: str
    system: str = "platform"
    window_days: float = 7.0
    every_days: float = 1.0
    step: float = 0.2
    learning_conversions: float = 50.0

    def __post_init__(self) -> None:
        check_parameters(self, positive=("target", "window_days", "every_days", "step"))

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Bid anew every so many days."""
        while True:
            yield market.timeout(self.every_days)
            spend = market.spend(self.campaign, days=self.window_days)
            conversions = market.conversions(self.system, self.campaign, days=self.window_days)
            cpa = (spend + TAKEN_FOR_GRANTED * self.target) / (conversions + TAKEN_FOR_GRANTED)
            market.set_bid(self.campaign, market.bid(self.campaign) * _factor(self, self.target / cpa, conversions))


@dataclass(frozen=True)
class TargetRoas:
    """Bids so that a unit of currency brings the target's value, as a system reports it.

    Attributes:
        target: reported value per cost.
        campaign: `channel` or `channel.campaign`.
        system: whose value it learns from.
        window_days: how far back it looks; every_days: how often it bids anew.
        step: the longest step up, as share of the bid.
        learning_conversions: in the window, below which it is learning.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("target_roas")
    target: float
    campaign: str
    system: str = "platform"
    window_days: float = 7.0
    every_days: float = 1.0
    step: float = 0.2
    learning_conversions: float = 50.0

    def __post_init__(self) -> None:
        check_parameters(self, positive=("target", "window_days", "every_days", "step"))

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Bid anew every so many days."""
        granted = TAKEN_FOR_GRANTED * market.scenario.order.value.mean
        while True:
            yield market.timeout(self.every_days)
            spend = market.spend(self.campaign, days=self.window_days)
            conversions = market.conversions(self.system, self.campaign, days=self.window_days)
            value = market.conversion_value(self.system, self.campaign, days=self.window_days)
            roas = (value + granted) / (spend + granted / self.target)
            market.set_bid(self.campaign, market.bid(self.campaign) * _factor(self, roas / self.target, conversions))


def _factor(rule: TargetCpa | TargetRoas, wanted: float, conversions: float) -> float:
    """The factor on the bid: the wanted one, within the longest step up or down."""
    step = 1.0 + rule.step * (1.0 if conversions >= rule.learning_conversions else 0.5)
    return min(max(wanted, 1.0 / step), step)
