"""`build_law`: a scenario's versions as the arrays the law reads, one row per version (epoch) of the timeline.

Names become positions here and nowhere else: surfaces, channels, campaigns and creatives count from 0 in the order of
the scenario; campaigns and creatives count through all channels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.calendar import Calendar, build_calendar
from simulator.draws import address_of
from simulator.law.parameters import CAMPAIGN, CHANNEL, CREATIVE, RULES, SIGNALS, STEP, SURFACE, TEST, Law
from simulator.law.state import (
    BY_COOKIE,
    BY_LOGIN,
    BY_PERSON,
    CPA,
    CPC,
    CPL,
    CPM,
    CUSTOMERS,
    EVERYONE,
    FLAT,
    LATE_FUNNEL,
    LOOKALIKE,
    NO_LIMIT,
    NOBODY,
    NON_CUSTOMERS,
    REVENUE_SHARE,
    SEND,
    SUBSCRIBERS,
    VISITORS,
    record_array,
)
from simulator.scenario.clock import Clock
from simulator.scenario.faults import with_faults
from simulator.scenario.rules.consistency import MOODS
from simulator.scenario.schema import ByMood, Campaign, Channel, LogNormal, Scenario, ShareByMood
from simulator.scenario.sellers import consent_shares, rules_of, sellers
from simulator.scenario.tracking import BROWSERS, Tracking

BILLING = {"cpm": CPM, "cpc": CPC, "cpl": CPL, "cpa": CPA, "revenue_share": REVENUE_SHARE, "flat": FLAT, "send": SEND}
ASSIGNMENTS = {"person": BY_PERSON, "login": BY_LOGIN, "cookie": BY_COOKIE}
AUDIENCE = {
    "everyone": EVERYONE,
    "visitors": VISITORS,
    "late_funnel": LATE_FUNNEL,
    "customers": CUSTOMERS,
    "non_customers": NON_CUSTOMERS,
    "lookalike": LOOKALIKE,
    "subscribers": SUBSCRIBERS,
}


@dataclass(frozen=True)
class PlacedCampaign:
    """A campaign with its names and its place."""

    channel: str
    name: str
    surface: int
    first_creative: int


@dataclass(frozen=True)
class Names:
    """What the positions in all arrays and logs stand for."""

    surfaces: tuple[str, ...]
    channels: tuple[str, ...]
    campaigns: tuple[PlacedCampaign, ...]
    creatives: tuple[str, ...]
    steps: tuple[str, ...]
    segments: tuple[str, ...]
    geos: tuple[str, ...]
    devices: tuple[str, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> "Names":
        """The names of a scenario, in its own order."""
        campaigns: list[PlacedCampaign] = []
        creatives: list[str] = []
        surfaces = tuple(scenario.surfaces)
        for channel_name, channel in scenario.channels.items():
            for name, campaign in channel.campaigns.items():
                place = surfaces.index(str(channel.surface))
                campaigns.append(PlacedCampaign(channel_name, name, place, len(creatives)))
                creatives += campaign.creatives_by_launch()
        return cls(
            surfaces,
            tuple(scenario.channels),
            tuple(campaigns),
            tuple(creatives),
            tuple(step.name for step in scenario.funnel),
            tuple(scenario.population.segments),
            tuple(scenario.population.geos),
            tuple(scenario.population.devices),
        )

    def campaign_of(self, scenario: Scenario, position: int) -> Campaign:
        """The scenario's table of the campaign at a position."""
        placed = self.campaigns[position]
        return scenario.channels[placed.channel].campaigns[placed.name]

    def paid_channels(self) -> list[int]:
        """Positions of the channels that have campaigns."""
        return sorted({self.channels.index(campaign.channel) for campaign in self.campaigns})


