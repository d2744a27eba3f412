"""Signals: what an advertiser can know of a person here and now, where delivery follows what was recorded (days, moods).

Only scenarios with `delivery.follows = "record"` ask. Consent, blockers, browsers and log-ins are those of the record: the
same draws at the same addresses, under the tracking in force at the time.
"""

from typing import Any

from simulator.compiled import aside, part
from simulator.draws import BROWSER, HABITS, LOG_IN, uniforms
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import IN_MARKET, NOBODY, OUT_OF_MARKET, VISITED

EVERYWHERE = 1e9  # days; the person is recognised on every device


@part
def follow_record(law: Law, moment: Moment) -> bool:
    """Whether audiences, caps and optimised delivery go by what was recorded."""
    return law.signals[moment.epoch].decide != 0  # type: ignore[no-any-return]  # a record's field


@aside
def days_known(law: Law, moment: Moment, c: int) -> float:
    """For how many days campaign c knows what a person did.

    0 without consent or behind a blocker; EVERYWHERE (on every device) where its platform recognises them by log-in; else
    as long as a cookie of this browser lives, on this device.
    """
    signals = law.signals[moment.epoch]
    _, _, consent, _ = uniforms(moment.seed, moment.user, 0, HABITS, 0)
    browser, blocks, _, _ = uniforms(moment.seed, moment.user, moment.device, BROWSER, 0)
    if consent >= law.consent_share[moment.epoch, moment.geo] or blocks < signals.ad_blocker_share:
        return 0.0
    campaign = law.campaigns[moment.epoch, c]
    if campaign.platform != NOBODY:
        recognised, _, _, _ = uniforms(moment.seed, moment.user, 0, LOG_IN, campaign.platform)
        if recognised < campaign.match_share:
            return EVERYWHERE
    if signals.safari_from <= browser < signals.safari_to:
        return signals.cookie_days_safari  # type: ignore[no-any-return]  # a record's field
    return signals.cookie_days  # type: ignore[no-any-return]  # a record's field


@aside
def visit_is_known(law: Law, life: Any, moment: Moment, c: int) -> bool:
    """Whether campaign c knows of the person's last visit: recognised everywhere, or on its device while the cookie lives."""
    days = days_known(law, moment, c)
    here = days == EVERYWHERE or life.last_device == moment.device
    return here and moment.time - life.last_visit <= days  # type: ignore[no-any-return]  # records


@part
def mood_as_seen(law: Law, life: Any, moment: Moment, c: int) -> int:
    """The mood that optimised delivery bids on: the true one, or what campaign c can know of it.

    Without any signal everyone looks as if they were not looking; a visit that is not known is not seen.
    """
    if not follow_record(law, moment) or law.campaigns[moment.epoch, c].optimisation == 0.0:
        return life.mood  # type: ignore[no-any-return]  # a record's field
    return mood_as_known(law, life, moment, c)


@aside
def mood_as_known(law: Law, life: Any, moment: Moment, c: int) -> int:
    """The same where delivery follows the record."""
    if days_known(law, moment, c) == 0.0:
        return OUT_OF_MARKET
    if life.mood >= VISITED and not visit_is_known(law, life, moment, c):
        return IN_MARKET
    return int(life.mood)
