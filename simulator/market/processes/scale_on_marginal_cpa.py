"""Scaling on marginal CPA: a budget grows as long as the last increase bought conversions cheaply enough (currency).

marginal CPA = (spend now − spend before) ÷ (conversions now − conversions before), of two periods side by side. At most the
maximum: one step up; more, or no conversions gained for more money: one step down. Money saved by giving up conversions that
cost less than the maximum each was saved in the wrong place: one step up; else one more step down.

Source: the rule to scale on marginal, not on average CPA; the step and the rhythm are assumptions [M]. Two periods differ by
chance too, which this rule, like those who use it, does not see.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from cpalab.refusal import Problem, ScenarioError
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters


@dataclass(frozen=True)
class ScaleOnMarginalCpa:
    """Moves one daily budget by what the last change of spend bought, as a system reports it.

    Attributes:
        maximum: marginal cost per reported conversion that is still accepted, in currency.
        campaign: `channel` or `channel.campaign`, with a daily budget.
        system: whose conversions count.
        every_days: length of a period.
        step: by which the budget grows, as share.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("scale_on_marginal_cpa")
    maximum: float
    campaign: str
    system: str = "platform"
    every_days: float = 7.0
    step: float = 0.2

    def __post_init__(self) -> None:
        check_parameters(self, positive=("maximum", "every_days", "step"))

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Compare the last two periods, and scale."""
        budget = market.daily_budget(self.campaign)
        if budget is None:
            raise ScenarioError(
                [Problem("campaign", "has no daily budget to scale", repr(self.campaign), "give it one")]
            )
        grow = True
        while True:
            yield market.timeout(self.every_days)
            first, middle = market.day - 2.0 * self.every_days, market.day - self.every_days
            before = {"since": first, "until": middle}
            spent = market.spend(self.campaign, since=middle) - market.spend(self.campaign, **before)
            gained = market.conversions(self.system, self.campaign, since=middle)
            gained -= market.conversions(self.system, self.campaign, **before)
            if spent > 0.0:
                grow = gained > 0.0 and spent / gained <= self.maximum
            elif spent < 0.0:
                grow = gained < 0.0 and spent / gained <= self.maximum
            budget = budget * (1.0 + self.step) if grow else budget / (1.0 + self.step)
            market.set_daily_budget(self.campaign, budget)
