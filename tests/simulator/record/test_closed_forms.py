"""Each fault that has a closed form: simulated and closed-form multiplier agree within sampling error.

The tests of chance allow 5 standard errors, clustered by person: a false alarm once in 1.7 million draws each. Seeds are
fixed; Hypothesis draws the parameters. Tests that say `exactly` allow nothing.
"""

from collections import Counter
from collections.abc import Callable
from math import isclose, log, sqrt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from simulator.record.closed_forms import CLOSED_FORMS, Rates, default_lag_cdf, multipliers
from simulator.record.rates import measure_rates
from simulator.record.record import Record
from simulator.record.stages.reporting import by_day
from simulator.scenario.faults import FAULTS, changed
from simulator.scenario.tracking import PERFECT
from simulator.world import World

FEW = settings(max_examples=3, derandomize=True)
sizes = st.floats(0.05, 0.6)
SEARCH_AND_SOCIAL = ("search", "social")
PAID = ("search", "social", "partner")


def claimed(record: Record, system: str, channels: tuple[str, ...] | None = None) -> float:
    found = record.conversions(system)
    return sum(amount for channel, amount in found.items() if channels is None or channel in channels)


def standard_error(record: Record, system: str, kept: float) -> float:
    """Of the logarithm of the multiplier when each person's claims survive with chance `kept`, all or none."""
    rows = record.claims.filter(pc.equal(record.claims["system"].cast(pa.string()), system))
    people = np.array(list(Counter(rows["user_id"].to_pylist()).values()))
    return sqrt((1 - kept) / kept * float(np.sum(people**2))) / float(np.sum(people))


def agree(before: float, after: float, expected: float, error: float) -> None:
    assert before / after == pytest.approx(expected, rel=5 * error + 1e-12)


@FEW
@given(s=sizes)
def test_f1_outage_takes_the_actions_of_its_days_from_every_tag_exactly(
    recorded: Callable[..., Record], world: World, s: float
) -> None:
    today, outage = recorded(), recorded(faults={"tag_outage": s})
    rates = measure_rates(world, today)
    expected = multipliers("tag_outage", s, rates)
    assert claimed(today, "analytics") / claimed(outage, "analytics") == pytest.approx(expected["analytics"], rel=1e-12)
    assert claimed(today, "crm") == claimed(outage, "crm")
    assert expected["platform"] == pytest.approx(1 / (1 - s), rel=0.12), (
        "orders are spread over the days, but not evenly"
    )


@FEW
@given(s=sizes, p=st.floats(0.3, 0.9), s0=st.floats(0.1, 0.9))
def test_f1_server_events_go_on_during_an_outage(
    recorded: Callable[..., Record], world: World, s: float, p: float, s0: float
) -> None:
    both = {"transport__pixel_coverage": p, "transport__server_coverage": s0}
    today, outage = recorded(**both), recorded(**both, faults={"tag_outage": s})
    between = measure_rates(world, today).between
    expected = multipliers("tag_outage", s, Rates(pixel=p, server=s0, between=between))["platform"]
    agree(
        claimed(today, "platform", SEARCH_AND_SOCIAL), claimed(outage, "platform", SEARCH_AND_SOCIAL), expected,
        standard_error(today, "platform", 1 / expected),
    )  # fmt: skip


@FEW
@given(f=st.floats(0.1, 1.0), b=st.floats(0.1, 0.6))
def test_f2_partial_outage_moves_one_browser_only(recorded: Callable[..., Record], f: float, b: float) -> None:
    browsers = {"chrome": 1 - b, "safari": b}
    today, outage = (
        recorded(identity__browsers=browsers),
        recorded(identity__browsers=browsers, faults={"partial_outage": f}),
    )
    own = by_browser(today)
    share = own["safari"] / sum(own.values())
    expected = multipliers("partial_outage", f, Rates(safari=share))["analytics"]
    agree(
        claimed(today, "analytics"),
        claimed(outage, "analytics"),
        expected,
        standard_error(today, "analytics", 1 / expected),
    )
    assert by_browser(outage)["chrome"] == own["chrome"]


