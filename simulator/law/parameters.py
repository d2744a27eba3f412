"""The parameters of the law: the arrays it reads, one row per version (epoch) of the scenario, and their record types."""

from typing import Any, NamedTuple

import numpy as np

from simulator.calendar import Calendar

SURFACE = np.dtype(
    [
        ("slot_share", "f8"),
        ("rival_sigma", "f8"),
        ("conquest_share", "f8"),
        ("visit_channel", "i4"),
        ("first_campaign", "i4"),
        ("campaigns", "i4"),
    ],
    align=True,
)
CHANNEL = np.dtype(
    [
        ("fading_per_day", "f8"),
        ("goodwill_per_impression", "f8"),
        ("saturation", "f8"),
        ("direct_effect", "f8"),
        ("upstream_effect", "f8"),
        ("need_effect", "f8"),
        ("wear_per_impression", "f8"),
        ("annoyance_per_impression", "f8"),
        ("recovery_per_day", "f8"),  # rate at which impressions cease to count
        ("overexposure_impressions", "i4"),
        ("surface", "i4"),
        ("has_synergy", "u1"),
        ("wears", "u1"),  # its impressions wear out or annoy
    ],
    align=True,
)
TEST = np.dtype(
    [
        ("share", "f8"),
        ("cookie_days", "f8"),
        ("logged_in_share", "f8"),
        ("prediction_error", "f8"),
        ("address", "i8"),  # block of the draws that belong to the channel
        ("assignment", "u1"),
    ],
    align=True,
)
CAMPAIGN = np.dtype(
    [
        ("bid", "f8"),
        ("click_through_rate", "f8"),
        ("substitution", "f8"),
        ("landing_page_factor", "f8"),
        ("quality_factor", "f8"),
        ("optimisation", "f8"),
        ("cookie_days", "f8"),
        ("clawback_share", "f8"),
        ("discount", "f8"),
        ("lookalike_share", "f8"),
        ("match_share", "f8"),  # of people whom its platform recognises by log-in
        ("audience_days", "f8"),
        ("frequency_cap_days", "f8"),
        ("frequency_cap", "i4"),  # 0: none
        ("first_time", "i4"),  # where the times of its last impressions are kept
        ("times", "i4"),  # how many of them: the highest cap that any version of the scenario sets
        ("channel", "i4"),
        ("first_creative", "i4"),
        ("platform", "i4"),  # whose log-in recognises people; NOBODY: none
        ("segments", "u4"),
        ("devices", "u1"),
        ("billing", "u1"),
        ("audience", "u1"),
        ("restricts_geos", "u1"),
    ],
    align=True,
)
CREATIVE = np.dtype([("click_factor", "f8"), ("goodwill_factor", "f8")], align=True)
STEP = np.dtype([("rate", "f8"), ("goodwill_response", "f8")], align=True)
RULES = np.dtype(
    [
        ("lapse_per_day", "f8"),
        ("rival_per_day", "f8"),
        ("satiation_days", "f8"),
        ("customer_factor", "f8"),
        ("aroused_by_visit", "f8"),
        ("value_log_mean", "f8"),
        ("value_sigma", "f8"),
        ("days_on_site", "f8"),
        ("qualified_share", "f8"),
        ("qualified_after_days", "f8"),
        ("closed_share", "f8"),
        ("closed_after_days", "f8"),
        ("refund_share", "f8"),
        ("refund_after_days", "f8"),
        ("robot_click_share", "f8"),
        ("fake_lead_share", "f8"),
        ("fakes_are_leads", "u1"),
    ],
    align=True,
)
# What can be known of people, where delivery follows what was recorded.
SIGNALS = np.dtype(
    [
        ("ad_blocker_share", "f8"),
        ("safari_from", "f8"),  # stretch of the browser's draw that is Safari
        ("safari_to", "f8"),
        ("cookie_days", "f8"),
        ("cookie_days_safari", "f8"),
        ("decide", "u1"),  # whether delivery follows the record
    ],
    align=True,
)


class Law(NamedTuple):
    """All parameters of the law. Arrays begin with the epoch; S surfaces, K channels, C campaigns, R creatives, F steps.

    Attributes:
        surfaces: SURFACE (epochs, S); channels: CHANNEL (epochs, K); campaigns: CAMPAIGN (epochs, C);
            creatives: CREATIVE (epochs, R); steps: STEP (epochs, F); rules: RULES (epochs,).
        surface_weights, surface_pulls: weight, and weight × goodwill pull, (epochs, moods, S); their sums over surfaces,
            weight_sums and pull_sums, (epochs, moods).
        visit_share: (epochs, moods, S); interest, log_propensity: (epochs, moods).
        tests: each channel's user-level test, TEST (K,), and what optimised delivery of its placebo ads bids on,
            log_psa_propensity (K, moods). Bit k of predicted_tests: people enter channel k's test with a predicted slot;
            of tests_not_by_person: it assigns log-ins or cookies; of placebo_tests: the held-out see a placebo ad.
        synergy: (epochs, K, K); admits_geo: (epochs, C, geos); robot_surfaces: cumulative shares (epochs, S).
        campaigns_of_surface: campaigns ordered by surface (C,).
        signals: SIGNALS (epochs,); consent_share: share of people who consent, (epochs, geos).
        own: parameters of own steps, a record with a field for each of them (epochs,).
        main_device_share: share of sessions on a person's main device; calendar: operational time.
        travel_share: share of sessions in another geo; geo_shares: people per geo (geos,).
    """

    surfaces: Any
    channels: Any
    campaigns: Any
    creatives: Any
    steps: Any
    rules: Any
    surface_weights: Any
    surface_pulls: Any
    weight_sums: Any
    pull_sums: Any
    visit_share: Any
    interest: Any
    log_propensity: Any
    tests: Any
    log_psa_propensity: Any
    predicted_tests: int
    tests_not_by_person: int
    placebo_tests: int
    synergy: Any
    admits_geo: Any
    robot_surfaces: Any
    campaigns_of_surface: Any
    signals: Any
    consent_share: Any
    own: Any
    main_device_share: float
    travel_share: float
    geo_shares: Any
    calendar: Calendar


def caps_of(law: Law) -> int:
    """Of how many impressions per person the times are kept: the sum of all campaigns' frequency caps."""
    return int(law.campaigns[0].times.sum())
