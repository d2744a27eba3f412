"""Sellers: which ad platform sells which channel, by which rules it claims, and where people consent (names, shares)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.scenario.schema import Scenario
from simulator.scenario.tracking import Platform, Tracking

FEE_BILLING = ("cpl", "cpa", "revenue_share")


@dataclass(frozen=True)
class Sellers:
    """Who sells ads: the platforms' names, and the platform of each channel (-1: none), by position in `Names`."""

    platforms: tuple[str, ...]
    of_channel: npt.NDArray[np.int16]


def sellers(scenario: Scenario) -> Sellers:
    """The ad platforms of a scenario: a paid channel that no platform names is one of its own; those paid by fee are none."""
    named = {channel: name for name, rules in scenario.tracking.platforms.items() for channel in rules.channels}
    own = {
        name: named.get(name, name)
        for name, channel in scenario.channels.items()
        if channel.campaigns
        and (name in named or any(c.billing not in FEE_BILLING for c in channel.campaigns.values()))
    }
    platforms = tuple(dict.fromkeys(own.values()))
    place = [platforms.index(own[name]) if name in own else -1 for name in scenario.channels]
    return Sellers(platforms, np.array(place, np.int16))


def rules_of(tracking: Tracking, platform: str) -> Platform:
    """The rules of a platform: its own where it is named, else those for all."""
    return tracking.platforms.get(platform, tracking.platform)


def consent_shares(scenario: Scenario, tracking: Tracking) -> list[float]:
    """The share of people who consent to tracking, place by place."""
    consent = tracking.consent
    return [
        consent.accept.get(name, geo.consent if consent.share is None else consent.share)
        for name, geo in scenario.population.geos.items()
    ]