def by_browser(record: Record) -> Counter[str]:
    rows = record.claims.filter(pc.equal(record.claims["system"].cast(pa.string()), "analytics"))
    found: Counter[str] = Counter()
    for browser, amount in zip(rows["browser"].to_pylist(), rows["conversions"].to_pylist(), strict=True):
        found[browser] += amount
    return found


@FEW
@given(r=st.floats(0.05, 3.0))
def test_f3_repeats_multiply_conversions_of_every_tag(recorded: Callable[..., Record], r: float) -> None:
    today, twice = recorded(), recorded(faults={"duplicate_firing": r})
    for system, channels in (("analytics", None), ("platform", SEARCH_AND_SOCIAL)):
        agree(
            claimed(today, system, channels),
            claimed(twice, system, channels),
            1 / (1 + r),
            standard_error(today, system, 0.5),
        )
    assert claimed(today, "crm") == claimed(twice, "crm")


@FEW
@given(p=st.floats(0.4, 0.95), s=st.floats(0.3, 1.0))
def test_f4_f5_server_events_with_and_without_a_shared_id(recorded: Callable[..., Record], p: float, s: float) -> None:
    today = recorded(transport__pixel_coverage=p)
    for fault in ("undeduplicated_server", "server_side"):
        tomorrow = recorded(transport__pixel_coverage=p, faults={fault: s})
        expected = multipliers(fault, s, Rates(pixel=p))["platform"]
        agree(
            claimed(today, "platform", SEARCH_AND_SOCIAL), claimed(tomorrow, "platform", SEARCH_AND_SOCIAL), expected,
            2 * standard_error(today, "platform", p),
        )  # fmt: skip
        assert claimed(today, "analytics") == claimed(tomorrow, "analytics")


def test_f4_f5_published_figures() -> None:
    rates = Rates(pixel=0.75)
    assert multipliers("undeduplicated_server", 0.95, rates)["platform"] == pytest.approx(0.441, abs=5e-4)
    assert multipliers("server_side", 0.95, rates)["platform"] == pytest.approx(0.759, abs=5e-4)
    assert pytest.approx(57.14, abs=5e-3) == 500 / 350 * 40
    assert 40 / multipliers("duplicate_firing", 500 / 350 - 1, Rates())["platform"] == pytest.approx(57.14, abs=5e-3)


@FEW
@given(coverage=st.floats(0.5, 1.0))
def test_f6_f7_counting_visits_or_first_steps(recorded: Callable[..., Record], world: World, coverage: float) -> None:
    today = recorded(transport__analytics_coverage=coverage)
    rates = measure_rates(world, today)
    for fault in ("wrong_trigger", "wrong_definition"):
        wrong = recorded(transport__analytics_coverage=coverage, faults={fault: 1.0})
        expected = multipliers(fault, 1.0, rates)["analytics"]
        error = 2 * standard_error(today, "analytics", coverage)
        agree(claimed(today, "analytics"), claimed(wrong, "analytics"), expected, error)
        assert claimed(today, "crm") == claimed(wrong, "crm")


def test_f6_f7_exactly_where_every_action_arrives(recorded: Callable[..., Record], world: World) -> None:
    today = recorded()
    for fault in ("wrong_trigger", "wrong_definition"):
        expected = multipliers(fault, 1.0, measure_rates(world, today))["analytics"]
        simulated = claimed(today, "analytics") / claimed(recorded(faults={fault: 1.0}), "analytics")
        assert simulated == pytest.approx(expected, rel=1e-12)


