"""Switchback tests: the block is the unit, ads that linger are washed out, prices and refusals."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from cpalab.refusal import LiftInputError
from experiments.lift.geo.switchback import switchback_schedule, switchback_test


def table(rng, autoregressive, effect=0.0, blocks=20, block_days=7, rho=0.5, linger=0):
    plan = switchback_schedule(blocks, block_days, rng)
    on = (plan["state"] == "on").to_numpy()
    active = on.copy()
    for lag in range(1, linger + 1):
        active[lag:] |= on[:-lag]
    noise = 5 * autoregressive(rng, rho, (len(plan),))
    return pd.DataFrame(
        {
            "date": np.datetime64("2026-01-01") + plan["day"].to_numpy(),
            "response": 100 + effect * active + noise,
            "state": plan["state"],
            "cost": np.where(on, 30.0, 0.0),
        }
    )


def test_half_of_every_pair_of_blocks_is_on():
    plan = switchback_schedule(10, 7, np.random.default_rng(1))
    states = plan.groupby("block")["state"].first()
    assert all(set(states[k : k + 2]) == {"on", "off"} for k in range(0, 10, 2))
    assert len(plan) == 70
    with pytest.raises(LiftInputError, match="even"):
        switchback_schedule(5, 7, np.random.default_rng(1))
    with pytest.raises(LiftInputError, match="at least 1"):
        switchback_schedule(4, 0, np.random.default_rng(1))


def test_effect_cost_and_price(autoregressive):
    test = switchback_test(table(np.random.default_rng(2), autoregressive, effect=20.0), 7)
    assert test.lift.difference == pytest.approx(70 * 20.0, abs=3.3 * test.lift.standard_error)
    assert test.cost == pytest.approx(70 * 30.0)
    assert test.cost_per_incremental_conversion(0.95).point == pytest.approx(1.5, rel=0.2)
    assert "10 blocks on, 10 off" in test.summary()


def test_the_error_rate_holds_and_that_of_single_days_does_not(autoregressive, binomial_band):
    # 500 seeded tests without effect, ρ = .5, 10 %; 3.3 standard errors. The negative control takes days
    # as blocks and so forgets that they are alike.
    rng = np.random.default_rng(3)
    tables = [table(rng, autoregressive) for _ in range(500)]
    blocks = np.mean([switchback_test(t, 7).p_value < 0.10 for t in tables])
    days = np.mean([switchback_test(t, 1).p_value < 0.10 for t in tables[:250]])
    assert blocks <= 0.10 + binomial_band(0.10, 500)
    assert days > 0.10 + 2 * binomial_band(0.10, 250)


def test_lingering_ads_are_washed_out(autoregressive):
    rng = np.random.default_rng(4)
    tables = [table(rng, autoregressive, effect=20.0, linger=3) for _ in range(60)]
    per_day = [np.mean([switchback_test(t, 7, washout_days=w).lift.difference / 70 for t in tables]) for w in (0, 3)]
    assert per_day[0] < 17
    assert per_day[1] == pytest.approx(20.0, abs=0.6)


def test_bad_tables_are_refused(autoregressive):
    good = table(np.random.default_rng(5), autoregressive)
    for broken, options, words in (
        (good.drop(columns="state"), {}, "state: column is required"),
        (good.assign(state="paused"), {}, "must be on or off"),
        (good.drop(index=3), {}, "days must follow each other"),
        (good.assign(response=np.inf), {}, "must be finite"),
        (good.assign(response="many", cost="much"), {}, "cost: .* must be numbers"),
        (good, {"block_days": 50}, "at least four blocks"),
        (good, {"block_days": 5}, "within a block"),
        (good, {"washout_days": 7}, "between 0 and 6"),
        (good.assign(state="on"), {}, "2 off"),
        (good.assign(date="soon"), {}, "must be dates"),
    ):
        with pytest.raises(LiftInputError, match=words):
            switchback_test(broken, **{"block_days": 7, **options})


def test_days_that_fill_no_block_are_said(autoregressive):
    whole = table(np.random.default_rng(6), autoregressive, effect=20.0)
    assert "fill no block" not in switchback_test(whole, 7).summary()
    short = whole.iloc[:-4].assign(cost=30.0)
    left = short["response"].iloc[-3:].sum()
    words = f"Days at the end that fill no block, left out: 3, with a response of {left:,.2f} and a cost of 90.00."
    assert words in switchback_test(short, 7).summary()


def test_negative_numbers_are_refused_or_said(autoregressive):
    good = table(np.random.default_rng(5), autoregressive)
    with pytest.raises(LiftInputError, match="cost: 140 negative values must be at least 0"):
        switchback_test(good.assign(cost=-1.0), 7)
    refunds = good.assign(response=good["response"] - 100)
    with pytest.raises(LiftInputError, match=r"response: .* negative values must be at least 0; if it is value"):
        switchback_test(refunds, 7)
    assert "Some responses are negative" in switchback_test(refunds, 7, outcome="value").summary()


def test_levels_and_outcomes_that_are_none_are_refused_at_once(autoregressive):
    good = table(np.random.default_rng(5), autoregressive)
    with pytest.raises(LiftInputError) as refusal:
        switchback_test(good, 7, 0.95, outcome="sales")
    assert [problem.split(":")[0] for problem in refusal.value.lines] == ["levels", "outcome"]


def trending(seed, days=56, block_days=7, lift=0.0, growth=1.0):
    """A plan of weeks in pairs on a market that doubles."""
    rng = np.random.default_rng(seed)
    plan = switchback_schedule(days // block_days, block_days, rng)["state"].to_numpy()
    level = 200 * (1 + growth * np.arange(days) / days) * (1 + 0.03 * rng.normal(size=days))
    response = np.round(level * np.where(plan == "on", 1 + lift, 1.0))
    dates = pd.date_range("2026-01-05", periods=days).strftime("%Y-%m-%d")
    return pd.DataFrame(
        {"date": dates, "response": response, "state": plan, "cost": np.where(plan == "on", 100.0, 0.0)}
    )


def test_pairs_that_were_randomised_are_compared():
    table = trending(1)
    test = switchback_test(table, 7)
    means = table["response"].to_numpy().reshape(8, 7).mean(axis=1)
    on = table["state"].to_numpy()[::7] == "on"
    gains = means[on] - means[~on]
    assert test.inference == "pairs_of_blocks"
    assert test.lift.difference == pytest.approx(28 * gains.mean())
    assert test.p_value == pytest.approx(scipy.stats.ttest_1samp(gains, 0).pvalue)


def test_a_trend_costs_pairs_no_power():
    # A lift of 15 % in a market that doubles, 100 plans of 12 pairs; by groups of blocks hardly any is found.
    found = [switchback_test(trending(seed, 168, lift=0.15), 7).p_value < 0.05 for seed in range(100)]
    assert np.mean(found) > 0.9
    alarms = [switchback_test(trending(seed, 168), 7).p_value < 0.05 for seed in range(300)]
    assert np.mean(alarms) <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 300)


def test_a_schedule_without_pairs_says_so():
    table = trending(1)
    states = np.repeat(["on", "on", "off", "on", "off", "off", "on", "off"], 7)
    test = switchback_test(table.assign(state=states), 7)
    assert test.inference == "blocks_of_days"
    assert "Blocks are not in pairs of on and off" in test.summary()


def test_an_order_no_coin_draws_is_named():
    states = np.repeat(["on", "off"] * 5, 7)
    assert "On comes first in every pair" in switchback_test(trending(1, 70).assign(state=states), 7).summary()


def test_weekdays_that_never_share_a_state_are_refused():
    table = trending(1)
    weekend = pd.to_datetime(table["date"]).dt.day_of_week >= 5
    with pytest.raises(LiftInputError, match=r"on and off never share a weekday \(off: Saturday, Sunday\)"):
        switchback_test(table.assign(state=np.where(weekend, "off", "on")), 1)
    # Sundays alone are always off: it can be read, and is said.
    rng = np.random.default_rng(2)
    states = np.where(pd.to_datetime(table["date"]).dt.day_of_week == 6, "off", rng.choice(["on", "off"], len(table)))
    assert "Sunday always off" in switchback_test(table.assign(state=states), 1).summary()


def test_ads_off_on_most_weekends_are_said_to_be_compared_with_other_weekdays():
    rng = np.random.default_rng(1)
    days = np.datetime64("2026-01-05") + np.arange(84)
    weekday = np.arange(84) % 7
    # Every weekday is on and off at least once, and yet off is the weekend, which sells a third less anyway.
    weekends = weekday < 5
    for day in range(7):
        weekends[7 * day + day] = not weekends[7 * day + day]
    response = rng.poisson(np.where(weekday < 5, 200, 135))

    def read(on):
        table = pd.DataFrame({"date": days.astype(str), "state": np.where(on, "on", "off"), "response": response})
        return switchback_test(table, 1)

    test = read(weekends)
    assert test.p_value < 1e-6
    assert any(note.startswith("On and off fall on other weekdays") for note in test.notes)
    at_random = [read(rng.random(84) < 0.5) for _ in range(40)]
    # 5 % expected: at most 6 of 40 but for one run in 100 (binomial).
    assert sum(any("fall on other weekdays" in note for note in test.notes) for test in at_random) <= 6
    in_weeks = read(np.arange(84) // 7 % 2 == 0)
    assert not any("fall on other weekdays" in note for note in in_weeks.notes)
