"""Pacing: each tick, the share of auctions a campaign takes part in so that it spends its daily budget (currency).

The rules are those of the platforms: spend is spread evenly, no day gets more than two daily budgets, what was not spent
is made up for within the month and then lost, and a changed budget holds at once: the rest of the month spends at most the
new budget × the days left (Google Ads Help, "About spending limits").
"""

import math

MONTH_DAYS = 30.0  # counted from day 0
MOST_PER_DAY = 2.0  # daily budgets
CATCH_UP_DAYS = 3.0  # in which what was spent too little, or too much, is made good
PRIOR_ACTIONS = 3.0  # how many paid actions the expected cost is worth, against what has been seen
MEMORY = 0.8  # weight of what was seen a tick ago, in units of a day


class Pacing:
    """The pacing of one campaign.

    Budget accrues by the day while the campaign can bid. A tick may spend its own budget and a part of what has accrued in
    this month and is not spent, so that this is made up for within three days, and within two daily budgets a day; what was
    spent too much is saved likewise. The share of auctions is that allowance over what the tick would cost in all auctions:
    at first what the scenario lets one expect, then ever more what has been seen.

    A campaign that is billed by the action is charged late, so its spend is what its impressions are expected to cost, times
    how far off that has been: fees over expected fees.
    """

    def __init__(self) -> None:
        self.month = -math.inf
        self.budget = 0.0
        self.accrued = self.spent = 0.0
        self.seen_cost = self.seen_days = 0.0
        self.fees = self.expected_fees = 0.0

    def next_share(
        self, daily_budget: float | None, day: float, days: float, *, activity: float, expected: float, action: float
    ) -> float:
        """Share of auctions for a tick of `days` that begins on a day, for a campaign that can bid.

        Args:
            daily_budget: in currency per day; none: all auctions.
            day, days: begin and length of the tick.
            activity: how much of people's activity falls into it, in average days.
            expected: what a day of all auctions is expected to cost, before anything is seen.
            action: what one paid action (impression, click or fee) costs, roughly.
        """
        if daily_budget is None:
            return 1.0
        month = math.floor(day / MONTH_DAYS)
        if month != self.month or daily_budget != self.budget:
            self.month, self.budget = month, daily_budget
            self.accrued = self.spent = 0.0
        left = (month + 1) * MONTH_DAYS - day
        backlog = self.accrued - self.spent
        self.accrued += daily_budget * days
        planned = daily_budget * days + backlog * min(1.0, days / min(CATCH_UP_DAYS, left))
        full = self.full_cost(expected, action) * activity
        allowance = min(planned, most_planned(daily_budget * days, action))
        if allowance <= 0.0:
            return 0.0
        return 1.0 if full <= allowance else allowance / full

    def full_cost(self, expected: float, action: float) -> float:
        """What a day of average activity costs in all auctions: seen and expected cost, the latter worth a few actions."""
        if expected <= 0.0 and self.seen_days == 0.0:
            return 0.0
        prior_cost = PRIOR_ACTIONS * action if expected > 0.0 else 0.0
        weight = self.seen_days + (prior_cost / expected if expected > 0.0 else 0.0)
        return (self.seen_cost + prior_cost) / weight if weight > 0.0 else 0.0

    def observe(self, spend: float, share: float, activity: float) -> None:
        """Learn what a tick has cost, in currency, in which the campaign took part in this share of auctions."""
        self.spent += spend
        if share > 0.0:
            kept = MEMORY**activity
            self.seen_cost = kept * self.seen_cost + spend
            self.seen_days = kept * self.seen_days + share * activity

    def fees_expected(self, fees: float, expected: float, action: float) -> float:
        """What impressions bought in a tick will cost in fees, after learning what was charged and what was expected.

        expected × (fees so far + 3 actions) / (expected so far + 3 actions).
        """
        self.fees += fees
        self.expected_fees += expected
        prior = PRIOR_ACTIONS * action
        return expected * (self.fees + prior) / (self.expected_fees + prior) if prior > 0.0 else 0.0


class Unbound(Pacing):
    """The pacing of a campaign whose budget never binds."""

    def next_share(self, *_: object, **__: object) -> float:
        """All auctions."""
        return 1.0


def most_planned(budget: float, action: float) -> float:
    """What may be planned to be spent of two budgets, so that chance (three standard deviations) does not go beyond.

    m + 3 √(m × action) = 2 × budget, since the actions of a tick are Poisson; at least the budget itself, which a campaign
    that buys a few actions a day needs on average.
    """
    root = (math.sqrt(9.0 * action + 4.0 * MOST_PER_DAY * budget) - 3.0 * math.sqrt(action)) / 2.0
    return max(budget, root * root)