@FEW
@given(factor=st.floats(0.01, 100.0))
def test_f8_value_bug_leaves_cpa_identical_and_multiplies_roas(recorded: Callable[..., Record], factor: float) -> None:
    today, bug = recorded(), recorded(faults={"value_bug": factor})
    for system in ("platform", "analytics"):
        assert today.conversions(system) == bug.conversions(system)
        for channel in SEARCH_AND_SOCIAL:
            assert bug.value(system)[channel] == pytest.approx(factor * today.value(system)[channel], rel=1e-6)
    assert today.value("crm") == bug.value("crm")


@FEW
@given(hours=st.floats(0.5, 23.5))
def test_f9_time_zone_shifts_days_and_keeps_totals(recorded: Callable[..., Record], hours: float) -> None:
    today, shifted = recorded(), recorded(faults={"time_zone": hours})
    assert multipliers("time_zone", hours, Rates())["analytics"] == 1.0
    assert today.conversions("analytics") == shifted.conversions("analytics")
    difference = shifted.claims["booked"].to_numpy() - today.claims["booked"].to_numpy()
    tags = np.isin(today.claims["system"].to_pylist(), ["platform", "analytics"])
    assert not difference[~tags].any(), "the seller's own system keeps its own days"
    assert np.allclose(difference[tags], hours / 24)
    before, after = (by_day(found.claims, "analytics", 40.0) for found in (today, shifted))
    assert before.sum() == claimed(today, "analytics")
    assert not np.array_equal(before, after)
    assert claimed(today, "analytics") - after.sum() == np.sum(
        today.claims.filter(pc.equal(today.claims["system"].cast(pa.string()), "analytics"))["booked"].to_numpy()
        >= 40 - hours / 24
    ), "what is shifted beyond the last day is booked on the day after"


@FEW
@given(days=st.floats(0.1, 20.0))
def test_f10_a_shorter_click_window_keeps_the_share_of_short_lags_exactly(
    recorded: Callable[..., Record], world: World, days: float
) -> None:
    clicks_only = {"platform__view_days": 0.0}
    today, shorter = recorded(**clicks_only), recorded(**clicks_only, faults={"shorter_window": days})
    expected = multipliers("shorter_window", days, measure_rates(world, today))["platform"]
    assert expected > 1
    simulated = claimed(today, "platform", SEARCH_AND_SOCIAL) / claimed(shorter, "platform", SEARCH_AND_SOCIAL)
    assert simulated == pytest.approx(expected, rel=1e-12)


def test_f10_published_lag_gives_the_published_multipliers() -> None:
    def change(before: float, after: float) -> float:
        return multipliers("shorter_window", after, Rates(click_days=before))["platform"]

    assert change(28, 7) == pytest.approx(1.38, abs=5e-3)
    assert change(7, 1) == pytest.approx(1.44, abs=6e-3)
    assert change(30, 1) == pytest.approx(2.0, abs=6e-3)
    expected = {1 / 24: 0.344, 1: 0.499, 7: 0.721, 14: 0.868, 28: 0.992}
    assert all(isclose(default_lag_cdf(days), share, abs_tol=1e-3) for days, share in expected.items())


@FEW
@given(days=st.floats(0.1, 14.0))
def test_f11_without_views_the_view_share_is_gone_exactly(
    recorded: Callable[..., Record], world: World, days: float
) -> None:
    views = {"platform__view_days": days}
    today, clicks = recorded(**views), recorded(**views, faults={"views_removed": 1.0})
    expected = multipliers("views_removed", 1.0, measure_rates(world, today))["platform"]
    simulated = claimed(today, "platform", SEARCH_AND_SOCIAL) / claimed(clicks, "platform", SEARCH_AND_SOCIAL)
    assert simulated == pytest.approx(expected, rel=1e-12)


