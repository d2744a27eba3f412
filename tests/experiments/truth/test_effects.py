"""Truth: what twin worlds say is what two separate runs of the market say."""

import math
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.truth.effects import ALL, ESTIMANDS, Effect, Truth, cost_per, measure_truth
from experiments.truth.order_labels import ALWAYS, CAUSED, LABELS, MOVED, Life, Orders, label_orders
from simulator.world import simulate

PAID = (
    "brand_search",
    "generic_search",
    "shopping",
    "social_prospecting",
    "retargeting",
    "video",
    "email",
    "coupon",
)


@pytest.fixture(scope="module")
def truth(unlimited):
    return measure_truth(unlimited, estimands=ESTIMANDS)


def numbers(truth):
    """Everything a truth says but how many people it was looked up for."""
    return {
        (effect.channel, effect.estimand): (
            effect.cost_micros,
            effect.incremental_conversions,
            effect.incremental_value_micros,
        )
        for effect in truth.effects
    }


def from_day_0(changes):
    """Dated changes on day 0: the warm-up stays as it was."""
    return {"timeline": [{"day": 0.0, "set": changes}]}


def campaigns_of(scenario, channel):
    return [f"channels.{channel}.campaigns.{name}" for name in scenario.channels[channel].campaigns]


def totals(world):
    orders = world.orders_until(math.inf)
    return orders.num_rows, pc.sum(orders["value_micros"]).as_py() or 0


def new_customers(world):
    """People who had not ordered before day 0 and have by the end of the follow-up."""
    orders = world.events.filter(pc.equal(world.events["kind"], "conversion")).to_pandas()
    first = orders.groupby("user_id")["time"].min()
    known = world.users["customer"].to_numpy()
    return sum(day >= 0.0 and not known[user] for user, day in first.items())


def reached(world, *channels):
    """People, robots aside, to whom an ad of these channels was shown in the reported window."""
    events = world.reported_events()
    channel = events["channel"].cast(pa.string())
    shown = pc.and_(pc.equal(events["kind"], "impression"), pc.is_in(channel, pa.array(channels)))
    users = np.unique(events.filter(shown)["user_id"].to_numpy())
    return users[~world.users["robot"].to_numpy(zero_copy_only=False)[users]]


# ---------------------------------------------------------------- against two separate runs


@pytest.mark.parametrize("channel", PAID)
def test_an_average_effect_is_the_difference_to_a_run_without_the_channel_s_ads(shop, unlimited, truth, channel):
    off_air = {f"{place}.start_day": 999.0 for place in campaigns_of(unlimited.scenario, channel)}
    without = simulate(shop(from_day_0(off_air), budgets=False))
    assert len(reached(without, channel)) == 0  # an affiliate is still owed for clicks of the warm-up
    (orders, value), (orders_without, value_without) = totals(unlimited), totals(without)
    effect = truth.effect(channel)
    assert effect.incremental_conversions == orders - orders_without
    assert effect.incremental_value_micros == value - value_without
    assert effect.incremental_customers == new_customers(unlimited) - new_customers(without)
    assert effect.cost_micros == unlimited.cost_micros()[channel]


def test_the_joint_effect_is_the_difference_to_a_run_without_any_ads(shop, unlimited, truth):
    places = [place for channel in PAID for place in campaigns_of(unlimited.scenario, channel)]
    without = simulate(shop(from_day_0({f"{place}.start_day": 999.0 for place in places}), budgets=False))
    effect = truth.effect(ALL, "joint")
    assert effect.incremental_conversions == totals(unlimited)[0] - totals(without)[0] > 0
    assert effect.cost_micros == sum(unlimited.cost_micros().values())


@pytest.mark.parametrize("channel", ["generic_search", "social_prospecting", "video"])
def test_a_marginal_bid_is_the_difference_of_runs_with_bids_ten_percent_up_and_down(shop, unlimited, truth, channel):
    runs = []
    for factor in (0.9, 1.1):
        bids = {
            f"channels.{channel}.campaigns.{name}.bid": campaign.bid * factor
            for name, campaign in unlimited.scenario.channels[channel].campaigns.items()
        }
        runs.append(simulate(shop(from_day_0(bids), budgets=False)))
    less, more = runs
    effect = truth.effect(channel, "marginal_bid")
    assert effect.incremental_conversions == totals(more)[0] - totals(less)[0]
    assert effect.cost_micros == more.cost_micros()[channel] - less.cost_micros()[channel] > 0


