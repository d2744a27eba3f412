"""Step 7, aftermath: value, delays, qualification, closing, refunds and fees."""

import math

import numpy as np
import pytest
from scipy import stats

from simulator.calendar import LATTICE
from simulator.draws import QUALITY, uniforms_at
from simulator.law import aftermath as module
from simulator.law.log import CLOSED, CONVERSION, FEE, QUALIFIED, REFUND
from simulator.law.state import IN_MARKET, LONG_AGO, NOBODY, OUT_OF_MARKET


@pytest.fixture
def order(plain, stage):
    step = plain(module.aftermath)

    def call(arrival=None, **changes):
        stage.log.cursor[0] = 0
        step(
            stage.law, stage.person, stage.life, stage.ledger, stage.moment(**changes),
            arrival or stage.arrival("direct"), stage.log,
        )  # fmt: skip
        return stage.rows().copy()

    return call


def test_values_are_log_normal_times_the_person_s_own_factor(stage, order):
    stage.person.value = 1.5
    values = np.array([order(user=user)[0].value_micros for user in range(2_000)]) / 1e6
    expected = (math.log(80.0 * 1.5) - 0.5**2 / 2, 0.5)
    assert stats.kstest(np.log(values), "norm", args=expected).pvalue > 1e-5  # one seed in 100,000


def test_the_order_follows_the_visit_after_an_exponential_time_on_site(stage, order):
    minutes = [(order(user=user, next_time=99.0)[0].time - 3.25) * 1440 for user in range(2_000)]
    assert stats.kstest(minutes, "expon", args=(0, 25.0)).pvalue > 1e-5  # one seed in 100,000


def test_the_order_comes_before_the_next_session_and_within_the_run(order):
    assert max(order(user=user, next_time=3.26)[0].time for user in range(100)) == 3.26
    assert (
        max(order(user=user, time=13.999, tick=13, next_time=1e9)[0].time for user in range(100))
        == 14.0 - 0.5 / LATTICE
    )


def test_nothing_is_owed_for_an_order_of_the_follow_up(stage, order):
    stage.set_up(run__days=3.0, run__follow_up_days=10)
    c = stage.campaign("affiliate", "cashback")
    for time, kinds in ((2.5, [CONVERSION, FEE]), (3.25, [CONVERSION])):
        stage.life.fee_campaign, stage.life.fee_time = c, 2.0
        rows = order(time=time, next_time=99.0)
        assert [row.kind for row in rows if row.kind in (CONVERSION, FEE)] == kinds
        assert (rows[0].time < 3.0) == (time < 3.0)


def test_after_an_order_need_is_served_for_a_while(stage, order):
    stage.life.mood, stage.life.depth = IN_MARKET, 3
    rows = order()
    assert (stage.life.mood, stage.life.depth, stage.life.customer) == (OUT_OF_MARKET, 0, 1)
    assert stage.life.satiated_until == rows[0].time + 2.0


@pytest.mark.parametrize(("arrival", "quality"), [(("direct",), 1.0), (("brand_search", "form"), 0.5)])
def test_an_order_qualifies_closes_and_is_refunded_by_its_shares(stage, order, arrival, quality):
    stage.set_up(channels__brand_search__campaigns__form__quality_factor=0.5)
    seen = set()
    for user in range(400):
        rows = order(stage.arrival(*arrival), user=user)
        qualifies, closes, refunds, _ = uniforms_at(1, user, 2, int(QUALITY), 0)
        kinds = [CONVERSION]
        if qualifies < 0.7 * quality:
            kinds.append(QUALIFIED)
            if closes < 0.8:
                kinds.append(CLOSED)
                if refunds < 0.1:
                    kinds.append(REFUND)
        assert list(rows.kind) == kinds
        assert list(rows.time) == sorted(rows.time)
        value = rows[0].value_micros
        assert list(rows.value_micros) == [value, value, value, -value][: len(kinds)]
        seen.add(len(kinds))
    assert seen == {1, 2, 3, 4}


def test_delays_are_exponential_with_their_means(order):
    logs = [order(user=user, next_time=99.0) for user in range(3_000)]
    qualified = [rows[1].time - rows[0].time for rows in logs if len(rows) > 1]
    closed = [rows[2].time - rows[1].time for rows in logs if len(rows) > 2]
    refunded = [rows[3].time - rows[2].time for rows in logs if len(rows) > 3]
    for delays, mean in ((qualified, 1.0), (closed, 2.0), (refunded, 10.0)):
        assert len(delays) > 100
        assert stats.kstest(delays, "expon", args=(0, mean)).pvalue > 1e-5  # three tests: one seed in 30,000


def clicked(stage, channel, campaign, time=3.0):
    stage.life.fee_campaign, stage.life.fee_time = stage.campaign(channel, campaign), time


def fees(rows):
    return rows[rows.kind == FEE]


def test_a_share_of_revenue_is_paid_on_the_value(stage, order):
    clicked(stage, "affiliate", "coupon")
    rows = order(stage.arrival("direct"))
    (fee,) = fees(rows)
    assert fee.cost_micros == round(0.1 * rows[0].value_micros)
    assert (fee.channel, fee.campaign) == (stage.channel("affiliate"), stage.campaign("affiliate", "coupon"))
    assert fee.value_micros == 0


def test_a_fee_per_action_is_paid_once(stage, order):
    clicked(stage, "affiliate", "cashback")
    assert list(fees(order()).cost_micros) == [9_000_000]
    assert (stage.life.fee_campaign, stage.life.fee_time) == (NOBODY, LONG_AGO)
    assert len(fees(order(user=6))) == 0
    ledger = stage.ledger[stage.campaign("affiliate", "cashback")]
    assert (ledger.actions, ledger.cost_micros) == (1, 9_000_000)


@pytest.mark.parametrize(("days", "paid"), [(5.0, 1), (5.1, 0)])
def test_a_fee_is_owed_while_the_cookie_lives(stage, order, days, paid):
    clicked(stage, "affiliate", "cashback", 3.25 - days)
    assert len(fees(order())) == paid


def test_a_lead_s_fee_is_not_paid_on_the_order(stage, order):
    clicked(stage, "brand_search", "form")
    assert len(fees(order())) == 0


@pytest.mark.parametrize(("campaign", "paid"), [(("brand_search", "form"), 1), (("affiliate", "cashback"), 0)])
def test_a_lead_pays_the_campaign_billed_per_lead(plain, stage, campaign, paid):
    clicked(stage, *campaign)
    plain(module.charge_fee)(stage.law, stage.life, stage.ledger, stage.moment(), 3.25, 0, True, stage.log)
    assert len(fees(stage.rows())) == paid
    assert stage.ledger["cost_micros"].sum() == 2_000_000 * paid


def test_micros_are_rounded_to_the_nearest(plain):
    micros = plain(module.micros)
    assert [micros(amount) for amount in (0.0, 1.0, 0.0000014, 0.0000016, 12.3456784)] == [
        0,
        1_000_000,
        1,
        2,
        12_345_678,
    ]


def test_a_coupon_takes_its_discount_off_the_orders_that_come_by_it(stage, order):
    stage.set_up(channels__affiliate__campaigns__coupon__discount=0.1)
    full = order()[0]["value_micros"]
    reduced = order(stage.arrival("affiliate", "coupon"))[0]["value_micros"]
    assert reduced == pytest.approx(0.9 * full, abs=1)
    assert order(stage.arrival("affiliate", "cashback"))[0]["value_micros"] == full