@FEW
@given(rule=st.sampled_from(["last", "first", "position", "time_decay"]), click_days=st.floats(3.0, 30.0))
def test_f12_f13_another_model_moves_channels_and_keeps_their_sum_exactly(
    recorded: Callable[..., Record], rule: str, click_days: float
) -> None:
    rules = {**PERFECT.platform.model_dump(), "rule": rule, "click_days": click_days}
    base = {"analytics__rule": rule, "platforms": {"one": {**rules, "channels": ["search", "social"]}}}
    today = recorded(**base)
    for fault, system in (("model_change", "analytics"), ("platform_model", "platform")):
        other = recorded(**base, faults={fault: 1.0})
        assert multipliers(fault, 1.0, Rates())[system] == 1.0
        before, after = today.conversions(system), other.conversions(system)
        assert sum(before.values()) == pytest.approx(sum(after.values()), rel=1e-12), "blended CPA is identical"
        assert max(abs(log(before[channel] / after[channel])) for channel in before if channel != "partner") > 0.01


@FEW
@given(g=sizes)
def test_f14_a_gateway_takes_its_share_from_every_source(recorded: Callable[..., Record], g: float) -> None:
    today, gateway = recorded(), recorded(faults={"gateway_referral": g})
    expected = multipliers("gateway_referral", g, Rates())["analytics"]
    agree(
        claimed(today, "analytics", PAID), claimed(gateway, "analytics", PAID), expected,
        standard_error(today, "analytics", 1 - g),
    )  # fmt: skip
    assert today.conversions("platform") == gateway.conversions("platform")


@FEW
@given(f=sizes, log_in=st.floats(0.0, 0.7))
def test_f15_stripped_click_ids_cost_platforms_what_log_in_does_not_recover(
    recorded: Callable[..., Record], f: float, log_in: float
) -> None:
    base = {"platform__view_days": 0.0, "platform__match_share": log_in}
    today, stripped = recorded(**base), recorded(**base, faults={"click_id_stripped": f})
    known = share_recognised(recorded, log_in)
    expected = multipliers("click_id_stripped", f, Rates(log_in=known))["platform"]
    simulated = claimed(today, "platform", SEARCH_AND_SOCIAL) / claimed(stripped, "platform", SEARCH_AND_SOCIAL)
    error = standard_error(today, "platform", 1 - f)
    assert simulated == pytest.approx(expected, rel=5 * error + 1e-12)
    assert today.conversions("analytics") == stripped.conversions("analytics")


def share_recognised(recorded: Callable[..., Record], log_in: float) -> float:
    """Of click claims: those that stay when every click ID is lost, over all."""
    base = {"platform__view_days": 0.0, "platform__match_share": log_in, "transport__click_id_loss": 0.0}
    with_ids = claimed(recorded(**base), "platform", SEARCH_AND_SOCIAL)
    base |= {"transport__click_id_loss": 1.0, "transport__click_id_loss_safari": 1.0}
    return claimed(recorded(**base), "platform", SEARCH_AND_SOCIAL) / with_ids


@FEW
@given(f=sizes)
def test_f16_lost_utms_move_paid_channels_to_direct(recorded: Callable[..., Record], f: float) -> None:
    today, lost = recorded(), recorded(faults={"utm_lost": f})
    expected = multipliers("utm_lost", f, Rates())["analytics"]
    agree(
        claimed(today, "analytics", PAID), claimed(lost, "analytics", PAID), expected,
        standard_error(today, "analytics", 1 - f),
    )  # fmt: skip
    assert claimed(today, "analytics") == claimed(lost, "analytics")
    assert today.conversions("platform") == lost.conversions("platform")


@FEW
@given(c=st.floats(0.3, 0.9), m=st.floats(0.0, 1.0), rho=st.floats(0.5, 1.5))
def test_f17_consent_loses_conversions_and_modelling_brings_some_back(
    recorded: Callable[..., Record], c: float, m: float, rho: float
) -> None:
    models = {"consent__model_recovery": m, "consent__refuser_rate": rho, "consent__model_min_clicks": 0.0}
    today, banner = recorded(**models), recorded(**models, faults={"consent_banner": c})
    expected = multipliers("consent_banner", c, Rates(consent=1.0, recovered=m * rho))
    error = standard_error(today, "platform", c)
    agree(claimed(today, "analytics"), claimed(banner, "analytics"), expected["analytics"], error)
    agree(
        claimed(today, "platform", SEARCH_AND_SOCIAL), claimed(banner, "platform", SEARCH_AND_SOCIAL),
        expected["platform"], 1.5 * error,
    )  # fmt: skip
    assert today.conversions("crm") == banner.conversions("crm")