def test_a_marginal_budget_with_free_feedback_is_the_difference_of_runs_with_other_budgets(shop, budgeted):
    truth = measure_truth(budgeted, estimands=("marginal_budget",), feedback="free")
    runs = []
    for factor in (0.9, 1.1):
        budget = budgeted.scenario.channels["video"].campaigns["ctv"].daily_budget * factor
        runs.append(simulate(shop(from_day_0({"channels.video.campaigns.ctv.daily_budget": budget}))))
    less, more = runs
    effect = truth.effect("video", "marginal_budget")
    assert effect.incremental_conversions == totals(more)[0] - totals(less)[0]
    assert effect.cost_micros == more.cost_micros()["video"] - less.cost_micros()["video"] > 0


def test_held_and_free_markets_agree_where_no_budget_binds(unlimited, truth):
    free = measure_truth(unlimited, estimands=ESTIMANDS, feedback="free")
    assert numbers(free) == numbers(truth)
    for channel, labels in truth.labels.items():
        assert np.array_equal(labels.label, free.labels[channel].label)
        assert labels.prevented == free.labels[channel].prevented
    assert (truth.feedback, free.feedback) == ("held", "free")
    assert all(effect.people_reached is None for effect in free.effects)  # the market may touch anyone


def test_a_market_with_budgets_reacts_when_it_may(shop):
    # A budget that binds is spent on other people where another channel is off.
    world = simulate(shop({"run.users": 10_000, "channels.video.campaigns.ctv.daily_budget": 100.0}))
    held, free = (measure_truth(world, feedback=feedback) for feedback in ("held", "free"))
    assert numbers(held) != numbers(free)


def test_threads_change_nothing(unlimited, truth):
    assert numbers(measure_truth(unlimited, estimands=ESTIMANDS, threads=2)) == numbers(truth)


# ---------------------------------------------------------------- what must be zero


@pytest.mark.parametrize(
    "change",
    [
        {"channels.video.campaigns.ctv.bid": 0.0},
        {"channels.video.campaigns.ctv.start_day": 99.0},
        {"channels.video.holdout.share": 1.0},
    ],
    ids=["no bid", "not on air", "everyone held out"],
)
def test_a_channel_that_is_off_has_no_cost_no_effect_and_reaches_nobody(shop, change):
    effect = measure_truth(simulate(shop(change))).effect("video")
    assert (effect.cost_micros, effect.incremental_conversions, effect.incremental_value_micros) == (0, 0, 0)
    assert effect.people_reached == 0
    assert math.isnan(effect.cost_per_incremental_conversion)


def test_a_channel_without_effect_costs_money_and_moves_nothing(shop):
    idle = {
        "channels.social_prospecting.goodwill_per_impression": 0.0,
        "channels.social_prospecting.annoyance_per_impression": 0.0,
        "channels.social_prospecting.campaigns.lookalikes.click_through_rate": 0.0,
    }
    truth = measure_truth(simulate(shop(idle)))
    effect = truth.effect("social_prospecting")
    assert effect.cost_micros > 0
    assert effect.people_reached > 1_000
    assert (effect.incremental_conversions, effect.incremental_value_micros) == (0, 0)
    assert effect.cost_per_incremental_conversion == math.inf
    assert set(truth.labels["social_prospecting"].label) == {ALWAYS}


def test_a_truth_names_its_horizon_and_budgets_that_never_bind_have_no_marginal_price(shop, budgeted):
    truth = measure_truth(budgeted, estimands=("average", "joint", "marginal_budget"))
    assert (truth.days, truth.horizon_days) == (14.0, 5.0)
    assert "purchases until 5 days after" in truth.summary()
    generous = simulate(shop({"channels.video.campaigns.ctv.daily_budget": 1e6}))
    found = measure_truth(generous, estimands=("average", "marginal_budget"))
    assert "video" in found.unbound
    assert "never ran out" in found.summary() or "joint" not in {e.estimand for e in found.effects}
    with pytest.raises(KeyError):
        found.effect("video", "marginal_budget")
    assert found.effect("video").days_bound == 0.0 < truth.effect("video").days_bound


