"""Regret: who gets the money, a world in which only that changed, no regret for the truth, and regret for a bad move."""

import math

import pyarrow.compute as pc
import pytest

from experiments.bench.leaderboard import DEALT_OUT, ORACLE, leaderboard
from experiments.bench.regret import (
    SHARE_MOVED,
    Move,
    marginal_truth,
    movable,
    moved,
    orders_after,
    regrets,
    scenario_after,
)
from simulator.world import simulate


def test_money_goes_from_those_that_earn_less_than_all_together() -> None:
    spent = {"a": 100.0, "b": 100.0, "c": 800.0}
    assert moved({"a": 3.0, "b": 1.0, "c": 1.5}, spent) == Move(frozenset("a"), frozenset("bc"))
    assert moved({"a": 1.0, "b": 1.0, "c": 1.0}, spent) == Move(frozenset(), frozenset())
    assert moved({"a": 3.0, "b": math.nan, "c": 1.0}, spent) == Move(frozenset("a"), frozenset("c"))
    assert moved({"a": 3.0}, spent) == Move(frozenset(), frozenset())


def test_only_channels_bought_by_auction_move(budgeted) -> None:
    assert "coupon" not in movable(budgeted)  # paid by the order
    assert {"video", "retargeting"} <= set(movable(budgeted))


def test_the_moved_world_spends_as_much_and_differs_from_day_0_alone(budgeted) -> None:
    spent = movable(budgeted)
    names = sorted(spent, key=spent.__getitem__)
    move = Move(frozenset(names[1::2]), frozenset(names[::2]))
    less, more = (sum(spent[name] for name in group) for group in (move.less, move.more))
    after = simulate(scenario_after(budgeted, move))
    now = movable(after) | {name: after.cost_micros()[name] / 1e6 for name in spent}
    cut = sum(now[name] for name in move.less)
    assert cut == pytest.approx(less - SHARE_MOVED * min(less, more), rel=0.1)
    assert sum(now[name] for name in spent) <= 1.05 * (less + more)
    before = budgeted.events.filter(pc.less(budgeted.events["time"], 0.0))
    same = after.events.filter(pc.less(after.events["time"], 0.0))
    assert before.equals(same)


def test_the_truth_has_no_regret_and_no_move_changes_nothing(budgeted) -> None:
    best = marginal_truth(budgeted)
    assert regrets(budgeted, {"oracle": best}, best) == {"oracle": 0.0}
    assert orders_after(budgeted, Move(frozenset(), frozenset()))[0] == budgeted.orders_until(math.inf).num_rows


@pytest.mark.study
def test_over_seeds_a_random_deal_errs_most_and_the_oracle_loses_nothing() -> None:
    """24 worlds: the mean regret of the random deal is above 2 standard errors, by luck alone in 2.3 % of cases.

    It need not be the greatest regret: a model that is wrong about the same channels every time loses more than chance.
    """
    found = leaderboard(["last_click", "markov"], seeds=range(1, 25), users=20_000, regret=True)
    table = found.to_frame().set_index("model")
    print(f"\n{table[['error', 'r_squared', 'ceiling', 'regret']].to_string()}")  # noqa: T201 - a study prints its table
    assert table.loc[ORACLE, ["error", "regret"]].tolist() == [0.0, 0.0]
    assert table["error"].idxmax() == DEALT_OUT
    lost = found.rows[found.rows["model"] == DEALT_OUT]["regret"]
    assert lost.mean() > 2 * lost.std() / math.sqrt(len(lost))
