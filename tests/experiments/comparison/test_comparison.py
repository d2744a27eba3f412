"""The comparison: one long table whose columns, sums and identities hold."""

import math

import numpy as np
import pyarrow.compute as pc
import pytest

from attribution.costs.cpa import COLUMNS
from attribution.models.rules.rules import FirstClick, Linear
from cpalab.refusal import InvalidInputError
from experiments.comparison.comparison import compare
from experiments.comparison.perfect_tracking import MODELS, attribute, touches_and_orders
from experiments.truth.effects import ALL
from simulator.world import simulate

METHODS = ["last_click", "linear", "markov", "lift_test", "truth"]


@pytest.fixture(scope="module")
def comparison(budgeted):
    return compare(budgeted)


@pytest.fixture(scope="module")
def frame(comparison):
    return comparison.to_frame()


def test_the_columns_and_methods_are_exactly_these(frame):
    assert list(frame.columns) == [
        "channel",
        "method",
        "cost",
        "conversions",
        "cost_per_conversion",
        "cost_per_conversion_lower",
        "cost_per_conversion_upper",
    ]
    assert list(frame.columns) == list(COLUMNS)
    assert list(dict.fromkeys(frame["method"])) == METHODS


def test_rows_follow_the_order_of_the_scenario_s_channels_and_then_of_the_methods(frame, budgeted):
    order = {channel: i for i, channel in enumerate(budgeted.scenario.channels)}
    rows = [(order[row.channel], METHODS.index(row.method)) for row in frame.itertuples()]
    assert rows == sorted(set(rows))


def test_the_judge_is_named_and_need_not_come_first(budgeted, comparison):
    turned = compare(budgeted, models=["linear", "last_click"], judge="last_click")
    assert [c.verdict for c in turned.channels] == [c.verdict for c in comparison.channels]
    by_linear = compare(budgeted, models=["last_click", "linear"], judge="linear")
    assert (by_linear.judge, by_linear.systems.model) == ("linear", "linear")
    with pytest.raises(ValueError, match="judge: 'last_click' must be one of the models"):
        compare(budgeted, models=["linear"])


def test_each_method_has_each_paid_channel_once(frame, budgeted):
    paid = set(budgeted.scenario.paid_channels())
    for method, rows in frame.groupby("method"):
        assert rows["channel"].is_unique
        channels = set(rows["channel"])
        assert channels >= paid, method
        if method in ("lift_test", "truth"):
            assert channels == paid


@pytest.mark.parametrize("method", MODELS)
def test_credits_sum_to_the_conversions(frame, comparison, budgeted, method):
    credited = frame.loc[frame["method"] == method, "conversions"].sum()
    assert credited + comparison.unattributed == pytest.approx(budgeted.orders().num_rows)
    assert comparison.conversions == budgeted.orders().num_rows


def test_every_method_prices_the_same_money_to_the_micro(frame, budgeted):
    # But for the fees of orders of held-out people, who clicked before the test: those are no money of the treated.
    events = budgeted.reported_events().to_pandas()
    for channel, micros in budgeted.cost_micros().items():
        held_out = budgeted.users.filter(budgeted.users[f"holdout_{channel}"])["user_id"].to_pylist()
        of_held_out = events[(events["channel"] == channel) & events["user_id"].isin(held_out)]
        assert set(of_held_out.loc[of_held_out["cost_micros"] > 0, "kind"]) <= {"fee"}
        costs = frame[frame["channel"] == channel].set_index("method")["cost"]
        assert set(costs.drop("lift_test")) == {micros / 1e6}
        assert costs["lift_test"] == pytest.approx((micros - of_held_out["cost_micros"].sum()) / 1e6, abs=5e-7)
    free = frame[~frame["channel"].isin(budgeted.scenario.paid_channels())]
    assert set(free["cost"]) == {0.0}
    assert free["cost_per_conversion"].isna().all()  # a price needs money spent


