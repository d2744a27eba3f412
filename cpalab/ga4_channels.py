"""GA4's default channel groups: the channel of a session, from its source, medium and campaign. The only copy."""

import re
from functools import cache
from pathlib import Path

SHOP_CAMPAIGN = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
EMAIL = re.compile(r"^e[-_ ]?mail$")
SOCIAL_MEDIA = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
TOP_LEVEL = re.compile(r"(com|org|net|co|[a-z]{2})(\.[a-z]{2})?")

# Words that tools write where there is no source, medium, campaign or id.
ABSENT = frozenset(
    {"", "(direct)", "(none)", "(not set)", "(data deleted)", "(not provided)", "undefined", "null", "none", "<na>"}
)
# What a visit without a source is called: GA, Matomo, Adobe, Snowplow, HubSpot.
DIRECT_NAMES = frozenset({
    "direct", "(direct)", "direct entry", "direct / none", "direct / (none)", "(direct) / (none)", "(direct) / none",
    "(direct) / (not set)", "(none)", "(none) / (none)", "typed / bookmarked", "direct traffic", "direct visit",
    "direct visits", "direct load", "none / direct", "direct access", "$direct", "no referrer", "no referer",
    "no referrer / direct",
    "direct / no referrer", "direct / unknown", "bookmark", "bookmarks", "direct / bookmark", "direct / bookmarks",
    "direkt", "direktzugriff", "direktzugriffe", "direkteingabe", "direkter zugriff", "directo", "acceso directo",
    "tráfico directo", "trafico directo", "accès direct", "acces direct", "trafic direct", "entrées directes", "diretto",
    "traffico diretto", "accesso diretto", "direto", "acesso direto", "tráfego direto", "direct verkeer", "bezpośrednie",
    "прямой", "прямые заходы", "прямой трафик", "直接", "ノーリファラー",
})  # fmt: skip
# The ad platform whose click each parameter marks: source and medium of the click.
CLICK_IDS = {
    "gclid": ("google", "cpc"), "gbraid": ("google", "cpc"), "wbraid": ("google", "cpc"), "dclid": ("dv360", "cpm"),
    "srsltid": ("google", "organic"), "msclkid": ("bing", "cpc"), "fbclid": ("facebook", "paid_social"),
    "ttclid": ("tiktok", "paid_social"), "li_fat_id": ("linkedin", "paid_social"), "twclid": ("twitter", "paid_social"),
    "sccid": ("snapchat", "paid_social"), "yclid": ("yandex", "cpc"), "rdt_cid": ("reddit", "paid_social"),
    "epik": ("pinterest", "paid_social"), "gad_source": ("google", "cpc"),
}  # fmt: skip
AD_CLICK_IDS = tuple(
    name for name in CLICK_IDS if name not in ("fbclid", "srsltid")
)  # these two stand behind free links too
CLICK_ID_IN_URL = rf"(?i)[?&#;](?P<name>{'|'.join(name for name in CLICK_IDS if name != 'gad_source')})=[^&#;\s]+"
AD_IN_URL = r"(?i)[?&#;](?P<name>gad_source)=[^&#;\s]+"  # says less than any click ID beside it
GENERIC = frozenset({"co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go"})  # of co.uk, com.au …


