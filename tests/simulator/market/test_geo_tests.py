"""Geo tests in the market: who is treated, where ads are shown and what they cost, and that nothing else moves."""

import numpy as np
import pytest

from simulator.market.campaigns import OUTBIDS_ALL
from simulator.market.geo_tests import geo_plans, on_off_blocks, pairs_by_size, people_by_geo, treated_geos
from simulator.scenario.loading import load_scenario
from simulator.world import live_again, simulate

GEOS = {f"g{k}": {"share": share} for k, share in enumerate((0.3, 0.2, 0.2, 0.1, 0.1, 0.1))}
DAYS = {"start_day": 5, "end_day": 10, "cooldown_days": 2}


@pytest.fixture
def regions(market):
    """The small market in six geos, with one geo test; budgets only if asked for."""

    def make(kind="go_dark", channel="social", budgets=False, users=3_000, **rest):
        market["population"]["geos"] = GEOS
        market["run"]["users"] = users
        market["channels"]["video"]["campaigns"]["launch"]["targeting"] = {}
        if not budgets:
            market["channels"]["social"]["campaigns"]["prospecting"].pop("daily_budget", None)
        if kind is None:
            market.pop("geo_tests", None)
        else:
            treated = {} if kind == "on_off" or "assignment" in rest else {"treated": ["g1", "g3"]}
            market["geo_tests"] = {"spring": {"channel": channel, "kind": kind, **DAYS, **treated, **rest}}
        return load_scenario(market)

    return make


def paid_ads(world, channel):
    """Impressions and ghosts of a channel with the day and whether their place is treated."""
    log = world.events.to_pandas()
    ads = log[log["kind"].isin(["impression", "ghost"]) & (log["channel"] == channel)]
    treated = treated_geos(world.scenario, "spring")
    return ads.assign(day=ads["time"].astype(int), treated=ads["geo"].isin(treated))


def of_others(world, treated=("g1", "g3")):
    """The log of everyone who does not live in the treated geos."""
    log = world.events.to_pandas()
    return log[~log["geo"].isin(treated)].reset_index(drop=True)


# ---------------------------------------------------------------- who is treated


def test_random_assignment_draws_the_share_asked_for_and_depends_on_seed_and_name(regions):
    scenario = regions(assignment="random", treated_share=0.5)
    chosen = treated_geos(scenario, "spring")
    assert len(chosen) == 3
    assert chosen == treated_geos(scenario, "spring")
    seeds = {treated_geos(scenario.model_copy(update={"run": scenario.run.model_copy(update={"seed": s})}), "spring")
             for s in range(30)}  # fmt: skip
    assert len(seeds) > 10


def test_a_geo_is_drawn_as_often_as_another(regions):
    # 400 seeds, share 1/2, band 4 se = 0.1: false alarm about 6 × 6e-5.
    scenario = regions(assignment="random", treated_share=0.5)
    counts = dict.fromkeys(GEOS, 0)
    for seed in range(400):
        run = scenario.run.model_copy(update={"seed": seed})
        for geo in treated_geos(scenario.model_copy(update={"run": run}), "spring"):
            counts[geo] += 1
    assert max(abs(count / 400 - 0.5) for count in counts.values()) < 0.1


def test_of_every_matched_pair_one_geo_is_treated(regions):
    scenario = regions(assignment="matched_pairs")
    assert pairs_by_size(scenario) == (("g0", "g1"), ("g2", "g3"), ("g4", "g5"))
    for seed in range(20):
        run = scenario.run.model_copy(update={"seed": seed})
        chosen = set(treated_geos(scenario.model_copy(update={"run": run}), "spring"))
        assert all(len(chosen & set(pair)) == 1 for pair in pairs_by_size(scenario))


def test_of_every_two_neighbouring_blocks_one_is_off(regions):
    scenario = regions("on_off", end_day=13, cooldown_days=0, block_days=2)
    blocks = list(on_off_blocks(scenario, "spring"))
    assert [(first, last) for first, last, _ in blocks] == [(5, 7), (7, 9), (9, 11), (11, 13)]
    assert [one != other for (_, _, one), (_, _, other) in zip(blocks[::2], blocks[1::2], strict=True)] == [True, True]


# ---------------------------------------------------------------- where ads are shown


def test_a_dark_geo_has_neither_impressions_nor_ghosts_and_the_others_are_as_before(regions):
    # Video's budget-less campaign also holds out a fifth of the people: no ghost may appear in the dark either.
    world, usual = simulate(regions(channel="video")), simulate(regions(None))
    ads = paid_ads(world, "video")
    during = ads["day"].between(5, 9)
    assert not (ads["treated"] & during).any()
    assert (ads["treated"] & ~during).any()
    assert (~ads["treated"] & during).any()
    assert of_others(world).equals(of_others(usual))


def test_before_the_test_and_in_other_channels_people_of_dark_geos_live_as_before(regions):
    dark, usual = (simulate(regions(kind)).events.to_pandas() for kind in ("go_dark", None))
    before = [log[log["time"] < 5].reset_index(drop=True) for log in (dark, usual)]
    assert before[0].equals(before[1])
    assert not dark.equals(usual)


def test_a_launch_is_seen_by_nobody_before_by_the_treated_during_and_by_all_after(regions):
    ads = paid_ads(simulate(regions("holdback")), "social")
    assert ads[~ads["treated"]]["day"].min() == 12  # after the cool-down
    assert set(ads[ads["treated"] & (ads["day"] < 12)]["day"]) == set(range(5, 10))


def test_an_on_off_test_is_dark_everywhere_in_its_off_blocks(regions):
    world = simulate(regions("on_off", end_day=13, cooldown_days=0, block_days=1))
    shown = set(paid_ads(world, "social")["day"])
    for first, _, is_on in on_off_blocks(world.scenario, "spring"):
        assert (first in shown) == is_on


