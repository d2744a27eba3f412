"""Advertisers drawn from priors: each a scenario with many campaigns, each campaign with a test of its own.

People live in several regions, and every campaign is shown in one of them, so that a campaign meets few others. What is
drawn, and from where:

    share of visits that act    upper, middle or lower funnel: 0.60, 0.30, 0.12 on the median [M]; the tests of Gordon,
                                Moakler & Zettelmeyer (2023) are of such outcomes, with median lifts of 29, 18 and 5 %
    click-through rates         search 3–6 %, brand search 20–40 %, shopping 0.8–1.5 %, social 0.4–2.5 % (LinkedIn, TikTok,
                                Meta), retargeting 1.5–3 %, display 0.05–0.15 %, video 0.05–0.13 % (WordStream, superads
                                and others), each divided by the interest of the people who meet it
    rivals' prices              those of `dtc-apparel`
    effects                     by kind of campaign [M]; how unlike campaigns of a kind are is the argument `unlike`.
                                Whether an ad is clicked says nothing about how it persuades [M]
    all else                    carry-over, substitution, optimised delivery, budgets, needs: assumptions [M], wide
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario

__all__ = ["KINDS", "REGIONS", "Kind", "drawn_advertiser"]

Tables = dict[str, Any]
REGIONS = ("north", "east", "south", "west")
CAMPAIGNS_PER_REGION = 6
HOLDOUT = 0.3  # [M] of each campaign's people; published tests hold out 10 % of many millions
FUNNEL = {"upper": 0.60, "middle": 0.30, "lower": 0.12}


@dataclass(frozen=True)
class Kind:
    """A kind of campaign; all but the click-through rates are assumptions [M].

    Attributes:
        surface: where its ads appear.
        share: of all campaigns.
        clicks: click-through rate, from and to.
        interest: of those who meet it; by which rates are divided, because the scenario multiplies them by it.
        substitution: share of its clicks that replace a visit, on the median.
        lands: factor on the funnel of visits from it, on the median; both as in `dtc-apparel` where it has the like.
        goodwill: what the median campaign's first impression adds.
        direct, upstream, need: what goodwill does (`simulator.scenario.schema.Channel`).
        audience: whom it may reach.
    """

    surface: str
    share: float
    clicks: tuple[float, float]
    interest: float
    substitution: float
    lands: float
    goodwill: float
    direct: float = 0.0
    upstream: float = 0.0
    need: float = 0.0
    audience: str = "everyone"


KINDS: Mapping[str, Kind] = {
    "prospecting": Kind("social", 0.24, (0.004, 0.025), 1.0, 0.1, 0.36, 0.06, 0.8, 1.0, 1.0),
    "lookalike": Kind("social", 0.12, (0.004, 0.025), 1.0, 0.2, 0.36, 0.06, 0.8, 1.0, 1.0, "lookalike"),
    "social_retargeting": Kind("social", 0.10, (0.015, 0.03), 2.6, 0.85, 0.85, 0.03, 0.6, 0.3, 0.0, "visitors"),
    "retargeting": Kind("display", 0.14, (0.015, 0.03), 2.6, 0.85, 0.85, 0.03, 0.6, 0.3, 0.0, "visitors"),
    "display": Kind("display", 0.10, (0.0005, 0.0015), 1.0, 0.1, 0.3, 0.03, 0.4, 0.8, 0.5),
    "video": Kind("video", 0.14, (0.0005, 0.0013), 1.0, 0.1, 0.3, 0.08, 0.5, 2.0, 1.2),
    "search": Kind("generic_search", 0.08, (0.03, 0.06), 2.0, 0.25, 0.62, 0.0),
    "shopping": Kind("shopping", 0.04, (0.008, 0.015), 2.0, 0.2, 0.15, 0.0),
    "brand_search": Kind("brand_search", 0.04, (0.2, 0.4), 2.5, 0.985, 1.0, 0.0),
}


def drawn_advertiser(number: int, *, users: int, days: float, unlike: float) -> Scenario:
    """The scenario of one advertiser: the same number is the same advertiser.

    Args:
        number: which; it is also the seed of its market.
        users: people of its market.
        days: of its campaigns.
        unlike: standard deviation of the logarithm of what an impression adds, among campaigns of a kind.
    """
    rng = np.random.default_rng([17, number])
    tables = load_scenario("dtc-apparel").model_dump()
    spread = _spread(rng)
    acts = FUNNEL[str(rng.choice(list(FUNNEL)))]
    tables["title"], tables["description"] = f"Advertiser {number}", "Drawn from priors; see `KINDS`."
    tables["run"] = {"users": users, "days": days, "warm_up_days": 14, "follow_up_days": 14, "seed": number}
    tables["market"] = {"people": users, "competition_sigma": 0.1}
    tables["funnel"] = [{"name": "look", "rate": 0.6}, {"name": "act", "rate": min(spread(acts, 0.4), 0.9)}]
    tables["order"] |= {"value": {"mean": spread(40.0 * (FUNNEL["lower"] / acts) ** 0.5, 0.3), "sigma": 0.3}}
    tables["population"] |= {
        "need_per_day": {"mean": spread(0.15, 0.3), "sigma": 1.0},
        "activity_need_correlation": float(rng.uniform(0.0, 0.5)),
        "geos": {region: {"share": 1 / len(REGIONS)} for region in REGIONS},
    }
    tables["need"] |= {"satiation_days": spread(3.0, 0.5)}
    own = {name: channel for name, channel in tables["channels"].items() if not channel["campaigns"]}
    for region in REGIONS:
        for position, (kind, channel) in enumerate(_campaigns(rng, tables, users, region, unlike)):
            own[f"{region}_{position + 1}_{kind}"] = channel
    tables["channels"] = own
    tables["tracking"] = {}
    return load_scenario(tables)


def _spread(rng: np.random.Generator) -> Callable[[float, float], float]:
    """A draw with this median, and this standard deviation of its logarithm."""
    return lambda median, sigma: float(median * np.exp(sigma * rng.standard_normal()))


def _campaigns(
    rng: np.random.Generator, tables: Tables, users: int, region: str, unlike: float
) -> list[tuple[str, Tables]]:
    shares = np.array([kind.share for kind in KINDS.values()])
    names = rng.choice(list(KINDS), CAMPAIGNS_PER_REGION, p=shares / shares.sum())
    return [(str(name), _channel(KINDS[str(name)], rng, tables, users, region, unlike)) for name in names]


def _channel(
    kind: Kind, rng: np.random.Generator, tables: Tables, users: int, region: str, unlike: float
) -> Tables:  # fmt: skip
    """A channel of one campaign; what its ads do, whom they reach and what is paid are drawn."""
    spread = _spread(rng)
    campaign = {
        "billing": "cpm",
        "bid": tables["surfaces"][kind.surface]["rival_cpm"] * float(rng.uniform(0.8, 2.5)),
        "daily_budget": users / len(REGIONS) * spread(0.0025, 0.7),
        "click_through_rate": float(rng.uniform(*kind.clicks)) / kind.interest,
        "substitution": min(kind.substitution * float(rng.uniform(0.8, 1.2)), 1.0),
        "landing_page_factor": kind.lands * spread(1.0, 0.4),
        "optimisation": float(rng.choice([0.0, 0.3, 0.6])),
        "frequency_cap": int(rng.integers(2, 9)),
        "targeting": {"audience": kind.audience, "lookalike_share": 0.4, "geos": [region]},
    }
    return {
        "surface": kind.surface,
        "half_life_days": spread(6.0, 0.4),
        "goodwill_per_impression": kind.goodwill * spread(1.0, unlike),
        "direct_effect": kind.direct,
        "upstream_effect": kind.upstream,
        "need_effect": kind.need,
        "holdout": {"share": HOLDOUT, "design": "ghost_ads"},
        "campaigns": {"standard": campaign},
    }