@cache
def _sites() -> dict[str, str]:
    """The category of every site and brand."""
    lines = Path(__file__).with_name("ga4_sites.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(": ") for line in lines if not line.startswith("#")]
    return {site: category for category, _, sites in pairs for site in sites.split()}


def site_category(source: str) -> str:
    """Whether a source is a search, social, video or shopping site; empty if it is none of them.

    A source is a site if it is its name or domain, or a subdomain of it: climbing.com is not bing.
    """
    sites = _sites()
    host = re.sub(r"^[a-z]+://|[/?:].*$", "", source.strip().casefold()).removeprefix("www.")
    labels = host.split(".")
    for k in range(len(labels)):
        if (found := sites.get(".".join(labels[k:]))) and (len(labels) - k > 1 or k == 0):
            return found
    for k in range(len(labels) - 1):
        if labels[k] in sites and TOP_LEVEL.fullmatch(".".join(labels[k + 1 :])) and len(labels[k]) > 2:
            return sites[labels[k]]
    return ""


def registered_site(host: str) -> str:
    """The domain that a host belongs to: example.co.uk of www.example.co.uk."""
    labels = host.casefold().rstrip(".").split(".")
    generic = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in GENERIC
    return ".".join(labels[-3 if generic else -2 :])


def origin_of_referrer(host: str) -> tuple[str, str]:
    """Source and medium of a visit that a link brought: a search site is `organic` by its name, any other a `referral`."""
    source = host.casefold().removeprefix("www.")
    if site_category(source) != "search":
        return source, "referral"
    return next((label for label in source.split(".") if label in _sites() and len(label) > 2), source), "organic"


def is_absent(word: str | None) -> bool:
    """Whether a source, medium or campaign says that there is none."""
    return word is None or word.strip().casefold() in ABSENT


def is_direct_name(channel: str) -> bool:
    """Whether a channel is what some tool calls a visit without a source."""
    return " ".join(channel.casefold().replace("/", " / ").split()) in DIRECT_NAMES


def origin_of(
    source: str | None, medium: str | None, campaign: str | None, click_id: str | None = None
) -> tuple[str, str, str]:
    """Source, medium and campaign of an event, empty where there is none; the one place that decides.

    A click ID of an ad beats an absent and an organic source, because an organic guess knows no ads; a source and medium
    that somebody tagged stay. `fbclid`, which Facebook puts behind every link, names the source but no paid medium.
    """
    source, medium, campaign = ("" if is_absent(word) else str(word).strip() for word in (source, medium, campaign))
    organic = not medium or medium.casefold() in ("organic", "referral")
    if click_id in CLICK_IDS and organic:
        by_click, how = CLICK_IDS[click_id]
        campaign = "" if is_absent(campaign) or campaign.casefold() in ("(organic)", "(referral)") else campaign
        if click_id in AD_CLICK_IDS:
            return by_click, how, campaign
        return source or by_click, medium or "referral", campaign
    return source, medium, campaign


def default_channel_group(source: str, medium: str, campaign: str = "") -> str:
    """The first channel whose rule holds; "Unassigned" if none does. Case does not matter.

    GA4 keeps a list of some 800 search, social, video and shopping sites; the larger ones of each are in `ga4_sites.txt`, so
    a rare site may be a "Referral" or "Paid Other" that GA4 would know.

    Source: Google Analytics help, "Default channel group" (answer 9756891).
    """
    source, medium, campaign = (text.strip().casefold() for text in (source, medium, campaign))
    paid = bool(PAID.match(medium))
    site = site_category(source)
    shop = site == "shopping" or bool(SHOP_CAMPAIGN.match(campaign))
    search, social, video = (site == name for name in ("search", "social", "video"))
    rules = (
        ("Direct", source in ("direct", *ABSENT) and medium in ABSENT),
        ("Cross-network", "cross-network" in campaign),
        ("Paid Shopping", shop and paid),
        ("Paid Search", search and paid),
        ("Paid Social", social and paid),
        ("Paid Video", video and paid),
        ("Display", medium in ("display", "banner", "expandable", "interstitial", "cpm")),
        ("Paid Other", paid),
        ("Organic Shopping", shop),
        ("Organic Social", social or medium in SOCIAL_MEDIA),
        ("Organic Video", video or "video" in medium),
        ("Organic Search", search or medium == "organic"),
        ("Referral", medium in ("referral", "app", "link")),
        ("Email", bool(EMAIL.match(source) or EMAIL.match(medium))),
        ("Affiliates", medium in ("affiliate", "affiliates")),
        ("Audio", medium == "audio"),
        ("SMS", "sms" in (source, medium)),
        (
            "Mobile Push Notifications",
            medium.endswith("push") or "mobile" in medium or "notification" in medium,
        ),
    )
    return next((channel for channel, holds in rules if holds), "Unassigned")
