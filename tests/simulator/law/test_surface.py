"""Step 2, surface: where sessions happen, and how goodwill pulls them."""

import numpy as np
import pytest

from simulator.law import surface as module
from simulator.law.state import IN_MARKET, LATE, NOBODY, OUT_OF_MARKET, Attitude

STEPS = 20_000


@pytest.fixture
def shares(plain, stage):
    """Share of evenly spread draws that lead to each surface, in a mood and with upstream goodwill."""
    step = plain(module.surface)

    def call(mood, upstream=0.0):
        stage.life.mood = mood
        attitude = Attitude(0.0, upstream, 0.0)
        found = [
            step(stage.law, stage.person, stage.life, attitude, stage.moment(surface_draw=(i + 0.5) / STEPS))
            for i in range(STEPS)
        ]
        return {name: found.count(s) / STEPS for s, name in [*enumerate(stage.names.surfaces), (NOBODY, "nowhere")]}

    return call


@pytest.mark.parametrize(
    ("mood", "weights"),
    [
        (OUT_OF_MARKET, [4.0, 0.2, 0.0, 0.5, 0.1]),
        (IN_MARKET, [3.0, 2.0, 0.0, 0.5, 0.5]),
        (LATE, [2.0, 3.0, 3.0, 0.5, 3.0]),
    ],
)
def test_surfaces_come_by_their_weight_in_the_mood(shares, mood, weights):
    expected = np.array(weights) / sum(weights)
    assert list(shares(mood).values())[:5] == pytest.approx(list(expected), abs=2 / STEPS)


def test_goodwill_pulls_people_to_search_and_direct(shares):
    upstream = 0.5
    weights = np.array([3.0, 2.0 * (1.0 + 1.0 * upstream), 0.0, 0.5, 0.5 * (1.0 + 2.0 * upstream)])
    assert list(shares(IN_MARKET, upstream).values())[:5] == pytest.approx(list(weights / weights.sum()), abs=2 / STEPS)


def test_who_never_uses_a_surface_is_nowhere_instead(stage, shares):
    everywhere = shares(LATE)
    stage.person.reach = 0xFFFFFFFF ^ (1 << stage.surface("deals"))
    without = shares(LATE)
    assert without["deals"] == 0.0
    assert without["nowhere"] == everywhere["deals"]
    assert all(without[name] == everywhere[name] for name in ("feed", "search", "inbox", "direct"))
