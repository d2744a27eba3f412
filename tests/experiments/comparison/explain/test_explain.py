"""Why CPA moved: parts add exactly, tracking alone leaves nothing real, and the largest change is found."""

import math

import numpy as np
import pytest

from cpalab.refusal import InvalidInputError
from experiments.comparison.explain import explain as module
from experiments.comparison.explain.dated_changes import dated_changes
from experiments.comparison.explain.explain import EXACT_CHANGES, OTHER_DAYS, explain
from experiments.comparison.explain.replays import INCREMENTAL
from experiments.comparison.explain.two_scenarios import planned_changes
from experiments.comparison.five_cpas import five_cpas
from experiments.rollout.change_file import load_plan
from experiments.rollout.rollout import roll_out
from experiments.truth.effects import ALL, measure_truth
from simulator.record.record import record
from simulator.scenario.loading import load_scenario
from simulator.storage import fingerprint
from simulator.world import simulate

WINDOW = {"day": 4.0, "set": {"tracking.platforms.retargeter.view_days": 1.0}, "note": "the window"}
TAG = {
    "day": 5.0,
    "set": {"tracking.transport.server_coverage": 0.3, "tracking.transport.pixel_coverage": 0.5},
    "note": "the tag",
}
PAGE = {"day": 6.0, "set": {"channels.generic_search.campaigns.category.landing_page_factor": 0.2}}


@pytest.fixture(scope="module")
def mixed(shop):
    return explain(shop({"timeline": [WINDOW, TAG, PAGE]}), between=(0, 14))


@pytest.fixture(scope="module")
def recorded(shop):
    return explain(shop({"timeline": [WINDOW, TAG]}))


def test_parts_add_to_the_shift_to_machine_precision(mixed):
    for shift in mixed.shifts:
        if not np.isnan(shift.parts).any():
            assert shift.parts.sum() == pytest.approx(shift.moved, rel=0, abs=1e-12 * max(1.0, shift.after))
    assert len([shift for shift in mixed.shifts if not np.isnan(shift.parts).any()]) > 20


def test_causes_are_named_dated_and_real_or_not(mixed):
    assert [(cause.name, cause.kind, cause.day) for cause in mixed.causes] == [
        ("the window", "record", 4.0),
        ("the tag", "record", 5.0),
        ("the landing page of generic search", "real", 6.0),
    ]


def test_a_change_of_tracking_alone_has_exactly_no_real_part(recorded):
    for shift in recorded.shifts:
        assert recorded.part("real", shift.channel, shift.system) == 0.0
        if shift.system == INCREMENTAL:
            assert (shift.before, shift.cost_before, shift.actions_before) == pytest.approx(
                (shift.after, shift.cost_after, shift.actions_after), rel=0, abs=0, nan_ok=True
            )
    assert recorded.part("record") > 0.2
    assert recorded.days == (4, 14)
    assert "Nothing real changed: +" in recorded.summary()


def test_before_and_after_are_the_worlds_without_and_with_the_changes(mixed, shop, budgeted):
    for side, world in (("after", simulate(shop({"timeline": [WINDOW, TAG, PAGE]}))), ("before", budgeted)):
        cpas = five_cpas(world, measure_truth(world))
        for row in cpas.channels:
            for system in ("platform", "analytics", "crm", INCREMENTAL):
                found = getattr(mixed.shift(row.channel, system), side)
                assert found == pytest.approx(row.cpa(system), nan_ok=True), (row.channel, system)


def test_leaving_out_every_change_gives_the_scenario_without_them(shop, budgeted):
    scenario = dated_changes(shop({"timeline": [WINDOW, PAGE]})).with_one_clock().scenario(())
    assert fingerprint(simulate(scenario).events) == fingerprint(budgeted.events)


def test_one_change_is_the_whole_shift(shop):
    found = explain(shop({"timeline": [TAG]}), truth=False)
    assert found.shift().parts == pytest.approx([found.shift().moved])
    assert not any(shift.system == INCREMENTAL for shift in found.shifts)


def test_a_planned_change_moves_what_rollout_says(shop):
    plan = load_plan({"changes": [{"name": "tag", "fault": "tag_outage", "size": 0.3}]}, shop())
    found = explain(planned_changes(shop(), plan.changes), truth=False)
    expected = roll_out(simulate(shop()), plan, verify=False, replicates=10)
    for system in ("platform", "analytics", "crm"):
        shift, planned = found.shift(ALL, system), expected.shift(ALL, system)
        assert (shift.before, shift.after) == pytest.approx((planned.cpa_today, planned.cpa_tomorrow))
    assert found.days == (0, 14)


