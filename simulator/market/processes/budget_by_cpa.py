"""Budget by CPA: money moves from campaigns whose reported conversions are dear to those where they are cheap (currency).

budget_i ← (1 − share) × budget_i + share × B × e_i ÷ Σ e, with B the sum of all budgets and e_i = (conversions_i + 1) ÷
(spend_i + 1 conversion at the mean CPA), so that a campaign without any is not starved at once. The sum stays.

Source: the practice of reallocating on CPA every few weeks; the formula is an assumption [M].
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from cpalab.refusal import Problem, ScenarioError
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters


@dataclass(frozen=True)
class BudgetByCpa:
    """Moves daily budgets between campaigns by the CPA that a system reports.

    Attributes:
        campaigns: those whose budgets are shared, as `channel.campaign`; none: all that have a budget.
        system: whose conversions count.
        every_days: how often, and how far back it looks.
        share: of the budgets that moves each time.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("budget_by_cpa")
    campaigns: tuple[str, ...] = ()
    system: str = "platform"
    every_days: float = 7.0
    share: float = 0.3

    def __post_init__(self) -> None:
        check_parameters(self, positive=("every_days",), shares=("share",))

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Move budgets every so many days."""
        budgets = {name: market.daily_budget(name) for name in self.campaigns or market.campaigns}
        without = [name for name, budget in budgets.items() if budget is None]
        if self.campaigns and without:
            rule = "has no daily budget that could be moved"
            raise ScenarioError([Problem("campaigns", rule, repr(name), "give it one") for name in without])
        shared = {name: budget for name, budget in budgets.items() if budget is not None}
        total = sum(shared.values())
        while shared:
            yield market.timeout(self.every_days)
            spend = {name: market.spend(name, days=self.every_days) for name in shared}
            counted = {name: market.conversions(self.system, name, days=self.every_days) for name in shared}
            usual = (sum(spend.values()) + 1.0) / (sum(counted.values()) + 1.0)
            earning = {name: (counted[name] + 1.0) / (spend[name] + usual) for name in shared}
            for name, budget in shared.items():
                wanted = total * earning[name] / sum(earning.values())
                shared[name] = (1.0 - self.share) * budget + self.share * wanted
                market.set_daily_budget(name, shared[name])
