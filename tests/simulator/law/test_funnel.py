"""Step 6, funnel: how far a visit goes."""

import pytest

from simulator.draws import AROUSAL, FUNNEL, uniforms_at
from simulator.law import funnel as module
from simulator.law.state import IN_MARKET, LATE, OUT_OF_MARKET, VISITED, Attitude


@pytest.fixture
def visit(plain, stage):
    step = plain(module.funnel)

    def call(arrival=None, direct=0.0, **changes):
        return step(
            stage.law, stage.life, Attitude(0.0, 0.0, direct), stage.moment(**changes),
            arrival or stage.arrival("direct"),
        )  # fmt: skip

    return call


def steps_taken(draws, rates, depth=0):
    while depth < len(rates) and draws[depth] < rates[depth]:
        depth += 1
    return depth


def expected_mood(depth):
    return LATE if depth == 2 else VISITED


def test_a_visit_goes_down_until_a_step_fails(stage, visit):
    reached = set()
    for user in range(300):
        stage.life.mood, stage.life.depth = IN_MARKET, 0
        expected = steps_taken(uniforms_at(1, user, 2, int(FUNNEL), 0), (0.8, 0.5, 0.5))
        assert visit(user=user) == expected
        assert stage.life.mood == (expected_mood(expected))
        reached.add(expected)
    assert reached == {0, 1, 2, 3}


def test_the_next_visit_goes_on_where_the_last_one_stopped(stage, visit):
    for user in range(100):
        stage.life.mood, stage.life.depth = LATE, 2
        draws = uniforms_at(1, user, 2, int(FUNNEL), 0)
        assert visit(user=user) == (3 if draws[2] < 0.5 else 2)


@pytest.mark.parametrize("direct", [-0.4, 0.3, 5.0, -3.0])
def test_goodwill_and_landing_page_change_the_rates(stage, visit, direct):
    stage.set_up(channels__brand_search__campaigns__exact__landing_page_factor=0.7, funnel__1__goodwill_response=2.0)
    factors = [max(0.0, 1.0 + response * direct) * 0.7 for response in (1.0, 2.0, 1.0)]
    rates = [rate * factor for rate, factor in zip((0.8, 0.5, 0.5), factors, strict=True)]
    for user in range(200):
        stage.life.mood, stage.life.depth = VISITED, 0
        expected = steps_taken(uniforms_at(1, user, 2, int(FUNNEL), 0), rates)
        assert visit(stage.arrival("brand_search", "exact"), direct, user=user) == expected


def test_only_an_aroused_visitor_who_was_not_looking_goes_on(stage, visit):
    aroused = 0
    for user in range(300):
        stage.life.mood = OUT_OF_MARKET
        depth = visit(user=user)
        if uniforms_at(1, user, 2, int(AROUSAL), 0)[0] < 0.3:
            assert stage.life.mood != OUT_OF_MARKET
            aroused += 1
        else:
            assert (depth, stage.life.mood) == (0, OUT_OF_MARKET)
    assert aroused > 50


def test_the_satiated_are_not_aroused(stage, visit):
    stage.life.satiated_until = 3.5
    assert all(visit(user=user) == 0 for user in range(100))
    assert stage.life.mood == OUT_OF_MARKET


def test_every_visit_is_remembered(stage, visit):
    visit()
    assert stage.life.last_visit == 3.25


def test_in_a_funnel_of_one_step_nobody_is_late(stage, visit):
    stage.tables["funnel"] = [{"name": "purchase", "rate": 0.5}]
    stage.set_up()
    for user in range(50):
        stage.life.mood, stage.life.depth = IN_MARKET, 0
        visit(user=user)
        assert stage.life.mood == VISITED
