"""Optimise: budgets follow a signal at equal spend to the cent, and real orders are counted the same way for all."""

import math
from html import unescape

import pandas as pd
import pytest

from cpalab.refusal import ScenarioError
from experiments.bench.optimise.optimise import AS_IT_IS, Optimised, optimise
from experiments.bench.optimise.reallocation import reallocated
from experiments.bench.optimise.signals import find_signals
from experiments.bench.optimise.spending import shared_out
from experiments.truth.effects import measure_truth
from simulator.record.record import record
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

SMALL = {"run.users": 4_000, "run.days": 15.0, "run.warm_up_days": 10, "run.follow_up_days": 5}


class Only:
    """A signal that sees one channel and nothing else."""

    def __init__(self, channel="video"):
        self.name, self.channel = f"only {channel}", channel

    def conversions(self, world):
        return {self.channel: 100.0}


@pytest.fixture(scope="module")
def apparel():
    return load_scenario("dtc-apparel", SMALL)


@pytest.fixture(scope="module")
def found(apparel):
    return optimise(apparel, [Only("video"), Only("retargeting"), "lift_test"], every=5, seeds=[3, 4])


# ---------------------------------------------------------------- the loop


def test_every_signal_spends_the_same_to_the_cent(found):
    assert found.rows["by"].tolist() == [AS_IT_IS, "only video", "only retargeting", "lift_test"] * 2
    cost = found.rows.pivot_table(index="seed", columns="by", values="cost")
    assert cost[AS_IT_IS].nunique() == 2
    short = found.rows["unspent"].abs() > 0.005
    assert set(found.rows["by"][short]) <= {"lift_test"}, (
        "holdouts of so few people can send all money where it finds no ads"
    )
    assert short.any() == ("Not the same money: lift_test" in found.summary())
    same = cost.drop(columns="lift_test")
    assert (same.max(axis=1) - same.min(axis=1)).max() <= 0.01


def test_money_goes_where_the_signal_says(found):
    spent = found.over_time().pivot_table(index=["channel", "first_day"], columns="by", values="cost")
    assert spent.loc[("video", 10.0), "only video"] > 1.5 * spent.loc[("video", 10.0), "only retargeting"]
    assert spent.loc[("retargeting", 10.0), "only retargeting"] > 1.5 * spent.loc[("retargeting", 10.0), "only video"]
    first = spent.xs(0.0, level="first_day")
    assert (first["only video"] == first["only retargeting"]).all(), "until the first reallocation nothing differs"


def test_orders_are_real_ones_and_the_budgets_as_they_are_those_of_a_plain_run(apparel, found):
    tables = apparel.model_dump()
    tables["run"]["seed"] = 3
    for channel in tables["channels"].values():
        channel["holdout"]["share"] = 0.0
    world = simulate(load_scenario(tables))
    first = found.rows.iloc[0]
    assert (first["seed"], first["by"]) == (3, AS_IT_IS)
    assert first["orders"] == world.orders_until(math.inf).num_rows
    assert first["cost"] == sum(world.cost_micros().values()) / 1e6


def test_the_same_again_gives_the_same(apparel, found):
    again = optimise(apparel, [Only("video")], every=5, seeds=[4])
    mine = found.rows.query("seed == 4 and by == 'only video'")
    assert again.rows.query("by == 'only video'")["orders"].tolist() == mine["orders"].tolist()


# ---------------------------------------------------------------- signals


def test_signals_say_what_systems_models_and_the_truth_say(apparel):
    world = simulate(apparel)
    platform, truth, click = find_signals(["platform", "truth", "last_click"])
    assert platform.conversions(world) == record(world).conversions("platform")
    caused = {e.channel: e.incremental_conversions for e in measure_truth(world, estimands=("average",)).effects}
    assert truth.conversions(world) == caused
    assert sum(click.conversions(world).values()) == pytest.approx(world.orders().num_rows)


def test_a_signal_of_one_s_own_is_found_by_its_place(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "class Mine:\n    name = 'mine'\n    def conversions(self, world):\n        return {'video': 1.0}\n"
    )
    (signal,) = find_signals([f"{file}:Mine"])
    assert (signal.name, signal.conversions(None)) == ("mine", {"video": 1.0})