def test_a_heavy_up_enters_more_auctions_and_bids_more_in_treated_geos_only(regions):
    world = simulate(regions("heavy_up", channel="video", bid_factor=2.0, users=10_000))
    usual = simulate(regions(None, users=10_000))
    assert of_others(world).equals(of_others(usual))
    before, after = (
        log["cost_micros"][(log["channel"] == "video") & log["geo"].isin(["g1", "g3"]) & log["time"].between(5, 10)]
        for log in (usual.events.to_pandas(), world.events.to_pandas())
    )
    assert after.sum() > 1.2 * before.sum()


# ---------------------------------------------------------------- money


def spend_per_person(world, channel, days):
    """Cost per day and person where geos are treated, and elsewhere."""
    log = world.events.to_pandas()
    own = log[(log["channel"] == channel) & log["time"].between(*days)]
    people = world.users.to_pandas()["geo"].isin(["g1", "g3"])
    treated = own["geo"].isin(["g1", "g3"])
    length = days[1] - days[0]
    return (own["cost_micros"][treated].sum() / people.sum() / length,
            own["cost_micros"][~treated].sum() / (~people).sum() / length)  # fmt: skip


@pytest.fixture
def tight(regions):
    """Social ads with a budget that binds, in a calm world large enough to see money move."""

    def make(kind, **rest):
        changes = {
            "channels.social.campaigns.retargeting.bid": 0.0,
            "channels.social.campaigns.prospecting.daily_budget": 2.0,
            "channels.social.campaigns.prospecting.frequency_cap": None,
            "market.competition_sigma": 0.0,
            "need.season": [],
        }
        return simulate(load_scenario(regions(kind, budgets=True, users=20_000, **rest).model_dump(), changes))

    return make


def test_a_budget_does_not_leak_from_dark_geos_unless_asked(tight):
    usual, kept, moved = tight(None), tight("go_dark"), tight("go_dark", reallocates_budget=True)
    _, before = spend_per_person(usual, "social", (6, 10))
    dark, others = spend_per_person(kept, "social", (6, 10))
    assert dark == 0.0
    assert others == pytest.approx(before, rel=0.06)
    # Three tenths of the people are dark: the others get up to 1 / 0.7 of what they had.
    assert spend_per_person(moved, "social", (6, 10))[1] == pytest.approx(before / 0.7, rel=0.08)
    assert spend_per_person(kept, "social", (10, 14)) == pytest.approx((before, before), rel=0.1)


def test_a_heavy_up_has_a_budget_of_its_own(tight):
    _, before = spend_per_person(tight(None), "social", (6, 10))
    more, others = spend_per_person(tight("heavy_up", spend_factor=1.6), "social", (6, 10))
    assert more == pytest.approx(1.6 * before, rel=0.12)
    assert others == pytest.approx(before, rel=0.06)


def test_what_a_raised_bid_is_expected_to_cost_is_what_it_costs(regions):
    # Against the auctions of the world: the rival price is log-normal, cost per auction is the price where the bid wins.
    scenario = regions("heavy_up", bid_factor=1.5)
    plan = geo_plans(scenario)[0]
    rng = np.random.default_rng(1)
    log_price = 0.3 + 0.8 * rng.normal(size=400_000)
    cost = {factor: np.mean(np.exp(log_price) * (log_price < 0.1 + np.log(factor))) for factor in (1.0, 1.5)}
    people = people_by_geo(scenario, scenario.channels["social"].campaigns["prospecting"])
    expected = 0.7 + 0.3 * cost[1.5] / cost[1.0]
    assert plan.weight(people, 0.4, 0.1 - 0.3, 0.8) == pytest.approx(expected, rel=0.01)
    assert plan.weight(people, 0.4, OUTBIDS_ALL, 0.8) == pytest.approx(1.0)
    assert plan.weight(people, 0.4, -np.inf, 0.8) == pytest.approx(1.0)


def test_throttles_cannot_rise_above_all_auctions(regions):
    scenario = regions("heavy_up", spend_factor=3.0)
    people = people_by_geo(scenario, scenario.channels["social"].campaigns["prospecting"])
    plan = geo_plans(scenario)[0]
    assert plan.weight(people, 0.25, 0.0, 0.8) == pytest.approx(0.7 + 0.3 * 3.0)
    assert plan.weight(people, 0.5, 0.0, 0.8) == pytest.approx(0.7 + 0.3 * 2.0)
    assert plan.weight(people, 1.0, 0.0, 0.8) == pytest.approx(1.0)


def test_a_flat_fee_is_paid_for_the_geos_addressed(regions):
    world = simulate(regions(channel="email"))
    paid = world.market.to_pandas().query("channel == 'email'").set_index("day")["cost_micros"]
    assert paid[6] == pytest.approx(0.7 * paid[2], rel=1e-6)


# ---------------------------------------------------------------- one world, however it is computed


@pytest.mark.parametrize(
    "test",
    [
        {"kind": "go_dark"},
        {"kind": "heavy_up", "spend_factor": 2.0, "bid_factor": 1.3},
        {"kind": "holdback"},
        {"kind": "on_off", "end_day": 13, "cooldown_days": 0, "block_days": 2},
    ],
    ids=lambda test: test["kind"],
)
def test_both_engines_give_the_same_log_with_travel_and_demand(regions, market, test):
    market["population"] |= {"travel_share": 0.2, "geo_demand": {"sigma": 0.3, "trend_sigma": 0.2}}
    scenario = regions(budgets=True, users=400, **test)
    cohort = simulate(scenario, block_users=64)
    assert simulate(scenario, engine="agents").events.equals(cohort.events)
    assert live_again(cohort, cohort.board).equals(cohort.events)
