"""GA4's default channel groups: the published rules in their order, the same for a record and for an export."""

import itertools

import pytest

from attribution.formats.ga4 import GA4
from cpalab.ga4_channels import default_channel_group
from simulator.record.stages.visit_sources import group_of
from simulator.scenario.tracking import Transport

SOURCES = ("(direct)", "google", "bing", "facebook.com", "youtube", "amazon", "partner", "newsletter", "climbing.com")
MEDIA = ("(none)", "(not set)", "cpc", "cpm", "display", "organic", "referral", "email", "affiliates", "push")
CAMPAIGNS = ("", "spring", "cross-network", "shopping spring")


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "channel"),
    [
        ("(direct)", "(none)", "", "Direct"),
        ("google", "cpc", "", "Paid Search"),
        ("google", "organic", "", "Organic Search"),
        ("facebook", "social_paid", "", "Organic Social"),
        ("facebook", "paid_social", "", "Paid Social"),
        ("some blog", "facebookads", "", "Unassigned"),
        ("youtube.com", "cpv", "", "Paid Video"),
        ("partner", "affiliate", "", "Affiliates"),
        ("google", "cpc", "spring shopping", "Paid Shopping"),
        ("dv360", "cpm", "", "Display"),
        ("dv360", "cpc", "", "Paid Other"),
        ("dv360", "banner", "", "Display"),
        ("google", "display", "", "Display"),
        ("newsletter", "affiliates", "", "Affiliates"),
        ("google", "cpc", "cross-network", "Cross-network"),
        ("app", "push", "", "Mobile Push Notifications"),
        ("paypal.com", "referral", "", "Referral"),
        ("news", "email", "", "Email"),
    ],
)
def test_default_channel_groups(source, medium, campaign, channel):
    assert default_channel_group(source, medium, campaign) == channel


@pytest.mark.parametrize(("source", "medium", "campaign"), [*itertools.product(SOURCES, MEDIA, CAMPAIGNS)])
def test_the_simulated_record_and_a_read_export_call_an_origin_the_same(source, medium, campaign):
    utm = {"source": source, "medium": medium, "campaign": campaign}
    simulated = group_of("some_channel", Transport(utm={"some_channel": utm}))
    exported = GA4()._channel(source, medium, campaign)
    assert simulated == exported.casefold().replace("-", "_").replace(" ", "_")