def test_f17_small_advertisers_are_not_modelled(recorded: Callable[..., Record]) -> None:
    models = {"consent__model_recovery": 0.6, "consent__share": 0.6}
    assert not any(recorded(**models, consent__model_min_clicks=1e9).claims["modelled"].to_pylist())
    assert any(recorded(**models, consent__model_min_clicks=1.0).claims["modelled"].to_pylist())


@FEW
@given(hours=st.floats(6.0, 300.0))
def test_f18_a_report_read_early_holds_what_has_arrived(
    recorded: Callable[..., Record], world: World, hours: float
) -> None:
    today, early = recorded(), recorded(faults={"late_ingestion": hours})
    expected = multipliers("late_ingestion", hours, measure_rates(world, today))["analytics"]
    agree(
        claimed(today, "analytics"),
        claimed(early, "analytics"),
        expected,
        standard_error(today, "analytics", 1 / expected),
    )
    assert today.conversions("crm") == early.conversions("crm")


def test_f19_short_cookies_split_people_into_visitors_and_hide_what_came_before(
    recorded: Callable[..., Record],
) -> None:
    anonymous = {"identity__log_in_share": 0.0}
    today, capped = recorded(**anonymous), recorded(**anonymous, faults={"cookie_cap": 1.0})
    assert claimed(today, "analytics") == claimed(capped, "analytics")
    assert today.conversions("analytics")["direct"] < capped.conversions("analytics")["direct"]


@FEW
@given(b=sizes)
def test_f20_robots_clicks_cost_money_where_clicks_are_paid(
    recorded: Callable[..., Record], world: World, b: float
) -> None:
    today, robots = recorded(), recorded(faults={"bot_clicks": b})
    events = world.events.filter(pc.equal(world.events["kind"], "click"))
    clicks = events.filter(pc.equal(events["channel"], "search")).num_rows
    expected = multipliers("bot_clicks", b, Rates())["platform"]
    simulated = robots.cost_micros["search"] / today.cost_micros["search"]
    assert simulated == pytest.approx(expected, rel=5 * sqrt(b / (1 - b) / clicks) * 1.5)
    assert robots.cost_micros["social"] == today.cost_micros["social"]
    assert all(today.conversions(system) == robots.conversions(system) for system in ("platform", "analytics", "crm"))


@FEW
@given(rate=st.floats(0.05, 2.0))
def test_f21_fake_leads_fill_tags_and_not_the_crm(recorded: Callable[..., Record], rate: float) -> None:
    today, fake = recorded(), recorded(faults={"fake_leads": rate})
    expected = multipliers("fake_leads", rate, Rates())["platform"]
    error = standard_error(today, "platform", 0.5)
    agree(claimed(today, "platform", SEARCH_AND_SOCIAL), claimed(fake, "platform", SEARCH_AND_SOCIAL), expected, error)
    assert today.conversions("crm_qualified") == fake.conversions("crm_qualified")


@FEW
@given(f=sizes)
def test_f22_lost_sources_leave_the_crm_total_right(recorded: Callable[..., Record], f: float) -> None:
    today, lost = recorded(), recorded(faults={"crm_match_loss": f})
    expected = multipliers("crm_match_loss", f, Rates())["crm"]
    agree(claimed(today, "crm", PAID), claimed(lost, "crm", PAID), expected, standard_error(today, "crm", 1 - f))
    assert claimed(today, "crm") == claimed(lost, "crm")