def test_cost_per_conversion_is_cost_over_conversions_within_its_bounds(frame):
    priced = frame[frame["cost_per_conversion"].map(math.isfinite)]
    assert len(priced) > 20
    assert priced["cost_per_conversion"].to_numpy() == pytest.approx(
        (priced["cost"] / priced["conversions"]).to_numpy()
    )
    bounded = priced[priced["cost_per_conversion_lower"].notna()]
    assert (bounded["cost_per_conversion_lower"] <= bounded["cost_per_conversion"]).all()
    paid = bounded[bounded["cost"] > 0]
    assert (paid["cost_per_conversion"] <= paid["cost_per_conversion_upper"]).all()


def test_truth_has_no_interval_and_is_infinite_where_money_caused_nothing(frame, comparison):
    truth = frame[frame["method"] == "truth"].set_index("channel")
    assert truth[["cost_per_conversion_lower", "cost_per_conversion_upper"]].isna().all(axis=None)
    for channel in comparison.channels:
        assert truth.loc[channel.channel, "conversions"] == channel.truth.incremental_conversions
        if channel.truth.incremental_conversions == 0:
            assert truth.loc[channel.channel, "cost_per_conversion"] == math.inf


def test_a_lift_test_is_unbounded_exactly_where_its_interval_holds_no_effect(shop):
    # Strong social ads and a large holdout show; the other channels' small holdouts see too few orders.
    strong = {
        "channels.social_prospecting.goodwill_per_impression": 0.3,
        "channels.social_prospecting.holdout.share": 0.5,
    }
    found = compare(simulate(shop(strong, budgets=False)))
    tested = found.to_frame().query("method == 'lift_test'").set_index("channel")
    unbounded = {channel.channel for channel in found.channels if channel.lift.lift.interval(0.95)[0] <= 0}
    assert set(tested.index[tested["cost_per_conversion_upper"] == math.inf]) == unbounded
    assert "social_prospecting" not in unbounded
    assert len(unbounded) >= 4


# ---------------------------------------------------------------- identities of cost, from the log itself


def of_kind(world, kind, channel):
    events = world.reported_events()
    return events.filter(pc.and_(pc.equal(events["kind"], kind), pc.equal(events["channel"], channel)))


def sessions(table):
    return list(zip(table["user_id"].to_pylist(), table["session"].to_pylist(), strict=True))


def test_what_was_bought_is_what_the_log_says(comparison, budgeted):
    for channel in comparison.channels:
        impressions, clicks = (of_kind(budgeted, kind, channel.channel) for kind in ("impression", "click"))
        assert (channel.impressions, channel.clicks) == (impressions.num_rows, clicks.num_rows)
        reported = budgeted.reported_events()
        paid = pc.sum(reported.filter(pc.equal(reported["channel"], channel.channel))["cost_micros"])
        assert paid.as_py() == budgeted.cost_micros()[channel.channel]


def test_identities_of_cost_hold_for_every_channel(comparison):
    for channel in comparison.channels:
        credited = channel.credits["last_click"]
        cpm = 1000 * channel.cost / channel.impressions
        click_through_rate = channel.clicks / channel.impressions
        cpc = channel.cost / channel.clicks
        assert cpc == pytest.approx(cpm / (1000 * click_through_rate))
        if credited:
            conversion_rate = credited / channel.clicks
            assert channel.attributed_cpa("last_click") == pytest.approx(cpc / conversion_rate)


def test_a_click_costs_its_impressions_price_over_the_click_through_rate(shop):
    # CPC = CPM / (1000 × CTR), impression by impression: the same slots billed by the click and by the impression.
    # A bid is worth the same either way, so both campaigns win the same slots at the same prices.
    place = "channels.generic_search.campaigns.category"
    rate = 0.022
    by_click = simulate(shop({f"{place}.bid": 5.0}, budgets=False))
    by_thousand = simulate(shop({f"{place}.bid": 5.0 * rate * 1000, f"{place}.billing": "cpm"}, budgets=False))
    clicks = of_kind(by_click, "click", "generic_search")
    shown = of_kind(by_thousand, "impression", "generic_search")
    prices = dict(zip(sessions(shown), shown["cost_micros"].to_pylist(), strict=True))
    assert clicks.num_rows > 20
    for where, cost in zip(sessions(clicks), clicks["cost_micros"].to_pylist(), strict=True):
        assert abs(cost * rate - prices[where]) <= 0.6  # micros: one rounding each


