"""Campaigns: bids as the value of an impression, pacing against budgets, and creatives that grow old."""

import math

from simulator.scenario.schema import Campaign, Channel, Order, Scenario

FIRST_THROTTLE = 0.5  # share of auctions entered before anything is known about a budgeted campaign
CATCH_UP_DAYS = 2.0  # most that may be spent in a day, in daily budgets
OUTBIDS_ALL = 50.0  # logarithm of the bid of a campaign with a flat fee: its placement is bought


def log_bid_per_impression(campaign: Campaign, order: Order) -> float:
    """Logarithm of what an impression is worth to the campaign, in currency; -inf for a bid of zero.

    cpm: bid / 1000; cpc: bid × click-through rate; cpl and cpa: bid × expected actions per impression; revenue_share:
    bid × mean order value × expected actions per impression; flat and send: more than anyone.
    """
    match campaign.billing:
        case "cpm":
            value = campaign.bid / 1000.0
        case "cpc":
            value = campaign.bid * campaign.click_through_rate
        case "cpl" | "cpa":
            value = campaign.bid * campaign.expected_action_rate
        case "revenue_share":
            value = campaign.bid * order.value.mean * campaign.expected_action_rate
        case "flat" | "send":
            return OUTBIDS_ALL
    return math.log(value) if value > 0.0 else -math.inf


def log_rival_price(scenario: Scenario, surface: str) -> float:
    """Mean logarithm of the rival price of one impression, in currency, before season and competition."""
    place = scenario.surfaces[surface]
    return math.log(place.rival_cpm / 1000.0) - 0.5 * place.rival_sigma**2


def on_air(campaign: Campaign, day: float) -> bool:
    """Whether the campaign runs on this day of its flight."""
    return campaign.start_day <= day and (campaign.end_day is None or day < campaign.end_day)


def flat_fee_micros(campaign: Campaign, days: float, scale: float) -> int:
    """Fee of a flat-billed campaign for so many days on air, in micros."""
    return round(campaign.bid * days * scale * 1e6) if campaign.billing == "flat" else 0


class Pacing:
    """The pacing of one campaign: each tick, the share of auctions that spends the budget evenly.

    Budget accrues by the day while the campaign is on air. Each tick may spend what has accrued by its end and is not yet
    spent, at most CATCH_UP_DAYS daily budgets per day. The share of auctions is that allowance over what the last tick
    would have cost in all auctions. When nothing is left the campaign pauses, so a budget is overspent by no more than
    one tick's spend.
    """

    def __init__(self) -> None:
        self.accrued = 0.0
        self.spent = 0.0
        self.full_cost: float | None = None

    def next_share(self, daily_budget: float | None, days: float) -> float:
        """Share of auctions for a tick of `days`, with a budget in currency per day (none: all of them)."""
        if daily_budget is None:
            return 1.0
        self.accrued += daily_budget * days
        allowance = min(self.accrued - self.spent, CATCH_UP_DAYS * daily_budget * days)
        if allowance <= 0.0:
            return 0.0
        if self.full_cost is None:
            return FIRST_THROTTLE
        return 1.0 if self.full_cost <= 0.0 else min(1.0, allowance / self.full_cost)

    def observe(self, spend: float, share: float) -> None:
        """Learn what a tick has cost, in currency, in which the campaign took part in this share of auctions."""
        self.spent += spend
        if share > 0.0:
            self.full_cost = spend / share


def live_creatives(campaign: Campaign, day: float) -> int:
    """How many of the campaign's creatives have been launched."""
    return sum(creative.launch_day <= day for creative in campaign.creatives.values())


def freshness(channel: Channel, launch_day: float, day: float) -> float:
    """2^(-age / half-life) of a creative launched on `launch_day`; 1 where creatives do not age."""
    if channel.creative_half_life_days is None or day < launch_day:
        return 1.0
    return float(2.0 ** (-(day - launch_day) / channel.creative_half_life_days))
