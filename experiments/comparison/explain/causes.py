"""Causes: what a change of one value of a scenario is called, and whether it is real or only in the record (words)."""

import re
from collections.abc import Iterable

from experiments.comparison.verdict import words

ONLY_RECORDED = "tracking"
# Patterns of dotted places → what a change there is called. The first that fits counts; `*` stands for one name.
CAUSES = (
    ("tracking.consent.model_*", "modelled conversions"),
    ("tracking.consent.refuser_rate", "modelled conversions"),
    ("tracking.consent", "consent"),
    ("tracking.faults.consent_banner", "consent"),
    ("tracking.faults", "a fault of tracking"),
    ("tracking.transport.outages", "an outage"),
    ("tracking.transport.action", "what is counted"),
    ("tracking.transport.deduplicate", "what is counted"),
    ("tracking.transport.duplicate_rate", "tags that fire twice"),
    ("tracking.transport.utm*", "links"),
    ("tracking.transport.click_id*", "links"),
    ("tracking.transport.gateway_share", "links"),
    ("tracking.transport.value_factor", "reported values"),
    ("tracking.transport", "what arrives"),
    ("tracking.platform*.**.rule", "the attribution model"),
    ("tracking.analytics.rule", "the attribution model"),
    ("tracking.analytics.half_life_days", "the attribution model"),
    ("tracking.platform*.**.*_days", "the window"),
    ("tracking.platform*.**.engaged_share", "the window"),
    ("tracking.analytics.lookback_days", "the window"),
    ("tracking.crm.lookback_days", "the window"),
    ("tracking.platform*.**.counting", "what is counted"),
    ("tracking.platform*.**.offline_import", "what is counted"),
    ("tracking.platform*.**.booking", "the day of booking"),
    ("tracking.platform*", "what platforms recognise"),
    ("tracking.identity", "who is recognised"),
    ("tracking.intrusion", "invalid traffic in the record"),
    ("tracking", "other tracking"),
    ("need.season", "the season"),
    ("need.rival_per_day", "rivals"),
    ("need", "demand"),
    ("population", "the people"),
    ("interest", "demand"),
    ("propensity", "demand"),
    ("market.competition*", "rivals"),
    ("surfaces.*.rival*", "rivals"),
    ("surfaces.*.conquest_share", "rivals"),
    ("surfaces", "where people are"),
    ("funnel", "the site"),
    ("order.qualified*", "lead quality"),
    ("order.closed*", "lead quality"),
    ("order.refund*", "refunds"),
    ("order", "the price"),
    ("channels.*.campaigns.*.discount", "the price"),
    ("channels.*.campaigns.*.landing_page_factor", "the landing page"),
    ("channels.*.campaigns.*.quality_factor", "lead quality"),
    ("channels.*.campaigns.*.daily_budget", "the budget"),
    ("channels.*.campaigns.*.bid", "the bid"),
    ("channels.*.campaigns.*.optimisation", "the bid"),
    ("channels.*.campaigns.*.billing", "the contract"),
    ("channels.*.campaigns.*.cookie_days", "the contract"),
    ("channels.*.campaigns.*.pays_by", "the contract"),
    ("channels.*.campaigns.*.clawback_share", "the contract"),
    ("channels.*.campaigns.*.targeting", "the audience"),
    ("channels.*.campaigns.*.frequency_cap*", "the audience"),
    ("channels.*.campaigns.*.creatives", "creatives"),
    ("channels.*.campaigns.*.*_day", "the flight"),
    ("channels.*.campaigns.*.click_through_rate", "the click rate"),
    ("channels.*.campaigns.*", "the campaign"),
    ("channels.*.creative_half_life_days", "wear"),
    ("channels.*.wear*", "wear"),
    ("channels.*.overexposure_impressions", "wear"),
    ("channels.*.annoyance_per_impression", "wear"),
    ("channels.*.holdout", "a lift test"),
    ("channels", "what ads do"),
    ("geo_tests", "a lift test"),
    ("invalid_traffic", "robots"),
    ("delivery", "delivery"),
    ("law", "the law"),
    ("calendar", "the calendar"),
)


def cause_of(place: str) -> str:
    """What a change at this dotted place is called: the bid, the landing page, consent …; the place itself if unknown."""
    for pattern, cause in CAUSES:
        if _expression(pattern).match(place):
            return cause
    return place


def is_real(place: str) -> bool:
    """Whether a change at this place changes what happens, not only what is recorded of it."""
    return place != ONLY_RECORDED and not place.startswith(f"{ONLY_RECORDED}.")


def whose(places: Iterable[str]) -> str:
    """The channel or the platform that all these places are about; empty if there is no such."""
    found = {
        match[1] if (match := re.match(r"(?:channels|tracking\.platforms)\.(\w+)", place)) else "" for place in places
    }
    return found.pop() if len(found) == 1 else ""


def name_of(places: Iterable[str]) -> str:
    """What a change of these places is called: `the bid of brand search`; several causes are joined by `and`."""
    listed = list(places)
    said, owner = " and ".join(dict.fromkeys(map(cause_of, listed))), whose(listed)
    return f"{said} of {words(owner).lower()}" if owner else said


def _expression(pattern: str) -> re.Pattern[str]:
    """A pattern that fits a place and whatever lies in it; `**` stands for any number of names, none included."""
    inner = re.escape(pattern).replace(r"\.\*\*\.", r"\.(.*\.)?").replace(r"\*", r"[^.]*")
    return re.compile(inner + r"(\..*)?$")