def test_sampled_parts_add_and_agree_with_exact_ones(shop, monkeypatch):
    more = {"day": 4.0, "set": {"tracking.faults.fake_leads": 0.3}, "note": "fake leads"}
    late = {"day": 7.0, "set": {"tracking.consent.share": 0.6}, "note": "the banner"}
    changes = dated_changes(shop({"timeline": [WINDOW, TAG, more, late]}))
    exact = explain(changes, truth=False)
    monkeypatch.setattr(module, "EXACT_CHANGES", 3)
    drawn = explain(changes, truth=False, orders=16)
    shift = drawn.shift()
    assert (exact.orders, drawn.orders) == (0, 16)
    assert shift.parts.sum() == pytest.approx(shift.moved, abs=1e-12)
    assert (np.abs(shift.parts - exact.shift().parts) <= 5 * shift.errors + 1e-9).all()
    assert "16 orders of making the changes" in drawn.summary()


def test_more_than_eight_changes_are_sampled(shop):
    days = [
        {"day": 3.0 + i, "set": {"tracking.transport.pixel_coverage": 0.8 - 0.05 * i}} for i in range(EXACT_CHANGES + 1)
    ]
    found = explain(shop({"timeline": days}), truth=False, orders=4)
    assert found.orders == 4
    assert (found.shift().errors > 0).any()
    assert found.shift().parts.sum() == pytest.approx(found.shift().moved, abs=1e-12)
    assert len({cause.name for cause in found.causes}) == EXACT_CHANGES + 1


def test_where_delivery_follows_the_record_a_banner_changes_what_happens(shop):
    banner = {"day": 3.0, "set": {"tracking.consent.share": 0.3}, "note": "the banner"}
    scenario = shop({"delivery.follows": "record", "timeline": [banner]})
    found = explain(scenario, truth=False)
    assert [(cause.name, cause.kind) for cause in found.causes] == [
        ("the banner", "record"), ("the banner, through delivery", "real"),
    ]  # fmt: skip
    shift = found.shift()
    assert (shift.parts != 0.0).all()
    assert shift.parts.sum() == pytest.approx(shift.moved, abs=1e-12)
    world = simulate(scenario)
    claimed = record(world).conversions("crm")
    own = explain(scenario, between=(0, 14), truth=False).shift(ALL, "crm")
    assert own.actions_after == pytest.approx(sum(claimed.get(channel, 0.0) for channel in scenario.paid_channels()))


BIDDER = """
def cautious(market):
    '''Halves the bids of a channel for as long as its platform reports few conversions.'''
    (campaign,) = [name for name in market.campaigns if name.startswith("social_prospecting")]
    full = market.bid(campaign)
    while True:
        yield market.timeout(1.0)
        if market.day >= 5.0:
            few = market.conversions("platform", days=2.0) < 0.6 * market.conversions("platform", since=3.0, until=5.0)
            market.set_bid(campaign, full / 8 if few else full)
"""


def test_a_process_that_bids_on_reports_makes_a_tracking_fault_real(shop, tmp_path):
    (tmp_path / "bidder.py").write_text(BIDDER)
    acts = {"processes": {"cautious": {"use": f"{tmp_path / 'bidder.py'}:cautious"}}}
    silent = {**TAG, "set": {"tracking.transport.server_coverage": 0.0, "tracking.transport.pixel_coverage": 0.1}}
    found = explain(shop({**acts, "timeline": [silent]}, budgets=False))
    assert [(cause.name, cause.kind) for cause in found.causes] == [
        ("the tag", "record"), ("the tag, through delivery", "real"),
    ]  # fmt: skip
    shift, true = found.shift("social_prospecting"), found.shift("social_prospecting", INCREMENTAL)
    assert shift.cost_after < shift.cost_before
    assert true.actions_after < true.actions_before
    assert shift.parts.sum() == pytest.approx(shift.moved, abs=1e-12)
    assert (shift.parts != 0.0).all()


