"""Step 4, exposure: goodwill gained and lost, and the count of impressions."""

import pytest

from simulator.law import exposure as module
from simulator.law.state import Attitude, Offer


@pytest.fixture
def expose(plain, stage):
    step = plain(module.exposure)

    def call(channel="social", campaign="prospecting", creative=0, **changes):
        c = stage.campaign(channel, campaign)
        offer = Offer(c, stage.names.campaigns[c].first_creative + creative, 0.0, 0)
        attitude = Attitude(0.1, 0.2, 0.3)
        moment = stage.moment(**changes)
        return step(stage.law, stage.board, stage.goodwill, stage.shown, attitude, moment, offer)

    return call


def test_the_first_impression_adds_its_full_strength(stage, expose):
    attitude = expose()
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.15)
    assert (attitude.need, attitude.upstream) == (0.1, 0.2)
    assert attitude.direct == pytest.approx(0.3 + 0.3 * 0.15)


def test_returns_diminish_by_half_at_the_saturation(stage, expose):
    stage.set_up(channels__social__saturation=0.6)
    stage.goodwill[stage.channel("social")] = 0.6
    expose()
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.6 + 0.15 / 2.0)


def test_a_stale_or_weak_creative_adds_less(stage, expose):
    stage.set_up(channels__social__campaigns__prospecting__creatives__b__goodwill_factor=0.5)
    stage.board.freshness[3, 1] = 0.4
    expose(creative=1)
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.15 * 0.5 * 0.4)


def test_goodwill_of_another_channel_lends_synergy(stage, expose):
    stage.goodwill[stage.channel("video")] = 0.8
    expose()
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.15 * (1.0 + 0.5 * 0.8))
    assert stage.goodwill[stage.channel("video")] == 0.8


def test_annoyance_lends_no_negative_synergy(stage, expose):
    stage.goodwill[stage.channel("video")] = -0.8
    expose()
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.15)


def test_beyond_overexposure_each_impression_annoys(stage, expose):
    worn = stage.shown.creatives[0]
    worn.count, worn.last = 11.0, 3.25
    expose()  # the twelfth
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.15)
    expose()
    assert stage.goodwill[stage.channel("social")] == pytest.approx(0.10)


def test_annoyance_stops_at_minus_one(stage, expose):
    stage.set_up(channels__social__annoyance_per_impression=0.7)
    worn = stage.shown.creatives[0]
    worn.count, worn.last = 50.0, 3.25
    for expected in (-0.7, -1.0, -1.0):
        expose()
        assert stage.goodwill[stage.channel("social")] == pytest.approx(expected)


def test_the_times_of_as_many_impressions_are_kept_as_the_cap_allows(stage, expose):
    c = stage.campaign("social", "prospecting")
    row = stage.law.campaigns[0, c]
    for number in range(7):
        expose(time=float(number))
    assert stage.shown.campaigns[c] == 7
    assert sorted(stage.shown.times[row.first_time : row.first_time + row.times]) == [2.0, 3.0, 4.0, 5.0, 6.0]


def test_an_impression_counts_half_after_each_half_life_towards_wear(stage, expose):
    stage.set_up(channels__social__wear_half_life_days=4.0)
    for time, count in ((3.0, 1.0), (7.0, 1.5), (11.0, 1.75)):
        expose(time=time)
        assert stage.shown.creatives[0].count == pytest.approx(count)


def test_a_refreshed_creative_is_worn_by_nobody_and_another_wears_by_itself(stage, expose):
    expose(time=3.0)
    expose(time=3.0)
    assert (stage.shown.creatives[0].count, stage.shown.creatives[1].count) == (2.0, 0.0)
    stage.board.refreshed[:, 0] = 3.1
    expose(time=3.2)
    assert stage.shown.creatives[0].count == 1.0


def test_annoyance_does_not_multiply_what_an_impression_adds(stage, expose):
    stage.goodwill[stage.channel("social")] = -0.5
    expose()
    assert stage.goodwill[stage.channel("social")] == pytest.approx(-0.5 + 0.15)
