"""Unit economics: what an action may cost, in currency units, from margin and lifetime value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from cpalab.refusal import InvalidInputError

# What the cost of one action is called.
COST_METRICS: Mapping[str, str] = {
    "conversion": "CPA",
    "lead": "CPL",
    "install": "CPI",
    "qualified": "CPQL",
    "qualified_lead": "CPQL",
    "closed": "CAC",
    "new_customer": "CAC",
}


def cost_per(cost: float, actions: float) -> float:
    """Cost ÷ actions; not a number where there are no actions, because it is undefined."""
    return cost / actions if actions > 0 else math.nan


def cost_per_click(cost_per_mille: float, click_through_rate: float) -> float:
    """CPC = CPM / (1000 × CTR)."""
    return cost_per(cost_per_mille / 1000, click_through_rate)


def cost_per_action(cost_per_click: float, conversion_rate: float) -> float:
    """CPA = CPC / conversion rate."""
    return cost_per(cost_per_click, conversion_rate)


def cost_per_qualified(cost_per_action: float, qualification_rate: float) -> float:
    """CPQL = CPL / share of leads that qualify; likewise the cost of an activated user from that of an install."""
    return cost_per(cost_per_action, qualification_rate)


def return_on_ad_spend(value: float, cost: float) -> float:
    """ROAS = value / cost."""
    return cost_per(value, cost)


def break_even_return(margin_rate: float) -> float:
    """The ROAS at which an order earns nothing: 1 / margin rate."""
    return cost_per(1.0, margin_rate)


def lifetime_value_limit(lifetime_value: float, ltv_to_cac: float) -> float:
    """The highest CPA that lifetime value allows: LTV / target LTV:CAC ratio."""
    return cost_per(lifetime_value, ltv_to_cac)


def customer_acquisition_cost(media: float, sales: float, tools: float, customers: float) -> float:
    """CAC = (media + sales + tools) / new customers: all that is spent to win one."""
    return cost_per(media + sales + tools, customers)


def payback_months(acquisition_cost: float, monthly_margin: float) -> float:
    """Months until a customer's margin has paid for their acquisition: CAC / monthly margin."""
    return cost_per(acquisition_cost, monthly_margin)


@dataclass(frozen=True, kw_only=True)
class UnitEconomics:
    """What one action is worth, in currency units; give what you know.

    Attributes:
        margin_rate: share of an order's value that is left before ad cost, 0.4 for 40 %.
        margin_per_action: margin of one action before ad cost; instead of `margin_rate`.
        lifetime_value: margin of a customer over the whole relationship.
        ltv_to_cac: how many times the acquisition cost the lifetime value is to be.
        monthly_margin: margin of a customer per month.
        other_cost_per_action: what an action costs beside ads (sales, tools): CAC = CPA + this.

    Raises:
        InvalidInputError: if a figure is negative, not finite or beyond its range, or both margins are given.

    Example:
        >>> from attribution import UnitEconomics
        >>> UnitEconomics(margin_rate=0.4).margin_rate
        0.4
    """

    margin_rate: float | None = None
    margin_per_action: float | None = None
    lifetime_value: float | None = None
    ltv_to_cac: float = 3.0
    monthly_margin: float | None = None
    other_cost_per_action: float = 0.0

    def __post_init__(self) -> None:
        """Refuse figures that mean nothing."""
        problems = [
            f"{item.name}: {value} must be a number, zero or more"
            for item in fields(self)
            if (value := getattr(self, item.name)) is not None and not (math.isfinite(value) and value >= 0)
        ]
        if self.margin_rate is not None and self.margin_rate > 1:
            problems.append(f"margin_rate: {self.margin_rate} must be at most 1; write 0.4 for 40 %")
        if self.ltv_to_cac == 0:
            problems.append("ltv_to_cac: 0 must be more than zero; 3 is usual")
        if self.margin_rate is not None and self.margin_per_action is not None:
            problems.append("margin_rate, margin_per_action: both are given; keep one")
        if problems:
            raise InvalidInputError(problems)

    def break_even_cost(self, value_per_action: float) -> float:
        """The CPA at which an action earns nothing: its margin; not a number if the margin is unknown."""
        if self.margin_per_action is not None:
            return self.margin_per_action
        return math.nan if self.margin_rate is None else self.margin_rate * value_per_action

    def profit(self, cost: float, actions: float, value: float) -> float:
        """Margin of these actions - cost: what is left after ads; not a number if the margin is unknown."""
        if self.margin_per_action is not None:
            return actions * self.margin_per_action - cost
        return math.nan if self.margin_rate is None else self.margin_rate * value - cost

    def cost_limit(self) -> float:
        """The highest CPA that lifetime value allows, less other costs; not a number if it is unknown."""
        if self.lifetime_value is None:
            return math.nan
        return lifetime_value_limit(self.lifetime_value, self.ltv_to_cac) - self.other_cost_per_action
