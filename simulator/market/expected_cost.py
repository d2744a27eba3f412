"""Expected cost: what a campaign would pay for all its auctions of an average day, before anything is seen (currency).

auctions × P(win) × (price, or fee × actions), from the scenario alone: this is what an advertising platform forecasts.
"""

import math
from statistics import NormalDist

from simulator.market.campaigns import log_bid_per_impression, log_rival_price
from simulator.scenario.rules.consistency import MOODS
from simulator.scenario.schema import Campaign, Scenario

FEE_BILLED = ("cpl", "cpa", "revenue_share")


def expected_cost_per_day(scenario: Scenario, channel_name: str, campaign: Campaign) -> float:
    """Cost of a day of average activity in all auctions, of the people simulated.

    Audiences built from behaviour are taken to be everyone, so that a campaign rather begins with too little.
    """
    surface_name = str(scenario.channels[channel_name].surface)
    surface = scenario.surfaces[surface_name]
    looking = _share_in_market(scenario)
    log_rival, spread = log_rival_price(scenario, surface_name), surface.rival_sigma
    cost = 0.0
    # How many of those who look have visited or are about to buy is not known: a third each.
    for mood, share in zip(MOODS, (1.0 - looking, looking / 3, looking / 3, looking / 3), strict=True):
        visits_here = getattr(surface.weights, mood) / sum(getattr(s.weights, mood) for s in scenario.surfaces.values())
        propensity = max(getattr(scenario.propensity, mood), 1e-12)
        bid = log_bid_per_impression(campaign, scenario.order) + campaign.optimisation * math.log(propensity)
        if campaign.billing in FEE_BILLED:
            paid = _wins(bid, log_rival, spread) * campaign.expected_action_rate * fee(campaign, scenario)
        else:
            paid = math.exp(log_rival + 0.5 * spread**2) * _wins(bid - spread**2, log_rival, spread)
            if campaign.billing == "cpc":
                paid *= getattr(scenario.interest, mood)
        cost += share * visits_here * paid
    population = scenario.population
    people = scenario.run.users * surface.reach_share * surface.slot_share
    people *= sum(
        s.share * s.activity for name, s in population.segments.items() if _admits(campaign.targeting.segments, name)
    )
    people *= sum(geo.share for name, geo in population.geos.items() if _admits(campaign.targeting.geos, name))
    return people * population.sessions_per_day.mean * cost


def fee(campaign: Campaign, scenario: Scenario) -> float:
    """What an action costs where actions are paid, in currency: the bid, or that share of the mean order value."""
    return campaign.bid * (scenario.order.value.mean if campaign.billing == "revenue_share" else 1.0)


def action_cost(scenario: Scenario, channel_name: str, campaign: Campaign) -> float:
    """What one paid impression, click or action costs, roughly: no more than the bid, nor than the rivals' mean price."""
    price = scenario.surfaces[str(scenario.channels[channel_name].surface)].rival_cpm / 1000.0
    match campaign.billing:
        case "cpm":
            return min(price, campaign.bid / 1000.0)
        case "cpc":
            return min(price / max(campaign.click_through_rate, 1e-9), campaign.bid)
        case _:
            return fee(campaign, scenario)


def _share_in_market(scenario: Scenario) -> float:
    need, leaving = scenario.population.need_per_day.mean, scenario.need.lapse_per_day + scenario.need.rival_per_day
    return need / (need + leaving) if need + leaving > 0.0 else 0.0


def _wins(bid: float, log_rival: float, spread: float) -> float:
    """Probability that a log-bid beats a normal log-price."""
    if spread == 0.0 or math.isinf(bid):
        return float(bid > log_rival)
    return NormalDist().cdf((bid - log_rival) / spread)


def _admits(wanted: list[str], name: str) -> bool:
    return not wanted or name in wanted