def build_law(scenarios: Sequence[Scenario]) -> Law:
    """The arrays of these versions of one scenario (they share all names)."""
    first = scenarios[0]
    names = Names.of(first)
    holdouts = [channel.holdout for channel in first.channels.values()]
    order = np.argsort([campaign.surface for campaign in names.campaigns], kind="stable").astype(np.int64)
    rows = _rows(scenarios, names)
    return Law(
        **rows | {"campaigns": _with_room_for_caps(rows["campaigns"])},
        tests=_tests(first),
        log_psa_propensity=_log(_by_mood([holdout.psa_propensity for holdout in holdouts]).T.copy()),
        predicted_tests=sum(1 << k for k, h in enumerate(holdouts) if h.design == "predicted_ghost_ads"),
        tests_not_by_person=sum(1 << k for k, h in enumerate(holdouts) if h.assignment != "person"),
        placebo_tests=sum(1 << k for k, h in enumerate(holdouts) if h.design == "psa"),
        campaigns_of_surface=order,
        main_device_share=float(first.population.main_device_share),
        travel_share=float(first.population.travel_share),
        geo_shares=np.array([geo.share for geo in first.population.geos.values()]),
        calendar=calendar_of(first),
    )


def continued_law(law: Law, epochs: int, scenarios: Sequence[Scenario], names: Names) -> Law:
    """The first epochs of a law, and one more for each of these further versions of its scenario.

    Frequency caps must be no higher than those the law has kept room for.
    """
    rows = _rows(scenarios, names)
    rows["campaigns"].times, rows["campaigns"].first_time = law.campaigns[0].times, law.campaigns[0].first_time
    joined: dict[str, Any] = {}
    for field, new in rows.items():
        both = np.concatenate([getattr(law, field)[:epochs], new])
        joined[field] = both.view(np.recarray) if isinstance(new, np.recarray) else both
    return law._replace(**joined)


def _rows(scenarios: Sequence[Scenario], names: Names) -> dict[str, Any]:
    """Everything in the law that may change over time, a row per version."""
    weights = np.stack([_by_mood([s.weights for s in v.surfaces.values()]) for v in scenarios])
    pulls = weights * np.array([[s.goodwill_pull for s in v.surfaces.values()] for v in scenarios])[:, None, :]
    return {
        "surfaces": _stack([_surfaces(v, names) for v in scenarios]),
        "channels": _stack([_channels(v, names) for v in scenarios]),
        "campaigns": _stack([_campaigns(v, names) for v in scenarios]),
        "creatives": _stack([_creatives(v) for v in scenarios]),
        "steps": _stack([_steps(v) for v in scenarios]),
        "rules": _stack([_rules(v) for v in scenarios])[:, 0],
        "surface_weights": weights,
        "surface_pulls": pulls,
        "weight_sums": weights.sum(axis=2),
        "pull_sums": pulls.sum(axis=2),
        "visit_share": np.stack([_by_mood([s.visit_share for s in v.surfaces.values()]) for v in scenarios]),
        "interest": np.stack([_by_mood([v.interest])[:, 0] for v in scenarios]),
        "log_propensity": _log(np.stack([_by_mood([v.propensity])[:, 0] for v in scenarios])),
        "synergy": np.stack([_synergy(v, names) for v in scenarios]),
        "admits_geo": np.stack([_admits_geo(v, names) for v in scenarios]),
        "robot_surfaces": np.stack([_robot_surfaces(v, names) for v in scenarios]),
        "signals": _stack([_signals(v) for v in scenarios])[:, 0],
        "consent_share": np.array([consent_shares(v, _tracking(v)) for v in scenarios]),
        "own": _stack([_own(v) for v in scenarios])[:, 0],
    }


def calendar_of(scenario: Scenario) -> Calendar:
    """The calendar of a scenario's run, from the warm-up's first day to the follow-up's last."""
    habits, clock = scenario.calendar, Clock.of(scenario)
    return build_calendar(
        clock.days, habits.first_weekday, habits.weekday, habits.hour, start=clock.start, end=clock.end
    )


def log_mean(quantity: LogNormal) -> float:
    """Mean of the logarithm of a log-normal quantity: ln(mean) - sigma²/2."""
    return math.log(quantity.mean) - 0.5 * quantity.sigma**2