def test_everything_that_is_wrong_is_said_at_once(apparel):
    with pytest.raises(ScenarioError) as caught:
        optimise(apparel, ["last_clik", "truth(x=1)", "nowhere:Mine"], every=20, seeds=[])
    said = "\n".join(caught.value.lines)
    for words in (
        "--by: 'last_clik' is no signal: no system, no attribution model; did you mean last_click?",
        "--by: 'truth(x=1)' takes no parameters",
        "--by: 'nowhere:Mine' cannot be loaded",
        "--seeds: must be at least 1",
        "--every: 20 must lie between 1 and the days of the run (15); simulate longer with --days",
    ):
        assert words in said
    with pytest.raises(ScenarioError, match="--by: 'truth' is given twice"):
        find_signals(["truth", "truth"])


# ---------------------------------------------------------------- the arithmetic, by hand


def test_money_moves_by_efficiency_within_half_and_twice():
    """λ × 10 × efficiency = 30 in all, of 5 to 20 each: efficiencies 1 and 4 give 20, and the rest 10 to the other."""
    shares = reallocated(30.0, {"a": 15.0, "b": 15.0}, {"a": 1.0, "b": 1.5}, {"a": False, "b": False})
    assert shares == pytest.approx({"a": 12.0, "b": 18.0})
    shares = reallocated(30.0, {"a": 15.0, "b": 15.0}, {"a": -1.0, "b": 9.0}, {"a": False, "b": False})
    assert shares == pytest.approx({"a": 7.5, "b": 22.5}, rel=1e-6)
    shares = reallocated(30.0, {"a": 15.0, "b": 15.0}, {"a": 1.0, "b": 9.0}, {"a": False, "b": True})
    assert shares == pytest.approx({"a": 15.0, "b": 15.0}), "nobody can take more than all auctions"
    assert reallocated(30.0, {"a": 15.0, "b": 15.0}, {"a": 0.0, "b": -2.0}, {"a": False, "b": False}) == {
        "a": 15.0,
        "b": 15.0,
    }


def test_what_one_cannot_take_goes_to_the_others():
    assert shared_out(12.0, {"a": 1.0, "b": 2.0, "c": 3.0}, {"c": 3.0}) == pytest.approx({"a": 3.0, "b": 6.0, "c": 3.0})
    assert shared_out(12.0, {"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 3.0}) == pytest.approx({"a": 6.0, "b": 6.0})


def rows(*orders_by_seed):
    return pd.DataFrame(
        [
            {"seed": seed, "by": by, "cost": 10.0, "unspent": 0.0, "orders": orders}
            for seed, pair in enumerate(orders_by_seed)
            for by, orders in zip((AS_IT_IS, "x"), pair, strict=True)
        ]
    )


def test_gains_are_paired_by_seed_and_have_student_s_interval():
    """Gains 1, 2, 3: mean 2, t(0.975, 2) = 4.3027 × 1 / √3 = 2.4841."""
    gain = Optimised(rows((10, 11), (50, 52), (7, 10)), pd.DataFrame(), 7, "USD").to_frame().set_index("by").loc["x"]
    assert gain["gain"] == 2.0
    assert (gain["gain_lower"], gain["gain_upper"]) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert gain["worse_off"] == 0.0


def test_the_summary_says_who_is_better_off_and_when_the_money_was_not_the_same():
    better = Optimised(rows((10, 15), (50, 56), (7, 12)), pd.DataFrame(), 7, "USD")
    assert "By x: +5.3 orders (+3.9 to +6.8), better off; below zero in 0% of the seeds." in better.summary()
    one = Optimised(rows((10, 15)), pd.DataFrame(), 7, "USD")
    assert "one seed has no interval" in one.summary()
    short = rows((10, 15), (50, 56))
    short.loc[1, "unspent"] = 0.31
    assert (
        "x could not spend the common sum to the cent in 1 of 4 worlds (by up to 0.31 USD)"
        in Optimised(short, pd.DataFrame(), 7, "USD").summary()
    )


def test_the_page_says_who_is_better_off(found):
    page = found.to_page()
    first = unescape(page[: page.index("<section")])
    assert all(line in first for line in found.summary().splitlines())
    assert "signal cost per conversion" in page
    assert "<script" not in page
