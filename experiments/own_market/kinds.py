"""Kinds of channels: what a table does not say of them, as defaults and ranges of what they cause (shares, days)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["KINDS", "Kind", "kind_of"]

Base = Literal["orders", "claims"]


@dataclass(frozen=True)
class Kind:
    """What is supposed of a kind of channel.

    Attributes:
        words: how such channels are called.
        weights: how often its ads stand before people, by mood: not looking, looking, visited, about to buy.
        billing: what is paid for.
        cpm, ctr: usual price of a thousand impressions in currency, and clicks per impression: where the table has none.
        click_days, view_days: windows of its platform; no views: 0.
        caused: lowest, usual and highest share of `base` that its ads cause: the prior of what no table shows.
        base: of orders by their source, or of the platform's claims.
        late: whether only people who have visited are shown its ads.
    """

    words: str
    weights: tuple[float, float, float, float]
    billing: Literal["cpc", "cpm", "cpa", "send"]
    cpm: float
    ctr: float
    click_days: float
    view_days: float
    caused: tuple[float, float, float]
    base: Base
    late: bool = False


# Prices and rates: medians of public benchmarks [V]; shares that are caused: Blake, Nosko, Tadelis 2015 (brand search),
# Johnson, Lewis, Nubbemeyer 2017 (retargeting), Gordon et al. 2019 and 225 geo tests (social, video) for their order of
# magnitude, their ends [M].
KINDS: Mapping[str, Kind] = {
    "brand_search": Kind(
        r"brand", (0.05, 1.0, 1.0, 4.0), "cpc", 300.0, 0.30, 30.0, 0.0, (-0.03, 0.08, 0.40), "orders"
    ),
    "shopping": Kind(
        r"shopping|\bpla\b|pmax|performance.?max", (0.02, 4.0, 2.0, 1.0), "cpc", 8.0, 0.012, 30.0, 0.0,
        (0.0, 0.45, 1.2), "orders",
    ),
    "retargeting": Kind(
        r"retarget|remarket|criteo", (0.0, 1.0, 4.0, 4.0), "cpm", 12.0, 0.01, 30.0, 7.0, (0.01, 0.08, 0.40), "claims", True
    ),
    "video": Kind(
        r"youtube|video|\b(?:c|connected )?tv\b|ctv|\bott\b", (1.0, 1.0, 1.0, 1.0), "cpm", 20.0, 0.0008, 30.0, 7.0,
        (0.08, 0.5, 1.6), "claims",
    ),
    "social": Kind(
        r"social|meta\b|facebook|instagram|tiktok|linkedin|pinterest|snap|reddit|advantage",
        (1.0, 1.0, 1.0, 1.0), "cpm", 12.0, 0.012, 7.0, 1.0, (0.15, 0.7, 1.8), "claims",
    ),
    "email": Kind(
        r"e.?mail|newsletter|sms|\bcrm\b", (1.0, 1.0, 1.0, 1.0), "send", 1.0, 0.01, 30.0, 0.0, (0.05, 0.45, 1.5), "orders"
    ),
    "affiliate": Kind(
        r"affiliat|coupon|voucher|partner|cashback|influencer", (0.0, 1.0, 2.0, 6.0), "cpa", 5.0, 0.3, 30.0, 0.0,
        (-0.05, 0.10, 0.80), "orders",
    ),
    "generic_search": Kind(
        r"search|\bsem\b|ppc|adwords|google.?ads|bing|microsoft|keyword", (0.02, 5.0, 2.0, 1.0), "cpc", 150.0, 0.05, 30.0,
        0.0, (0.25, 0.65, 1.2), "orders",
    ),
    "display": Kind(
        r"display|programmatic|native|taboola|outbrain|gdn|demand.?gen|network|banner", (1.0, 1.0, 1.2, 1.2), "cpm", 6.0,
        0.002, 30.0, 1.0, (0.03, 0.25, 1.2), "claims",
    ),
    "other": Kind(r"$^", (1.0, 1.5, 1.5, 1.5), "cpm", 10.0, 0.01, 30.0, 1.0, (0.02, 0.4, 1.6), "claims"),
}  # fmt: skip
UNPAID = r"direct|organic|referral|unassigned|none|\(not set\)|unknown"
NOT_BRAND = r"non.?brand|generic|category"


def kind_of(channel: str) -> str:
    """The kind that a channel's name tells; `other` where it tells none."""
    name = re.sub(r"[_\-/|]+", " ", channel.casefold())
    for kind, known in KINDS.items():
        if re.search(known.words, name) and not (kind == "brand_search" and re.search(NOT_BRAND, name)):
            return kind
    return "other"
