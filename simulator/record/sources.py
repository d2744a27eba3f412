"""Sources: what web analytics and the CRM call the origin of a visit, and GA4's default channel groups (words)."""

import re

from simulator.scenario.parameters import Names
from simulator.scenario.tracking import Transport

DIRECT, REFERRAL, UNASSIGNED, UNKNOWN, EXTENSION = (
    "direct",
    "referral",
    "unassigned",
    "unknown",
    "coupon_extension",
)

NOT_BOUGHT = (DIRECT, REFERRAL, UNASSIGNED, "organic_search", "organic_social", "organic_video", "organic_shopping")

PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
SEARCH_SITES = frozenset({"google", "bing", "duckduckgo", "yahoo", "baidu", "yandex", "ecosia"})
SOCIAL_SITES = frozenset({"facebook", "instagram", "tiktok", "linkedin", "pinterest", "twitter", "reddit", "snapchat"})
SHOPPING_SITES = frozenset({"amazon", "ebay", "etsy", "shopify", "walmart"})
VIDEO_SITES = frozenset({"youtube", "vimeo", "twitch", "netflix", "hulu"})
MAIL = frozenset({"email", "e-mail", "e_mail", "e mail"})
SHOPPING_CAMPAIGN = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")


def source_words(names: Names) -> tuple[str, ...]:
    """All origins that a report can show: the scenario's channels, and what is left when an origin is lost."""
    extra = (*NOT_BOUGHT, UNKNOWN, EXTENSION)
    return names.channels + tuple(word for word in extra if word not in names.channels)


def shown_as(channel: str, transport: Transport) -> str:
    """What web analytics calls the clicks of a bought channel: the channel, or the group that it takes them for."""
    group = group_of(channel, transport)  # where nobody buys such a group, its costs cannot be matched to it
    return group if group in NOT_BOUGHT else channel


def group_of(channel: str, transport: Transport) -> str:
    """The default channel group of a bought channel by the UTM parameters on its links; its own name if it has none."""
    utm = transport.utm.get(channel)
    return channel if utm is None else default_channel_group(utm.source, utm.medium, utm.campaign)


def default_channel_group(source: str, medium: str, campaign: str = "") -> str:
    """GA4's default channel group of a session's source, medium and campaign, lower-cased.

    Rules in the order in which Google documents them ("Default channel group", Analytics Help 9756891), for manual
    traffic; site lists are shortened to the best known. A medium that matches no rule is `unassigned`: that is what a
    mistyped UTM medium costs.
    """
    source, medium, campaign = (text.strip().lower() for text in (source, medium, campaign))
    site = source.removeprefix("www.").split(".")[0]
    if source in ("(direct)", "direct", "") and medium in ("(none)", "(not set)", ""):
        return DIRECT
    paid = bool(PAID.match(medium))
    shopping = site in SHOPPING_SITES or bool(SHOPPING_CAMPAIGN.match(campaign))
    kinds = (
        (shopping, "paid_shopping", "organic_shopping"),
        (site in SEARCH_SITES, "paid_search", "organic_search"),
        (site in SOCIAL_SITES, "paid_social", "organic_social"),
        (site in VIDEO_SITES, "paid_video", "organic_video"),
    )
    group = next((paid_group if paid else organic for matches, paid_group, organic in kinds if matches), "")
    if group:
        return group
    if medium in ("display", "banner", "expandable", "interstitial", "cpm"):
        return "display"
    if paid:
        return "paid_other"
    by_medium = {
        "organic": "organic_search",
        "social": "organic_social", "social-network": "organic_social", "social-media": "organic_social",
        "sm": "organic_social", "social network": "organic_social", "social media": "organic_social",
        "affiliate": "affiliates", "referral": REFERRAL, "app": REFERRAL, "link": REFERRAL,
        "audio": "audio", "sms": "sms",
    }  # fmt: skip
    if "video" in medium:
        return "organic_video"
    if MAIL & {site, medium}:
        return "email"
    pushes = medium.endswith("push") or "mobile" in medium or "notification" in medium
    return by_medium.get(medium, "mobile_push" if pushes else UNASSIGNED)