def test_a_marginal_bid_of_a_channel_whose_budget_binds_is_asked_of_a_free_market(budgeted):
    truth = measure_truth(budgeted, estimands=("marginal_bid",))
    feedback = {effect.channel: effect.feedback for effect in truth.effects}
    assert feedback["video"] == "free"
    assert feedback["brand_search"] == "held"


@pytest.mark.parametrize("feedback", ["held", "free"])
def test_placebo_every_effect_is_exactly_zero_and_every_order_always(shop, feedback):
    world = simulate(shop(preset="placebo", budgets=feedback == "held"))
    truth = measure_truth(world, estimands=("average", "joint"), feedback=feedback)
    assert truth.conversions > 500
    for effect in truth.effects:
        assert effect.cost_micros > 0
        assert (effect.incremental_conversions, effect.incremental_value_micros) == (0, 0)
        counts = truth.labels[effect.channel].counts()
        assert counts == {"always": truth.conversions, "caused": 0, "moved": 0, "prevented": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"population.geos.eu.consent": 0.1, "population.log_in_share": 0.9},
        {"title": "Another name", "market.currency": "EUR"},
        {"timeline": [{"day": 5.0, "set": {"channels.video.half_life_days": 14.0}, "note": "as it was"}]},
    ],
    ids=["consent and log-in", "names", "a change to the same value"],
)
def test_what_touches_nothing_real_changes_no_event_no_label_and_no_effect(shop, budgeted, change):
    world = simulate(shop(change))
    assert world.events.equals(budgeted.events)
    same, before = measure_truth(world), measure_truth(budgeted)
    assert numbers(same) == numbers(before)
    assert all(np.array_equal(same.labels[c].label, before.labels[c].label) for c in before.labels)


# ---------------------------------------------------------------- who lives a second life


@pytest.mark.parametrize("channel", PAID)
def test_only_people_reached_by_a_channel_live_a_second_life(unlimited, truth, channel):
    people = reached(unlimited, channel)
    assert truth.effect(channel).people_reached == len(people)
    labels = truth.labels[channel]
    changed = labels.order_id[labels.label != ALWAYS] >> 32
    assert np.isin(changed, people).all()


def test_the_joint_world_is_lived_by_everyone_reached_by_any_ad(unlimited, truth):
    assert truth.effect(ALL, "joint").people_reached == len(reached(unlimited, *PAID))


# ---------------------------------------------------------------- labels


def plain_labels(fact, life):
    """The definition, person by person: same session and value, same session, then first come first matched."""
    label, prevented = {}, 0
    theirs = defaultdict(dict)
    for order, value in zip(life.orders.order_id.tolist(), life.orders.value_micros.tolist(), strict=True):
        theirs[order >> 32][order & 0xFFFFFFFF] = value
    ours = defaultdict(dict)
    for order, value in zip(fact.order_id.tolist(), fact.value_micros.tolist(), strict=True):
        ours[order >> 32][order & 0xFFFFFFFF] = value
    for user in sorted(ours.keys() | theirs.keys()):
        parted = int(life.parted[user])
        left = []
        for session, value in sorted(ours[user].items()):
            if parted < 0 or session < parted:
                label[user, session] = ALWAYS
            elif session in theirs[user]:
                label[user, session] = ALWAYS if theirs[user].pop(session) == value else MOVED
            else:
                left.append(session)
        for session in left:
            label[user, session] = MOVED if theirs[user] else CAUSED
            if theirs[user]:
                theirs[user].pop(min(theirs[user]))
        prevented += len(theirs[user])
    return [label[order >> 32, order & 0xFFFFFFFF] for order in fact.order_id.tolist()], prevented


def orders_of(entries):
    entries = sorted(entries.items())
    ids = np.array([user << 32 | session for (user, session), _ in entries], dtype=np.int64)
    values = np.array([value for _, value in entries], dtype=np.int64)
    return Orders(ids, np.zeros(len(ids)), values)


@st.composite
def facts_and_lives(draw):
    users = draw(st.integers(1, 4))
    parted = np.array(draw(st.lists(st.integers(-1, 6), min_size=users, max_size=users)), dtype=np.int32)
    places = st.tuples(st.integers(0, users - 1), st.integers(0, 7))
    some_orders = st.dictionaries(places, st.sampled_from([10, 20]), max_size=20)
    fact, other = draw(some_orders), draw(some_orders)
    apart = {place: value for place, value in other.items() if 0 <= parted[place[0]] <= place[1]}
    return orders_of(fact), Life(orders_of(apart), parted, np.zeros(1, np.int64))