def _log(propensity: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = np.log(np.maximum(propensity, 1e-12))
    return result


def _stack(versions: list[Any]) -> Any:
    return np.stack(versions).view(np.recarray)


def _by_mood(tables: Sequence[ByMood | ShareByMood]) -> npt.NDArray[np.float64]:
    return np.array([[getattr(table, mood) for table in tables] for mood in MOODS])


def _surfaces(scenario: Scenario, names: Names) -> Any:
    rows = record_array(len(names.surfaces), SURFACE)
    counts = np.bincount([c.surface for c in names.campaigns], minlength=len(rows))
    for row, surface in zip(rows, scenario.surfaces.values(), strict=True):
        row.slot_share = surface.slot_share
        row.rival_sigma = surface.rival_sigma
        row.conquest_share = surface.conquest_share
        row.visit_channel = NOBODY if surface.visit_channel is None else names.channels.index(surface.visit_channel)
    rows.campaigns = counts
    rows.first_campaign = np.cumsum(counts) - counts
    return rows


def _channels(scenario: Scenario, names: Names) -> Any:
    rows = record_array(len(scenario.channels), CHANNEL)
    for row, channel in zip(rows, scenario.channels.values(), strict=True):
        row.fading_per_day = math.log(2.0) / channel.half_life_days
        for field in (
            "goodwill_per_impression",
            "saturation",
            "direct_effect",
            "upstream_effect",
            "need_effect",
        ):
            row[field] = getattr(channel, field)
        row.wear_per_impression = 1.0 / channel.wear_out_impressions if channel.wear_out_impressions else 0.0
        row.annoyance_per_impression = channel.annoyance_per_impression
        row.overexposure_impressions = channel.overexposure_impressions or NO_LIMIT
        row.recovery_per_day = math.log(2.0) / channel.wear_half_life_days
        row.wears = channel.wear_out_impressions is not None or channel.overexposure_impressions is not None
        row.surface = NOBODY if channel.surface is None else names.surfaces.index(channel.surface)
        row.has_synergy = any(channel.synergy.values())
    return rows


def _tests(scenario: Scenario) -> Any:
    rows = record_array(len(scenario.channels), TEST)
    for row, (name, channel) in zip(rows, scenario.channels.items(), strict=True):
        for field in ("share", "cookie_days", "logged_in_share", "prediction_error"):
            row[field] = getattr(channel.holdout, field)
        row.address = address_of(name)
        row.assignment = ASSIGNMENTS[channel.holdout.assignment]
    return rows


def _campaigns(scenario: Scenario, names: Names) -> Any:
    rows = record_array(len(names.campaigns), CAMPAIGN)
    market = sellers(scenario)
    for row, placed in zip(rows, names.campaigns, strict=True):
        campaign = scenario.channels[placed.channel].campaigns[placed.name]
        for field in ("bid", "click_through_rate", "substitution", "landing_page_factor", "quality_factor"):
            row[field] = getattr(campaign, field)
        for field in ("optimisation", "cookie_days", "frequency_cap_days", "clawback_share", "discount"):
            row[field] = getattr(campaign, field)
        row.platform = market.of_channel[names.channels.index(placed.channel)]
        if row.platform != NOBODY:
            row.match_share = rules_of(_tracking(scenario), market.platforms[row.platform]).match_share
        row.frequency_cap = campaign.frequency_cap or 0
        row.billing = BILLING[campaign.billing]
        row.channel = names.channels.index(placed.channel)
        row.first_creative = placed.first_creative
        targeting = campaign.targeting
        row.audience = AUDIENCE[targeting.audience]
        row.audience_days = targeting.audience_days
        row.lookalike_share = targeting.lookalike_share
        row.segments = _bits(targeting.segments, names.segments)
        row.devices = _bits(targeting.devices, names.devices)
        row.restricts_geos = bool(targeting.geos)
    return rows


def _with_room_for_caps(campaigns: Any) -> Any:
    """The campaigns (epochs, C), each with its place among the times of impressions: as many as its highest cap."""
    campaigns.times = campaigns.frequency_cap.max(axis=0)
    campaigns.first_time = np.cumsum(campaigns.times, axis=1) - campaigns.times
    return campaigns


def _bits(chosen: Sequence[str], all_names: Sequence[str]) -> int:
    """Bit i set where name i is chosen; all of them where none is."""
    return sum(1 << i for i, name in enumerate(all_names) if not chosen or name in chosen)


def _creatives(scenario: Scenario) -> Any:
    creatives = [c for channel in scenario.channels.values() for c in _all_creatives(channel)]
    rows = record_array(len(creatives), CREATIVE)
    for row, creative in zip(rows, creatives, strict=True):
        row.click_factor = creative.click_factor
        row.goodwill_factor = creative.goodwill_factor
    return rows


def _all_creatives(channel: Channel) -> list[Any]:
    return [creative for campaign in channel.campaigns.values() for creative in campaign.creatives_by_launch().values()]


def _steps(scenario: Scenario) -> Any:
    rows = record_array(len(scenario.funnel), STEP)
    for row, step in zip(rows, scenario.funnel, strict=True):
        row.rate = step.rate
        row.goodwill_response = step.goodwill_response
    return rows


def _rules(scenario: Scenario) -> Any:
    rows = record_array(1, RULES)
    row = rows[0]
    need, order, robots = scenario.need, scenario.order, scenario.invalid_traffic
    for field in ("lapse_per_day", "rival_per_day", "satiation_days", "customer_factor", "aroused_by_visit"):
        row[field] = getattr(need, field)
    for field in ("qualified_share", "qualified_after_days", "closed_share", "closed_after_days"):
        row[field] = getattr(order, field)
    row.refund_share = order.refund_share
    row.refund_after_days = order.refund_after_days
    row.value_log_mean = log_mean(order.value)
    row.value_sigma = order.value.sigma
    row.days_on_site = order.minutes_on_site / (24.0 * 60.0)
    row.robot_click_share = robots.click_share
    row.fake_lead_share = robots.fake_lead_share
    row.fakes_are_leads = robots.fakes == "lead"
    return rows


def _signals(scenario: Scenario) -> Any:
    rows = record_array(1, SIGNALS)
    tracking = _tracking(scenario)
    identity = tracking.identity
    shares = np.array([identity.browsers.get(name, 0.0) for name in BROWSERS])
    ends = np.cumsum(shares) / shares.sum()
    safari = BROWSERS.index("safari")
    row = rows[0]
    row.decide = scenario.delivery.follows == "record"
    row.ad_blocker_share = tracking.transport.ad_blocker_share
    row.safari_from, row.safari_to = ends[safari - 1], ends[safari]
    row.cookie_days, row.cookie_days_safari = identity.cookie_days, identity.cookie_days_safari
    return rows


def _tracking(scenario: Scenario) -> Tracking:
    """The tracking with its faults at work, as far as it says who can be known."""
    return with_faults(scenario.tracking, scenario.run.days, scenario.funnel[0].name)


def _own(scenario: Scenario) -> Any:
    """The parameters of own steps by name; a record needs one field at least."""
    parameters = scenario.law.parameters or {"none": 0.0}
    rows = record_array(1, np.dtype([(name, "f8") for name in sorted(parameters)]))
    for name, value in parameters.items():
        rows[name] = value
    return rows


def _synergy(scenario: Scenario, names: Names) -> npt.NDArray[np.float64]:
    matrix = np.zeros((len(names.channels), len(names.channels)))
    for k, channel in enumerate(scenario.channels.values()):
        for other, strength in channel.synergy.items():
            matrix[k, names.channels.index(other)] = strength
    return matrix


def _admits_geo(scenario: Scenario, names: Names) -> npt.NDArray[np.bool_]:
    rows = []
    for placed in names.campaigns:
        geos = scenario.channels[placed.channel].campaigns[placed.name].targeting.geos
        rows.append([not geos or geo in geos for geo in names.geos])
    return np.array(rows, dtype=np.bool_).reshape(len(names.campaigns), len(names.geos))


def _robot_surfaces(scenario: Scenario, names: Names) -> npt.NDArray[np.float64]:
    weights = np.array([scenario.invalid_traffic.surfaces.get(name, 0.0) for name in names.surfaces])
    if weights.sum() == 0.0:
        weights[:] = 1.0
    shares = np.cumsum(weights) / weights.sum()
    shares[-1] = 1.0
    result: npt.NDArray[np.float64] = shares
    return result
