"""Defects found in other libraries' models, each of which would fail a test here."""

import numpy as np
import pytest

from attribution.costs.performance import performance_table
from attribution.model import load_model, model_names
from attribution.models.lift_calibrated import LiftResult
from attribution.models.markov.markov import Markov
from attribution.models.rules.rules import LastClick, Linear
from attribution.models.shapley.probabilistic import SimpleProbabilistic
from attribution.models.shapley.shapley_response import ShapleyResponse
from attribution.paths.build import build_paths
from attribution.paths.paths import Paths
from attribution.paths.settings import PathSettings
from cpalab.refusal import InvalidInputError

DECLARED: dict[str, dict[str, object]] = {
    "last_paid_click": {"paid_channels": ("email",)},
    "lift_calibrated": {"model": LastClick(), "lifts": (LiftResult("email", 0.5, 0.1),)},
}
MODELS = [load_model(name, **DECLARED.get(name, {})) for name in model_names()]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def paths_of(rows, *, value=1_000_000):
    """Return paths of rows (channels, conversions, nulls): touches a day apart, the last on day 10."""
    user, time, channel, orders, worth = [], [], [], [], []
    person = 0
    for names, won, lost in rows:
        for k in range(won + lost):
            user += [person] * len(names)
            time += [10.0 - age for age in range(len(names))][::-1]
            channel += names
            if k < won:
                orders.append(person)
                worth.append(value)
            person += 1
    return build_paths(
        {"user_id": np.array(user, int), "time": np.array(time, float), "channel": np.array(channel, object)},
        {"user_id": orders, "time": [10.0] * len(orders), "value_micros": worth},
    )


def credit(model, paths):
    found = model.fit(paths).credit(paths)
    return dict(zip(found.channels, found.conversions, strict=True)), found


ROWS = [
    (["email", "1", "direct"], 3, 9),
    (["12", "email"], 2, 8),
    (["1"], 2, 12),
    (["12", "email > 1"], 4, 7),
    (["direct"], 2, 9),
    (["email"], 2, 9),
]


@every_model
def test_names_may_hold_digits_and_the_separator(model):
    # Peers strip digits ("1" and "12" become one channel) or split names at ">".
    found, _ = credit(model, paths_of(ROWS))
    assert set(found) == {"1", "12", "direct", "email", "email > 1"}
    plain = {"1": "one", "12": "twelve", "email > 1": "offer"}
    renamed, _ = credit(model, paths_of([([plain.get(n, n) for n in names], *n_) for names, *n_ in ROWS]))
    assert {plain.get(name, name): amount for name, amount in found.items()} == pytest.approx(renamed)


@every_model
@pytest.mark.parametrize("place", [0, 3, 6])
def test_conversions_without_touches_are_nobodys(model, place):
    # A peer crashes if the first path is empty, and gives a later one's conversions to the row before it.
    rows = [*ROWS[:place], ([], 5, 0), *ROWS[place:]]
    with_empty, full = credit(model, paths_of(rows))
    without, _ = credit(model, paths_of(ROWS))
    assert with_empty == pytest.approx(without)
    assert full.unattributed_conversions >= 5


@every_model
def test_the_value_of_orders_does_not_change_how_many_there_are(model):
    # A peer counts conversions in proportion to their value.
    cheap, _ = credit(model, paths_of(ROWS, value=1))
    dear, _ = credit(model, paths_of(ROWS, value=999_000_000))
    assert cheap == pytest.approx(dear)


@every_model
def test_the_alphabet_decides_nothing(model):
    # A peer cuts sets of channels after the first few names of the alphabet.
    names = sorted({name for row, *_ in ROWS for name in row} - {"direct", "email"})
    turned = dict(zip(names, [f"z{9 - i}" for i in range(len(names))], strict=True))
    found, _ = credit(model, paths_of(ROWS))
    other, _ = credit(model, paths_of([([turned.get(n, n) for n in row], *n_) for row, *n_ in ROWS]))
    assert {turned.get(name, name): amount for name, amount in found.items()} == pytest.approx(other)


def test_paths_of_many_channels_keep_all_of_them():
    # A peer keeps four channels of a path.
    names = [f"channel {i}" for i in range(11)]
    paths = Paths.from_rows([names, *[[name] for name in names]], [11] + [5] * 11, nulls=[50] * 12)
    shares = ShapleyResponse().fit(paths).touch_shares(paths)
    assert (shares > 0.05).all()