@given(facts_and_lives())
def test_labels_follow_their_definition(case):
    fact, life = case
    found = label_orders(fact, life)
    assert (found.label.tolist(), found.prevented) == plain_labels(fact, life)


@given(facts_and_lives())
def test_every_order_has_one_label_and_caused_less_prevented_is_what_was_gained(case):
    fact, life = case
    counts = label_orders(fact, life).counts()
    assert counts["always"] + counts["caused"] + counts["moved"] == len(fact.order_id)
    apart = [(order >> 32, order & 0xFFFFFFFF) for order in fact.order_id.tolist()]
    lived_apart = sum(0 <= life.parted[user] <= session for user, session in apart)
    assert counts["caused"] - counts["prevented"] == lived_apart - len(life.orders.order_id)


def test_labels_and_effects_of_a_world_agree(truth):
    seen = set()
    for channel, labels in truth.labels.items():
        counts = labels.counts()
        seen |= {name for name, count in counts.items() if count}
        effect = truth.effect(channel, "joint" if channel == ALL else "average")
        assert counts["always"] + counts["caused"] + counts["moved"] == truth.conversions
        # Effects count the follow-up's orders too.
        assert np.sum(labels.label == CAUSED) - labels.prevented == effect.incremental_conversions
    assert seen == set(LABELS)


# ---------------------------------------------------------------- how it is told


def test_a_marginal_effect_exists_only_where_there_is_such_a_margin(truth):
    with pytest.raises(KeyError, match="no marginal_bid effect of coupon"):
        truth.effect("coupon", "marginal_bid")
    with pytest.raises(KeyError, match="no marginal_budget effect of video"):
        truth.effect("video", "marginal_budget")


@pytest.mark.parametrize(
    ("cost", "conversions", "expected"),
    [(350_000_000, 14, 25.0), (1_000_000, 0, math.inf), (0, 0, math.nan), (1_000_000, -2, math.nan), (0, 5, 0.0)],
)
def test_cost_per_is_infinite_for_nothing_and_undefined_for_harm(cost, conversions, expected):
    assert cost_per(cost, conversions) == pytest.approx(expected, nan_ok=True)


def test_the_frame_has_one_row_per_effect_in_currency(truth):
    frame = truth.to_frame()
    assert list(frame.columns) == [
        "channel",
        "estimand",
        "cost",
        "incremental_conversions",
        "cost_per_incremental_conversion",
        "incremental_customers",
        "cost_per_incremental_customer",
        "feedback",
        "days_bound",
    ]
    assert len(frame) == len(truth.effects)
    assert frame["cost"].tolist() == [effect.cost_micros / 1e6 for effect in truth.effects]


def test_the_summary_counts_the_labels_of_all_ads_together(truth):
    counts = truth.labels[ALL].counts()
    assert truth.summary().startswith(f"Of {truth.conversions:,} purchases, {counts['always']:,} (")
    assert f"ads prevented {counts['prevented']:,}. Effects count purchases until 5 days after." in truth.summary()


def test_the_summary_says_what_new_customers_cost_and_what_they_are_worth(truth):
    joint = truth.effect(ALL, "joint")
    won = joint.incremental_customers
    assert 0 < won <= joint.incremental_conversions
    cost, worth = joint.cost_micros / 1e6 / won, joint.incremental_value_micros / 1e6 / won
    assert (
        f"won {won:,} new customer{'' if won == 1 else 's'} for {cost:,.2f} each, worth {worth:,.2f} each by then"
        in truth.summary()
    )


def test_an_effect_whose_customers_were_not_counted_has_no_cost_per_customer():
    assert math.isnan(Effect("email", "average", 30_000_000, 2, 200_000_000, 5).cost_per_incremental_customer)


def test_profit_is_the_margin_of_what_was_gained_less_its_cost():
    effect = Effect("email", "average", 30_000_000, 2, 200_000_000, 5)
    truth = Truth((effect,), {}, 10, "held", margin_share=0.4)
    assert truth.profit(effect) == 0.4 * 200.0 - 30.0
