"""Step 7, aftermath: what an action is worth, what is owed for it, and what becomes of it."""

import math
from typing import Any

from cpalab.micros import MICROS
from simulator.calendar import latest_before_end
from simulator.compiled import part
from simulator.draws import DELAY, ORDER, QUALITY, exponential, normal, uniforms
from simulator.law.log import CLOSED, CONVERSION, FEE, QUALIFIED, REFUND, Log, write
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import CPA, CPL, LONG_AGO, NOBODY, OUT_OF_MARKET, REVENUE_SHARE, Visit


@part
def aftermath(law: Law, person: Any, life: Any, ledger: Any, moment: Moment, arrival: Visit, log: Log) -> None:
    """The order: value, delays, qualification, closing, refund, fees; then satiation.

    Value is log-normal × the person's own factor × (1 - discount of the campaign whose click brought them). The order
    follows the visit after an exponential time on site, before the next session begins and within the part of the run
    (warm-up, reported window, follow-up) that the visit lies in. A qualified action may close; what is not closed is never
    refunded. That happens when its delay has passed, be it after the end of the run.
    """
    rules = law.rules[moment.epoch]
    value_draw, time_draw, _, _ = uniforms(moment.seed, moment.user, moment.session, ORDER, 0)
    time = moment.time + exponential(time_draw) * rules.days_on_site
    time = min(time, moment.next_time, latest_before_end(law.calendar, moment.time))
    worth = math.exp(rules.value_log_mean + rules.value_sigma * normal(value_draw)) * person.value
    if arrival.campaign != NOBODY:
        worth *= 1.0 - law.campaigns[moment.epoch, arrival.campaign].discount
    value = micros(worth)
    write(log, moment, time, CONVERSION, arrival.channel, arrival.campaign, arrival.creative, 0, value)
    charge_fee(law, life, ledger, moment, time, value, False, log)
    later(law, rules, moment, arrival, time, value, log)
    life.mood = OUT_OF_MARKET
    life.depth = 0
    life.customer = 1
    life.satiated_until = time + rules.satiation_days


@part
def later(law: Law, rules: Any, moment: Moment, arrival: Visit, time: float, value: int, log: Log) -> None:
    """Qualification, closing and refund of an order, each after its own exponential delay."""
    qualifies, closes, refunds, refund_delay = uniforms(moment.seed, moment.user, moment.session, QUALITY, 0)
    qualified_delay, closed_delay, _, _ = uniforms(moment.seed, moment.user, moment.session, DELAY, 0)
    quality = 1.0
    if arrival.campaign != NOBODY:
        quality = law.campaigns[moment.epoch, arrival.campaign].quality_factor
    if qualifies >= rules.qualified_share * quality:
        return
    time += exponential(qualified_delay) * rules.qualified_after_days
    write(log, moment, time, QUALIFIED, arrival.channel, arrival.campaign, arrival.creative, 0, value)
    if closes >= rules.closed_share:
        return
    time += exponential(closed_delay) * rules.closed_after_days
    write(log, moment, time, CLOSED, arrival.channel, arrival.campaign, arrival.creative, 0, value)
    if refunds < rules.refund_share:
        time += exponential(refund_delay) * rules.refund_after_days
        write(log, moment, time, REFUND, arrival.channel, arrival.campaign, arrival.creative, 0, -value)


@part
def charge_fee(
    law: Law, life: Any, ledger: Any, moment: Moment, time: float, value: int, is_lead: bool, log: Log
) -> None:
    """Pay the campaign whose fee-bearing click came last, if its cookie still lives: per lead, per action or as a share.

    Nothing is paid in the follow-up: its orders are counted, the reported window's money is not.
    """
    c = life.fee_campaign
    if c == NOBODY or moment.time >= law.calendar.days:
        return
    campaign = law.campaigns[moment.epoch, c]
    if (campaign.billing == CPL) != is_lead or moment.time - life.fee_time > campaign.cookie_days:
        return
    if campaign.billing == CPL or campaign.billing == CPA:
        fee = micros(campaign.bid)
    elif campaign.billing == REVENUE_SHARE:
        fee = int(campaign.bid * value + 0.5)
    else:
        return
    ledger[c].actions += 1
    ledger[c].cost_micros += fee
    write(log, moment, time, FEE, campaign.channel, c, NOBODY, fee, 0)
    life.fee_campaign = NOBODY
    life.fee_time = LONG_AGO


@part
def micros(amount: float) -> int:
    """Currency units as integer micros, rounded to the nearest."""
    return int(amount * MICROS + 0.5)