@FEW
@given(share=st.floats(0.05, 0.5))
def test_f23_sampling_is_noise_without_bias_of_the_size_of_binomial_chance(
    recorded: Callable[..., Record], share: float
) -> None:
    """Σ (sampled − full)² / (full · (1 − f) / f) over 60 groups of people is χ²(60) distributed: one in a million outside."""
    today, sampled = recorded(), recorded(faults={"report_sampling": share})
    expected = multipliers("report_sampling", share, Rates())["analytics"]
    agree(
        claimed(today, "analytics"), claimed(sampled, "analytics"), expected, standard_error(today, "analytics", share)
    )
    full, seen = (by_group(found, 60) for found in (today, sampled))
    lower, upper = chi2.ppf([5e-7, 1 - 5e-7], 60)
    assert lower < float(np.sum((seen - full) ** 2 / (full * (1 - share) / share))) < upper
    assert today.conversions("platform") == sampled.conversions("platform")


def by_group(record: Record, groups: int) -> np.ndarray:
    """What analytics counts of people 0, 60, 120 …, of people 1, 61, 121 … and so on."""
    rows = record.claims.filter(pc.equal(record.claims["system"].cast(pa.string()), "analytics"))
    return np.bincount(rows["user_id"].to_numpy() % groups, weights=rows["conversions"].to_numpy(), minlength=groups)


@FEW
@given(rank=st.integers(0, 4), above=st.floats(0.01, 0.99))
def test_f23b_small_rows_vanish_and_the_others_stay_exactly(
    recorded: Callable[..., Record], rank: int, above: float
) -> None:
    today = recorded().conversions("analytics")
    least = sorted(today.values())[rank % len(today)] + above
    withheld = recorded(faults={"rows_withheld": least}).conversions("analytics")
    for channel, amount in today.items():
        expected = multipliers("rows_withheld", least, Rates(analytics_actions=amount))["analytics"]
        assert (amount / withheld[channel] if channel in withheld else float("inf")) == expected


@FEW
@given(days=st.floats(2.0, 30.0))
def test_f24_without_a_linker_only_clicks_of_the_same_session_match_exactly(
    recorded: Callable[..., Record], world: World, days: float
) -> None:
    base = {"platform__view_days": 0.0, "platform__match_share": 0.0, "identity__log_in_share": 0.0}
    base |= {"platform__click_days": days}
    today, missing = recorded(**base), recorded(**base, faults={"missing_linker": 1.0})
    rates = measure_rates(world, today)
    expected = multipliers("missing_linker", 1.0, Rates(log_in=0.0, same_session=rates.same_session))["platform"]
    simulated = claimed(today, "platform", SEARCH_AND_SOCIAL) / claimed(missing, "platform", SEARCH_AND_SOCIAL)
    assert expected > 1.05
    assert simulated == pytest.approx(expected, rel=1e-12)


@FEW
@given(h=sizes)
def test_f25_a_coupon_extension_takes_the_last_touch_and_a_commission(
    recorded: Callable[..., Record], h: float
) -> None:
    today, coupon = recorded(), recorded(faults={"coupon_overwrite": h})
    expected = multipliers("coupon_overwrite", h, Rates())["analytics"]
    others = ("search", "social", "organic_search")
    agree(
        claimed(today, "analytics", others), claimed(coupon, "analytics", others), expected,
        standard_error(today, "analytics", 1 - h),
    )  # fmt: skip
    assert coupon.cost_micros["partner"] > today.cost_micros["partner"]


def test_every_fault_has_a_closed_form_but_the_cookie_cap() -> None:
    assert {fault.name for fault in FAULTS} - set(CLOSED_FORMS) == {"cookie_cap"}
    assert [fault.code for fault in FAULTS] == [f"F{number}" for number in range(1, 24)] + ["F23b", "F24", "F25"]


def test_settings_of_every_fault_are_valid_at_its_bounds() -> None:
    for fault in FAULTS:
        for size in (fault.smallest, fault.usual, fault.largest):
            changed(PERFECT, fault.settings(PERFECT, size, 30.0))