# ---------------------------------------------------------------- what attribution gets to see


def test_attribution_sees_every_order_of_people_and_the_visits_that_could_have_led_to_one(budgeted):
    touches, orders = touches_and_orders(budgeted)
    assert touches.column_names == ["user_id", "time", "channel"]
    assert orders.column_names == ["user_id", "time", "order_id", "value_micros"]
    robots = budgeted.users.filter(budgeted.users["robot"])["user_id"].to_pylist()
    assert robots
    assert not set(robots) & set(touches["user_id"].to_pylist())
    events = budgeted.events.to_pandas()
    visits = events[(events["kind"] == "visit") & (events["time"] < 14.0) & ~events["user_id"].isin(robots)]
    # The warm-up's visits count for people who came back, from their last order of the warm-up on.
    came = visits.loc[visits["time"] >= 0.0, "user_id"].unique()
    earlier = events[(events["kind"] == "conversion") & (events["time"] < 0.0)].groupby("user_id")["time"].max()
    unused = visits["time"] > visits["user_id"].map(earlier).fillna(-np.inf)
    expected = visits[visits["user_id"].isin(came) & unused]
    assert (expected["time"] < 0.0).any()
    assert touches["time"].to_pylist() == expected["time"].tolist()
    assert touches["user_id"].to_pylist() == expected["user_id"].tolist()
    assert orders.num_rows == budgeted.orders().num_rows


def test_credits_have_intervals_and_the_same_seed_gives_the_same(budgeted):
    _, first = attribute(budgeted)
    _, again = attribute(budgeted)
    assert [credit.method for credit in first] == list(MODELS)
    for one, other in zip(first, again, strict=True):
        assert one.interval.level == 0.95
        assert np.array_equal(one.interval.conversions_lower, other.interval.conversions_lower)
        assert (one.interval.conversions_lower <= one.conversions).all()
        assert (one.conversions <= one.interval.conversions_upper).all()


def test_attributed_cpa_is_undefined_without_credit(comparison):
    assert math.isnan(comparison.channels[0].attributed_cpa("no_such_model"))


# ---------------------------------------------------------------- sentences


def test_the_summary_begins_with_the_truths_sentence_and_ends_with_one_per_channel(comparison):
    lines = comparison.summary().splitlines()
    assert lines[0] == comparison.truth.summary()
    assert lines[-len(comparison.channels) :] == [channel.verdict for channel in comparison.channels]


def test_without_holdouts_there_is_no_lift_test_and_its_row_is_empty(shop, budgeted):
    none = {f"channels.{channel}.holdout.share": 0.0 for channel in budgeted.scenario.paid_channels()}
    found = compare(simulate(shop(none)))
    assert all(channel.lift is None for channel in found.channels)
    rows = found.to_frame().query("method == 'lift_test'")
    assert len(rows) == len(found.channels)
    assert rows.loc[:, "conversions":].isna().all(axis=None)


def test_labels_are_told_for_all_ads_together(comparison):
    assert sum(list(comparison.truth.labels[ALL].counts().values())[:3]) == comparison.conversions


def test_models_may_be_objects_classes_names_and_names_with_parameters(budgeted):
    asked = [FirstClick(), Linear, "markov(order=2)", "time_decay(half_life_days=1)", "time_decay"]
    _, credits = attribute(budgeted, models=asked)
    names = ["first_click", "linear", "markov_2", "time_decay(half_life_days=1)", "time_decay"]
    assert [credit.method for credit in credits] == names
    with pytest.raises(InvalidInputError, match=r"models: 'markov' must be a list of models; write \['markov'\]"):
        attribute(budgeted, models="markov")
    with pytest.raises(InvalidInputError, match="is given more than once"):
        attribute(budgeted, models=["linear", Linear()])
