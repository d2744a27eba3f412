"""An automated campaign: one budget and one target for campaigns on several surfaces, spent where conversions are reported.

Each day campaign i gets floor ÷ n + (1 − floor) × e_i ÷ Σ e of the budget, e_i = (conversions_i + 1) ÷ (spend_i + 1
conversion at the target), and bids as target-CPA bidding does. It cannot tell what it caused from what it was near to:
surfaces that people pass on their way to buying anyway look cheap, and get the money.

Source: Google Ads Help, "About Performance Max campaigns"; Meta Business Help, "About Advantage+ sales campaigns". The
formula is an assumption [M]: neither publishes one.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from cpalab.refusal import Problem, ScenarioError
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters


@dataclass(frozen=True)
class AutomatedCampaign:
    """Spends one daily budget across campaigns by the conversions that a system reports for each.

    Attributes:
        campaigns: two or more, as `channel.campaign` or `channel`.
        daily_budget: for all of them, for the people simulated, in currency; 0: what they have together.
        target: cost per reported conversion that bids aim at, in currency; 0: bids stay as they are.
        system: whose conversions it learns from.
        window_days: how far back it looks.
        floor: share of the budget that is spread evenly, to go on learning.
        step: the longest step of a bid, as share.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("automated_campaign")
    campaigns: tuple[str, ...]
    daily_budget: float = 0.0
    target: float = 0.0
    system: str = "platform"
    window_days: float = 7.0
    floor: float = 0.1
    step: float = 0.1

    def __post_init__(self) -> None:
        check_parameters(self, positive=("window_days", "step"), shares=("floor",))
        if len(self.campaigns) < 2:
            raise ScenarioError([Problem("campaigns", "must name at least two", repr(self.campaigns))])

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Spread the budget and bid anew, day by day."""
        budget = self.daily_budget or sum(market.daily_budget(name) or 0.0 for name in self.campaigns)
        if budget <= 0.0:
            raise ScenarioError([Problem("daily_budget", "is needed: none of the campaigns has one of its own")])
        while True:
            yield market.timeout(1)
            spend = [market.spend(name, days=self.window_days) for name in self.campaigns]
            counted = [market.conversions(self.system, name, days=self.window_days) for name in self.campaigns]
            usual = self.target or (sum(spend) + 1.0) / (sum(counted) + 1.0)
            earning = [(n + 1.0) / (cost + usual) for n, cost in zip(counted, spend, strict=True)]
            for name, e in zip(self.campaigns, earning, strict=True):
                share = self.floor / len(earning) + (1.0 - self.floor) * e / sum(earning)
                market.set_daily_budget(name, budget * share)
                if self.target:
                    factor = min(max(e * self.target, 1.0 / (1.0 + self.step)), 1.0 + self.step)
                    market.set_bid(name, market.bid(name) * factor)