def test_journeys_that_did_not_convert_matter():
    # A peer ignores them by default.
    few, many = (
        Markov().fit(Paths.from_rows(["a > b", "b > a", "c"], [5, 5, 5], nulls=[5, nulls, 5])).removal_effect
        for nulls in (5, 500)
    )
    assert not np.allclose(few, many)


def test_walks_that_nobody_took_count_in_a_markov_chain():
    # A peer adds up observed paths only. The chain of these also walks b > a > b.
    fitted = Markov().fit(Paths.from_rows(["a > b", "b > a"], [1, 1], nulls=[1, 3]))
    # From a: to b with 2/6, converts 1/6, ends 3/6. From b: to a with 4/6, converts 1/6, ends 1/6.
    to_b, to_a = 2 / 6, 4 / 6
    visits_a = (2 / 6 + 4 / 6 * to_a) / (1 - to_a * to_b)
    visits_b = (4 / 6 + 2 / 6 * to_b) / (1 - to_a * to_b)
    assert fitted.conversion_probability == pytest.approx((visits_a + visits_b) / 6)


def test_scores_that_do_not_sum_to_conversions_are_scaled():
    # A peer returns the probabilistic scores as if they were conversions.
    paths = Paths.from_rows(["a", "b"], [3, 1], nulls=[1, 3])
    fitted = SimpleProbabilistic().fit(paths)
    assert fitted.scores(paths).sum() != pytest.approx(4)
    assert fitted.credit(paths).conversions.sum() == pytest.approx(4)


def test_value_of_journeys_that_did_not_convert_is_refused():
    # A peer adds the revenue of rows without a conversion to its channels.
    with pytest.raises(InvalidInputError, match="must be 0 where nothing converted"):
        Paths.from_rows(["a", "b"], [1, 0], value_micros=[5, 7], nulls=[0, 3])


def test_long_walks_are_not_cut_short():
    # A peer's random walks end after as many steps as the longest path, which favours channels met early.
    paths = Paths.from_rows([["a", "b"] * 500 + ["c"]], [3], nulls=[3])
    fitted = Markov().fit(paths)
    assert fitted.conversion_probability == pytest.approx(0.5)
    assert fitted.removal_effect == pytest.approx([1, 1, 1])


def test_repeats_are_kept_in_higher_orders():
    # Collapsing "a > a" before the chain is built changes credits of order 2.
    # After "a > a" a chain of order 2 no longer knows whether x or y came before; after a single a it does.
    kept = Markov(order=2).fit(Paths.from_rows(["x > a > a > b", "y > a > a > c"], [9, 1], nulls=[1, 9]))
    collapsed = Markov(order=2).fit(Paths.from_rows(["x > a > b", "y > a > c"], [9, 1], nulls=[1, 9]))
    x = kept.chain.channels.index("x")
    assert (kept.removal_effect[x], collapsed.removal_effect[x]) == pytest.approx((0.5, 0.9))


def test_a_channel_without_credit_keeps_its_cost():
    # A peer's report joins costs to credits and loses those without any.
    found = Linear().credit(Paths.from_rows(["a"], [1]))
    table = performance_table([found], {"a": 5_000_000, "video": 7_000_000}).set_index("channel")
    assert table["cost"].to_dict() == {"a": 5, "video": 7}
    assert np.isnan(table["cost_per_conversion"]["video"])


def test_a_touch_after_the_conversion_never_counts_even_on_its_day():
    # A peer compares calendar days on one database, so that later touches of the day enter the path.
    paths = build_paths({"user_id": [1, 1], "time": [5.2, 5.9], "channel": ["a", "b"]}, {"user_id": [1], "time": [5.5]})
    assert dict(zip(paths.channels, LastClick().credit(paths).conversions, strict=True)) == {"a": 1, "b": 0}


def test_a_lookback_is_a_duration_not_a_count_of_midnights():
    # A peer counts calendar days: 30 midnights may be 29.1 days or 30.9.
    touches = {"user_id": [1, 2], "time": [0.9, 0.1], "channel": ["near", "far"]}
    paths = build_paths(touches, {"user_id": [1, 2], "time": [30.85, 30.85]}, PathSettings(lookback_days=30))
    assert paths.unattributed_conversions == 1
    assert LastClick().credit(paths).conversions[paths.channels.index("near")] == 1
