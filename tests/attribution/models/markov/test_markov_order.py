"""The order of a Markov chain, chosen by the score of journeys left out."""

import math

import numpy as np
import pytest

from attribution.models.markov.markov import Markov
from attribution.models.markov.markov_order import MarkovAutomaticOrder
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError


def journeys_of_a_chain(order, seed, people=4000):
    """Return journeys of a random chain whose next step depends on the latest `order` touches."""
    rng = np.random.default_rng(seed)
    law: dict[tuple, np.ndarray] = {}
    rows, bought = [], []
    for _ in range(people):
        path = [str(rng.integers(3))]
        while True:
            history = tuple(path[-order:])
            if history not in law:
                law[history] = rng.dirichlet([1, 1, 1, 0.7, 0.7])
            step = rng.choice(5, p=law[history])
            if step > 2:
                break
            path.append(str(step))
        rows.append(path)
        bought.append(int(step == 3))
    return rows, np.array(bought)


def paths_of(rows, bought):
    return Paths.from_rows(rows, bought, nulls=1 - bought)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_order_of_the_world_is_found(order):
    paths = paths_of(*journeys_of_a_chain(order, seed=order))
    fitted = MarkovAutomaticOrder().fit(paths)
    assert fitted.order == order
    same = Markov(order=order).fit(paths).credit(paths)
    assert fitted.credit(paths).conversions == pytest.approx(same.conversions, rel=1e-12)
    assert f"Order {order} of 4 predicts best" in fitted.summary()


def left_out_score(rows, bought, order):
    """The score by its definition: recount everything without the journey, for every journey."""
    total = 0.0
    outcomes = len({name for row in rows for name in row}) + 2
    for out in range(len(rows)):
        count: dict[tuple, dict[str, float]] = {}
        for i, (row, won) in enumerate(zip(rows, bought, strict=True)):
            if i != out:
                for j, following in enumerate([*row, "(conversion)" if won else "(null)"]):
                    for k in range(order + 1):
                        seen = count.setdefault((k, *row[max(j - k, 0) : j]), {})
                        seen[following] = seen.get(following, 0) + 1
        row = rows[out]
        for j, following in enumerate([*row, "(conversion)" if bought[out] else "(null)"]):
            p = 1 / outcomes
            for k in range(order + 1):
                seen = count.get((k, *row[max(j - k, 0) : j]), {})
                p = (seen.get(following, 0) + p) / (sum(seen.values()) + 1)
            total += math.log(p)
    return total / len(rows)


def test_the_closed_form_is_the_definition():
    rows, bought = journeys_of_a_chain(2, seed=5, people=40)
    fitted = MarkovAutomaticOrder(highest_order=3).fit(paths_of(rows, bought))
    expected = [left_out_score(rows, bought, order) for order in (1, 2, 3)]
    assert fitted.log_score == pytest.approx(expected, rel=1e-12)
    assert fitted.to_frame()["order"].tolist() == [1, 2, 3]


def test_large_chains_are_not_tried():
    paths = paths_of(*journeys_of_a_chain(2, seed=2))
    fitted = MarkovAutomaticOrder(states=12).fit(paths)
    assert fitted.states.tolist() == [3, 12]
    assert MarkovAutomaticOrder(states=1).fit(paths).order == 1


def test_limits_must_make_sense():
    with pytest.raises(InvalidInputError) as error:
        MarkovAutomaticOrder(highest_order=0, states=0)
    assert len(error.value.lines) == 2
