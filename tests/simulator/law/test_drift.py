"""Step 1, drift: fading, need that arises, need that lapses or goes to a rival."""

import math

import numpy as np
import pytest

from simulator.draws import LAPSE, uniforms_at
from simulator.law import drift as module
from simulator.law.state import FORGOTTEN, IN_MARKET, LATE, LONG_AGO, OUT_OF_MARKET, VISITED


@pytest.fixture
def drift(plain, stage):
    step = plain(module.drift)

    def call(**changes):
        stage.fading[:] = -1.0
        moment = stage.moment(**changes)
        return step(stage.law, stage.board, stage.person, stage.life, stage.goodwill, stage.fading, moment)

    return call


def test_goodwill_halves_with_each_half_life_of_its_own_channel(stage, drift):
    stage.goodwill[stage.channel("social")] = 0.8  # half-life 7 days
    stage.goodwill[stage.channel("video")] = 0.8  # half-life 14 days
    drift(days_since_last=14.0)
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.2)
    assert stage.goodwill[stage.channel("video")] == pytest.approx(0.4)


def test_goodwill_acts_through_need_upstream_and_direct_effects(stage, drift):
    stage.goodwill[stage.channel("social")] = 0.8
    stage.goodwill[stage.channel("video")] = 0.4
    attitude = drift(days_since_last=0.0)
    assert attitude.need == pytest.approx(0.4 * 0.8)
    assert attitude.upstream == pytest.approx(0.5 * 0.8 + 0.3 * 0.4)
    assert attitude.direct == pytest.approx(0.3 * 0.8 + 0.2 * 0.4)


def test_annoyance_dampens_conversion_but_drives_nobody_from_the_market(stage, drift):
    stage.goodwill[stage.channel("social")] = -0.5
    attitude = drift(days_since_last=0.0)
    assert (attitude.need, attitude.upstream) == (0.0, 0.0)
    assert attitude.direct == pytest.approx(-0.15)


def test_hardly_any_goodwill_is_none(stage, drift):
    stage.goodwill[stage.channel("social")] = 1.9 * FORGOTTEN
    drift(days_since_last=7.0)
    assert stage.goodwill[stage.channel("social")] == 0.0


def in_market_below(stage, drift, probability, **changes):
    """Whether need arises exactly when 1 - draw is below the probability."""
    outcomes = []
    for distance in (1e-9, -1e-9):
        stage.life.mood = OUT_OF_MARKET
        drift(need_draw=1.0 - probability + distance, **changes)
        outcomes.append(stage.life.mood == IN_MARKET)
    return outcomes == [True, False]


def test_need_arises_with_its_hazard(stage, drift):
    stage.person.need = 0.02
    assert in_market_below(stage, drift, 1.0 - math.exp(-0.02 * 2.0), days_since_last=2.0)


def test_season_goodwill_and_past_purchases_change_the_hazard(stage, drift):
    stage.set_up(need__customer_factor=0.5)
    stage.person.need = 0.02
    stage.life.customer = 1
    stage.board.need_season[3] = 1.5
    stage.goodwill[stage.channel("social")] = 1.0
    hazard = 0.02 * 1.5 * (1.0 + 0.4) * 0.5

    def without_fading(**changes):
        stage.goodwill[stage.channel("social")] = 1.0 / 2.0 ** (-2.0 / 7.0)
        return drift(**changes)

    assert in_market_below(stage, without_fading, 1.0 - math.exp(-hazard * 2.0), days_since_last=2.0)


def test_satiation_counts_only_the_days_after_it(stage, drift):
    stage.person.need = 0.02
    stage.life.satiated_until = 2.75  # half a day before the session, two and a half days after the last one
    assert in_market_below(stage, drift, 1.0 - math.exp(-0.02 * 0.5), time=3.25, days_since_last=2.0)
    stage.life.satiated_until = 3.5
    stage.life.mood = OUT_OF_MARKET
    drift(need_draw=1e-9, time=3.25)
    assert stage.life.mood == OUT_OF_MARKET


@pytest.mark.parametrize("mood", [IN_MARKET, VISITED, LATE])
def test_people_leave_the_market_by_lapse_or_to_a_rival(stage, drift, mood):
    probability = 1.0 - math.exp(-(0.03 + 0.05) * 2.0)
    stage.life.mood, stage.life.depth = mood, 1
    drift(need_draw=1.0 - probability - 1e-9)
    assert (stage.life.mood, stage.life.depth) == (mood, 1)
    drift(need_draw=1.0 - probability + 1e-9)
    assert (stage.life.mood, stage.life.depth) == (OUT_OF_MARKET, 0)


def test_only_a_rival_satiates_and_takes_his_share_of_those_who_leave(stage, drift):
    to_rivals = 0
    for user in range(500):
        stage.life.mood, stage.life.satiated_until = IN_MARKET, LONG_AGO
        stage.person.need = 0.0
        drift(need_draw=0.999999, user=user)
        reason = uniforms_at(1, user, 2, int(LAPSE), 0)[0]
        went_to_rival = reason < 0.05 / 0.08
        # They leave almost at once after the last session, two days before this one.
        assert stage.life.satiated_until == pytest.approx(1.25 + 2.0 if went_to_rival else LONG_AGO, abs=1e-4)
        to_rivals += went_to_rival
    assert 250 < to_rivals < 375  # 312.5 ± 5.8 standard deviations


def test_need_is_lived_in_continuous_time(stage, drift):
    """In the market after a long gap: a / (a + b) × (1 - e^(-(a + b) t)); 4.5 standard errors of 2,000 people.

    Without satiation need is a chain of two states; one draw per gap would give 1 - e^(-a t), four times as many.
    """
    stage.set_up(need__satiation_days=0.0, need__lapse_per_day=0.08, need__rival_per_day=0.08)
    stage.person.need = 0.04
    draws = np.random.default_rng(3).random(2_000)
    inside = 0
    for user, draw in enumerate(draws):
        stage.life.mood, stage.life.satiated_until = OUT_OF_MARKET, LONG_AGO
        drift(need_draw=1.0 - draw, user=user, days_since_last=60.0, time=63.25)
        inside += stage.life.mood == IN_MARKET
    share = 0.04 / 0.20 * (1.0 - math.exp(-0.20 * 60.0))
    assert abs(inside - 2_000 * share) < 4.5 * math.sqrt(2_000 * share * (1.0 - share))


def test_whoever_comes_and_goes_within_a_gap_stands_at_the_beginning_of_the_funnel(stage, drift):
    stage.set_up(need__satiation_days=0.0)
    stage.person.need = 50.0
    stage.life.mood, stage.life.depth = LATE, 2
    drift(need_draw=0.999999)
    assert (stage.life.mood, stage.life.depth) == (IN_MARKET, 0)


def test_happens_is_the_probability_of_at_least_one_event(plain):
    happens = plain(module.happens)
    for expected in (1e-6, 0.01, 0.5, 3.0):
        probability = 1.0 - math.exp(-expected)
        assert happens(1.0 - probability * (1.0 - 1e-6), expected)
        assert not happens(1.0 - probability * (1.0 + 1e-6), expected)
    assert not happens(1e-300, 0.0)
    assert not happens(1e-300, -1.0)
