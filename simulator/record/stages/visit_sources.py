"""Sources: what web analytics and the CRM call the origin of a visit, and GA4's default channel groups (words)."""

from cpalab.ga4_channels import default_channel_group
from simulator.scenario.build_law import Names
from simulator.scenario.tracking import Transport

DIRECT, REFERRAL, UNASSIGNED, UNKNOWN, EXTENSION = (
    "direct",
    "referral",
    "unassigned",
    "unknown",
    "coupon_extension",
)

NOT_BOUGHT = (DIRECT, REFERRAL, UNASSIGNED, "organic_search", "organic_social", "organic_video", "organic_shopping")


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
    if utm is None:
        return channel
    group = default_channel_group(utm.source, utm.medium, utm.campaign)
    return group.casefold().replace("-", "_").replace(" ", "_")
