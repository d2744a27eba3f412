"""Campaigns: bids as the value of an impression, flights and fees, and creatives that grow old and are refreshed (days)."""

import math

from cpalab.micros import MICROS
from simulator.scenario.schema import Campaign, Channel, Creative, Order, Scenario

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
    """Whether the campaign runs on this day: within its flight, and not paused."""
    return (
        not campaign.paused
        and (campaign.start_day is None or campaign.start_day <= day)
        and (campaign.end_day is None or day < campaign.end_day)
    )


def flat_fee_micros(campaign: Campaign, days: float, scale: float) -> int:
    """Fee of a flat-billed campaign for so many days on air, in micros."""
    return round(campaign.bid * days * scale * MICROS) if campaign.billing == "flat" else 0


def is_live(creative: Creative, day: float) -> bool:
    """Whether a creative of a running campaign is on air on this day."""
    return (
        not creative.shelved
        and (creative.launch_day is None or creative.launch_day <= day)
        and (creative.end_day is None or day < creative.end_day)
    )


def last_fresh(creative: Creative, campaign: Campaign, day: float, start: float) -> float:
    """The day on which a creative was last new: its launch, or the last of the refreshes that follow it by schedule.

    One without a launch day was launched with its campaign, and with the run (`start`) if that always ran.
    """
    launched = max(x for x in (creative.launch_day, campaign.start_day, start) if x is not None)
    if creative.refresh_days is None or day < launched:
        return launched
    return launched + math.floor((day - launched) / creative.refresh_days + 1e-9) * creative.refresh_days


def freshness(channel: Channel, fresh_day: float, day: float) -> float:
    """2^(-age / half-life) of a creative that was new on `fresh_day`; 1 where creatives do not age."""
    if channel.creative_half_life_days is None or day < fresh_day:
        return 1.0
    return float(2.0 ** (-(day - fresh_day) / channel.creative_half_life_days))
