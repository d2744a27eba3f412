"""Time under observation by state, by hand and against a walk through fine steps of time."""

import numpy as np
import pytest

from attribution.models.regression.observed_states import observed_states
from attribution.paths.build import build_paths
from attribution.paths.settings import PathSettings

EDGES = np.array([1.0, 7.0])


def table(touches, orders, until, **settings):
    paths = build_paths(
        {
            "user_id": [u for u, *_ in touches],
            "time": [t for _, t, _ in touches],
            "channel": [c for *_, c in touches],
        },
        {"user_id": [u for u, _ in orders], "time": [float(t) for _, t in orders]},
        PathSettings(observed_until=until, **settings),
    )
    state, events, days = observed_states(paths.journeys, EDGES)
    return {tuple(s): (e, d) for s, e, d in zip(state.tolist(), events, days, strict=True)}


def test_one_touch_ages_through_every_step():
    # Steps 0 and 1 last 1 and 6 days; then the touch counts no more, until observation ends.
    found = table([(1, 2.0, "a")], [(1, 5.0)], until=20.0)
    assert found == {(0,): (0, 1), (1,): (1, 6), (2,): (0, pytest.approx(11))}


def test_a_new_touch_of_a_channel_makes_it_young_again():
    found = table([(1, 0.0, "a"), (1, 0.5, "a"), (1, 3.0, "b")], [(1, 3.0)], until=4.0)
    # An order at the instant of a touch sees that touch.
    assert found == {(0, 2): (0, 1.5), (1, 2): (0, 1.5), (1, 0): (1, 1.0)}


def test_orders_before_the_first_touch_are_out_of_sight():
    found = table([(1, 5.0, "a")], [(1, 1.0), (1, 5.5)], until=6.0)
    assert found == {(0,): (1, 1.0)}


def walk(touches, orders, until, channels, step=0.01):
    """The same table from looking at every person every hundredth of a day."""
    found: dict[tuple, list[float]] = {}
    for user in {u for u, *_ in touches}:
        mine = [(t, c) for u, t, c in touches if u == user]

        def state(now, mine=mine):
            ages = [min((now - t for t, c in mine if c == name and t <= now), default=99) for name in channels]
            return tuple(int(np.searchsorted(EDGES, age, side="right")) for age in ages)

        for now in np.arange(min(t for t, _ in mine), until, step):
            found.setdefault(state(now + step / 2), [0, 0])[1] += step
        for u, t in orders:
            if u == user and t >= min(time for time, _ in mine):
                found.setdefault(state(t), [0, 0])[0] += 1
    return found


@pytest.mark.parametrize("after", ["new_journey", "touches_shared"])
def test_time_and_orders_of_a_random_log(after):
    rng = np.random.default_rng(8)
    touches = [(int(u), float(t), str(c)) for u, t, c in zip(
        rng.integers(0, 12, 40), np.round(20 * rng.random(40), 2), rng.choice(["a", "b"], 40), strict=True
    )]  # fmt: skip
    orders = [
        (int(u), float(t))
        for u, t in zip(rng.integers(0, 12, 15), np.round(25 * rng.random(15), 2) + 0.001, strict=True)
    ]
    if after == "touches_shared":  # touches after a person's last order are then in no journey
        last = {user: max(t for u, t in orders if u == user) for user, _ in orders}
        touches = [(u, t, c) for u, t, c in touches if t <= last.get(u, np.inf)]
    expected = walk(touches, orders, 30.0, ["a", "b"])
    found = table(touches, orders, until=30.0, after_conversion=after)
    assert {state: n for state, (n, _) in found.items() if n} == {state: n for state, (n, _) in expected.items() if n}
    assert {s: days for s, (_, days) in found.items()} == pytest.approx(
        {s: days for s, (_, days) in expected.items()}, abs=0.3
    )
