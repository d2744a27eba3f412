"""GA4's default channel groups: the channel of a session, from its source, medium and campaign. The only copy."""

import re

SEARCH = re.compile(r"google|bing|yahoo|duckduckgo|baidu|ecosia|yandex|naver|qwant|startpage|ask\.com|aol")
SOCIAL = re.compile(
    r"facebook|instagram|^fb$|^ig$|meta|tiktok|linkedin|lnkd\.in|twitter|^t\.co$|^x\.com$|pinterest|reddit|snapchat|"
    r"threads|whatsapp|quora|tumblr|vk\.com|weibo"
)
VIDEO = re.compile(r"youtube|vimeo|twitch|dailymotion|netflix|hulu|disneyplus|iqiyi|youku")
SHOPPING = re.compile(r"amazon|ebay|etsy|alibaba|aliexpress|walmart|shopping\.google|igshopping|shopify|mercadolibre")
SHOP_CAMPAIGN = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
EMAIL = re.compile(r"^e[-_ ]?mail$")
SOCIAL_MEDIA = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})


def default_channel_group(source: str, medium: str, campaign: str = "") -> str:
    """The first channel whose rule holds; "Unassigned" if none does. Case does not matter.

    GA4 keeps long lists of search, social, video and shopping sites; here are the largest ones of each, so a
    rare site may be a "Referral" or "Paid Other" that GA4 would know.

    Source: Google Analytics help, "Default channel group" (answer 9756891).
    """
    source, medium, campaign = (text.strip().casefold() for text in (source, medium, campaign))
    paid = bool(PAID.match(medium))
    shop = bool(SHOPPING.search(source) or SHOP_CAMPAIGN.match(campaign))
    search, social, video = (bool(sites.search(source)) for sites in (SEARCH, SOCIAL, VIDEO))
    rules = (
        ("Direct", source in ("", "(direct)", "direct") and medium in ("", "(none)", "(not set)") and not campaign),
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