def test_earlier_days_differ_by_what_they_are_and_by_the_changes(shop):
    found = explain(shop({"timeline": [{**TAG, "day": 7.0}]}), against=(0, 7), truth=False)
    assert [cause.name for cause in found.causes] == ["the tag", OTHER_DAYS]
    shift = found.shift()
    assert shift.parts.sum() == pytest.approx(shift.moved, abs=1e-12)
    alone = explain(shop({"timeline": [{**TAG, "day": 7.0}]}), truth=False).shift()
    assert shift.parts[0] == alone.parts[0]
    assert shift.parts[1] == pytest.approx(alone.before - shift.before)
    assert "compared with days 0 to 7" in found.summary()


def test_impossible_days_and_orders_are_refused_at_once(shop):
    with pytest.raises(InvalidInputError) as refusal:
        explain(shop({"timeline": [TAG]}), between=(10, 20), against=(5, 5), orders=7)
    assert [problem.place for problem in refusal.value.problems] == ["between", "against", "orders"]


def test_few_actions_are_said(shop):
    found = explain(shop({"run.users": 300, "timeline": [TAG]}))
    assert "Few purchases stand behind platform" in found.summary()
    for shift in found.shifts:
        assert np.isnan(shift.parts).any() == math.isnan(shift.moved)


def test_the_five_suspects_have_one_culprit():
    found = explain(load_scenario("five-suspects", {"run.users": 10_000}), truth=False)
    assert len(found.causes) == 5
    parts = dict(zip((cause.name for cause in found.causes), found.shift().parts, strict=True))
    assert max(parts, key=lambda name: abs(parts[name])) == "the shop's new version"
    assert abs(parts["the shop's new version"]) > 0.6 * abs(found.shift().moved)


# ---------------------------------------------------------------- known changes on random timelines

NEUTRAL = {
    "tracking.consent.share": 1.0,
    "tracking.consent.late_share": 0.0,
    "tracking.consent.model_recovery": 0.0,
    "tracking.transport.server_coverage": 0.0,
    "tracking.transport.pixel_coverage": 1.0,
    "tracking.transport.ad_blocker_share": 0.0,
    "tracking.transport.duplicate_rate": 0.0,
    "tracking.platforms.retargeter.view_days": 0.0,
    "tracking.platforms.ctv.view_days": 0.0,
    "tracking.platforms.mail.view_days": 0.0,
    "tracking.platform.view_days": 0.0,
}
BUYERS = load_scenario("dtc-apparel")
PRICES = {f"surfaces.{name}.rival_cpm": own.rival_cpm for name, own in BUYERS.surfaces.items() if own.slot_share} | {
    f"channels.{channel}.campaigns.{name}.bid": campaign.bid
    for channel, table in BUYERS.channels.items()
    for name, campaign in table.campaigns.items()
}


def known_changes(size):
    """What moves the logarithm of the platforms' CPA by `size`, up or down, each by closed form."""
    kept, more = math.exp(-size), math.exp(size)
    return {
        "consent": {"tracking.consent.share": kept},
        "pixel": {"tracking.transport.pixel_coverage": kept},
        "blockers": {"tracking.transport.ad_blocker_share": 1.0 - kept},
        "repeats": {"tracking.transport.duplicate_rate": more - 1.0, "tracking.transport.deduplicate": False},
        "fakes": {"tracking.intrusion.fake_lead_rate": more - 1.0},
        # Everyone bids more by the same factor: the same ads are bought, each dearer by it.
        "prices": {place: price * more for place, price in PRICES.items()},
    }


def culprit_is_found(shop, seed):
    """Whether the largest part is the largest change of a random timeline of 1 to 6 known changes."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(list(known_changes(0.1)))[: rng.integers(1, 7)]
    # The largest is half as large again as the next: with nearer ones it is chance that decides.
    sizes = dict(zip(names, [0.6, *rng.uniform(0.05, 0.4, len(names) - 1)], strict=True))
    timeline = [
        {"day": float(rng.integers(1, 5)), "set": known_changes(size)[name], "note": str(name)}
        for name, size in sizes.items()
    ]
    found = explain(shop({**NEUTRAL, "run.seed": int(seed), "timeline": timeline}, budgets=False), truth=False)
    parts = dict(zip((cause.name for cause in found.causes), found.shift().parts, strict=True))
    return max(parts, key=lambda name: abs(parts[name])) == names[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_largest_part_is_the_largest_change(shop, seed):
    assert culprit_is_found(shop, seed)


@pytest.mark.study
def test_the_largest_part_is_the_largest_change_on_forty_random_timelines(shop):
    assert np.mean([culprit_is_found(shop, seed) for seed in range(100, 140)]) >= 0.95
