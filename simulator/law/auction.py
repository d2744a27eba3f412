"""Step 3, slot and auction: which campaign, if any, gets the slot of this session, and at what price."""

import math
from typing import Any

import numpy as np

from simulator.calendar import is_reported
from simulator.compiled import aside, part
from simulator.draws import FORECAST, normal, uniforms
from simulator.law.assignment import channels_withheld
from simulator.law.board import Board
from simulator.law.exposure import is_capped
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.signals import EVERYWHERE, days_known, follow_record, mood_as_seen, visit_is_known
from simulator.law.state import (
    CUSTOMERS,
    EVERYONE,
    LATE,
    LATE_FUNNEL,
    LOOKALIKE,
    NOBODY,
    NON_CUSTOMERS,
    SUBSCRIBERS,
    VISITORS,
    Offer,
    Shown,
)


@part
def auction(
    law: Law,
    board: Board,
    person: Any,
    life: Any,
    shown: Shown,
    ledger: Any,
    moment: Moment,
    where: int,
    variant: Any,
) -> Offer:
    """The outcome of the slot's auction.

    Eligible campaigns bid their value of an impression, raised under optimised delivery by
    optimisation × ln(predicted propensity to convert). The highest of them wins if it beats the rival price, which is
    log-normal. Held-out campaigns that would have won are ghosts, one per channel and slot (of two campaigns of a
    channel the higher bidder): logged, not shown, and the next one takes the slot.
    In a test with placebo ads they bid for the placebo instead, and it takes the slot if they win. In a test on
    predicted ads nobody is shown the ad before the person has entered.
    """
    nothing = Offer(NOBODY, NOBODY, 0.0, 0, 0, False)
    if where == NOBODY:
        return nothing
    place = law.surfaces[moment.epoch, where]
    if place.campaigns == 0 or moment.slot_draw >= place.slot_share:
        return nothing
    log_price = board.log_rival[moment.tick, where] + place.rival_sigma * moment.rival_normal
    winner = NOBODY
    winning_bid = log_price
    held_back = False
    placebo = False
    predicted = 0
    withheld = channels_withheld(law, board, person, moment, variant)
    awaiting = tests_to_enter(law, board, life, moment)
    for i in range(place.first_campaign, place.first_campaign + place.campaigns):
        c = law.campaigns_of_surface[i]
        if not eligible(law, board, person, life, shown, moment, c, variant):
            continue
        k = law.campaigns[moment.epoch, c].channel
        bid = log_bid(law, board, life, moment, c, variant)
        if (awaiting >> k) & 1:
            if not is_predicted(law, moment, c, bid, log_price):
                continue
            predicted |= 1 << c
        ledger[c].auctions += 1
        held_out = (withheld >> k) & 1 == 1
        if held_out and not (law.placebo_tests >> k) & 1:
            held_back = held_back or bid > log_price
            continue
        if held_out:
            bid = log_placebo_bid(law, board, life, moment, c, variant)
        if bid > winning_bid:
            winner = c
            winning_bid = bid
            placebo = held_out
    ghosts = 0
    if held_back:
        for i in range(place.first_campaign, place.first_campaign + place.campaigns):
            c = law.campaigns_of_surface[i]
            k = law.campaigns[moment.epoch, c].channel
            if (
                ((withheld & ~law.placebo_tests) >> k) & 1
                and (not (awaiting >> k) & 1 or (predicted >> c) & 1)
                and eligible(law, board, person, life, shown, moment, c, variant)
            ):
                bid = log_bid(law, board, life, moment, c, variant)
                if bid > winning_bid and not is_outbid_within(
                    law, board, person, life, shown, moment, where, c, bid, awaiting, predicted, variant
                ):
                    ghosts |= 1 << c
    creative = NOBODY if winner == NOBODY else creative_in_rotation(law, board, moment, where, winner)
    return Offer(winner, creative, log_price, ghosts, predicted, placebo)


@aside
def is_outbid_within(
    law: Law, board: Board, person: Any, life: Any, shown: Shown, moment: Moment, where: int, c: int, bid: float,
    awaiting: int, predicted: int, variant: Any,
) -> bool:  # fmt: skip
    """Whether another campaign of the same channel would have won the slot that is withheld from campaign c."""
    place = law.surfaces[moment.epoch, where]
    channel = law.campaigns[moment.epoch, c].channel
    for i in range(place.first_campaign, place.first_campaign + place.campaigns):
        other = law.campaigns_of_surface[i]
        if (
            other != c
            and law.campaigns[moment.epoch, other].channel == channel
            and (not (awaiting >> channel) & 1 or (predicted >> other) & 1)
            and eligible(law, board, person, life, shown, moment, other, variant)
        ):
            its_bid = log_bid(law, board, life, moment, other, variant)
            # Of equal bids the first wins, as in the auction itself.
            if its_bid > bid or (its_bid == bid and other < c):
                return True
    return False


@part
def eligible(
    law: Law, board: Board, person: Any, life: Any, shown: Shown, moment: Moment, c: int, variant: Any
) -> bool:
    """Whether campaign c may bid: on air, not throttled, on in this world, for a person it targets and has not capped."""
    campaign = law.campaigns[moment.epoch, c]
    if moment.pace_draw >= throttle(law, board, moment, c, variant):
        return False
    if (variant.off >> campaign.channel) & 1 and in_force(law, moment, variant):
        return False
    if not (campaign.segments >> person.segment) & 1 or not (campaign.devices >> moment.device) & 1:
        return False
    if campaign.restricts_geos and not law.admits_geo[moment.epoch, c, moment.geo]:
        return False
    if campaign.audience != EVERYONE and not in_audience(law, person, life, moment, c):
        return False
    if not is_capped(campaign, shown, moment, c):
        return True
    # Who is not known for as long as the cap looks back is met anew each time.
    return follow_record(law, moment) and days_known(law, moment, c) < campaign.frequency_cap_days


@part
def in_audience(law: Law, person: Any, life: Any, moment: Moment, c: int) -> bool:
    """Whether the person belongs to the audience that campaign c is restricted to, as far as it is to know.

    Where delivery follows the record, visitors must be known by their last visit, and customers by log-in: a customer who is
    not recognised passes for none. Whom the seller writes to, it knows.
    """
    campaign = law.campaigns[moment.epoch, c]
    if campaign.audience == LOOKALIKE:
        return person.likeness >= 1.0 - campaign.lookalike_share  # type: ignore[no-any-return]  # records
    if campaign.audience == SUBSCRIBERS:
        return person.subscribes == 1 or life.customer == 1  # type: ignore[no-any-return]  # records
    if follow_record(law, moment) and not is_known(law, life, moment, c):
        return campaign.audience == NON_CUSTOMERS  # type: ignore[no-any-return]  # a record's field
    if campaign.audience == VISITORS:
        return moment.time - life.last_visit <= campaign.audience_days  # type: ignore[no-any-return]  # a record's field
    if campaign.audience == LATE_FUNNEL:
        return life.mood == LATE  # type: ignore[no-any-return]  # a record's field
    if campaign.audience == CUSTOMERS:
        return life.customer == 1  # type: ignore[no-any-return]  # a record's field
    return campaign.audience == NON_CUSTOMERS and life.customer == 0  # type: ignore[no-any-return]  # a record's field


@aside
def is_known(law: Law, life: Any, moment: Moment, c: int) -> bool:
    """Whether campaign c knows what its audience is about: the person's last visit, or the customer behind a log-in."""
    audience = law.campaigns[moment.epoch, c].audience
    if audience in (VISITORS, LATE_FUNNEL):
        return visit_is_known(law, life, moment, c)
    return days_known(law, moment, c) == EVERYWHERE


@part
def throttle(law: Law, board: Board, moment: Moment, c: int, variant: Any) -> float:
    """Share of auctions that campaign c takes part in, as the market's pacing has published it.

    A geo test scales it in the geo of the session; a changed budget scales it where the budget binds, a changed share always.
    """
    share = board.throttle[moment.tick, c]
    if board.geo_plan[moment.tick, c] != 0:
        share = min(1.0, share * board.plan_spend[board.geo_plan[moment.tick, c], moment.geo])
    if is_changed(law, moment, c, variant):
        share *= variant.share * (variant.throttle_factor if share < 1.0 else 1.0)
    return share  # type: ignore[no-any-return]  # records


@part
def log_bid(law: Law, board: Board, life: Any, moment: Moment, c: int, variant: Any) -> float:
    """Logarithm of what campaign c would pay for this impression, in currency."""
    campaign = law.campaigns[moment.epoch, c]
    mood = mood_as_seen(law, life, moment, c)
    bid = board.log_bid[moment.tick, c] + campaign.optimisation * law.log_propensity[moment.epoch, mood]
    if board.geo_plan[moment.tick, c] != 0:
        bid += board.plan_log_bid[board.geo_plan[moment.tick, c], moment.geo]
    return bid + variant.log_bid_change if is_changed(law, moment, c, variant) else bid  # type: ignore[no-any-return]  # records


@part
def is_changed(law: Law, moment: Moment, c: int, variant: Any) -> bool:
    """Whether this world changes campaign c's bids or pacing now."""
    return law.campaigns[moment.epoch, c].channel == variant.channel and in_force(law, moment, variant)


@part
def in_force(law: Law, moment: Moment, variant: Any) -> bool:
    """Whether this world differs now: on its own days, of the reported window alone."""
    return is_reported(law.calendar, moment.time) and variant.first_day <= moment.time < variant.last_day


@aside
def log_placebo_bid(law: Law, board: Board, life: Any, moment: Moment, c: int, variant: Any) -> float:
    """Logarithm of what campaign c would pay to show its placebo ad: optimised for those who click on placebos."""
    channel = law.campaigns[moment.epoch, c].channel
    mood = mood_as_seen(law, life, moment, c)
    change = law.log_psa_propensity[channel, mood] - law.log_propensity[moment.epoch, mood]
    bid = log_bid(law, board, life, moment, c, variant)
    return bid + law.campaigns[moment.epoch, c].optimisation * change  # type: ignore[no-any-return]  # records


@part
def tests_to_enter(law: Law, board: Board, life: Any, moment: Moment) -> int:
    """The channels that run a test on predicted ads which the person has not entered yet (bit k)."""
    return law.predicted_tests & np.int64(board.holdouts[moment.tick]) & ~np.int64(life.entered)  # type: ignore[return-value]  # an int


@aside
def is_predicted(law: Law, moment: Moment, c: int, bid: float, log_price: float) -> bool:
    """Whether campaign c is predicted to win: it bids more than the predicted price, which is off by a normal error."""
    test = law.tests[law.campaigns[moment.epoch, c].channel]
    draw, _, _, _ = uniforms(moment.seed, moment.user, moment.session, FORECAST, test.address)
    return bid > log_price + test.prediction_error * normal(draw)  # type: ignore[no-any-return]  # records


@part
def creative_in_rotation(law: Law, board: Board, moment: Moment, where: int, c: int) -> int:
    """One of the campaign's creatives on air, all alike: the slot draw, given that there is a slot, is uniform and decides.

    Not the pacing draw: a changed budget would then add or take impressions of one creative alone.
    """
    live = board.live_creatives[moment.tick, c]
    chosen = min(int(moment.slot_draw / law.surfaces[moment.epoch, where].slot_share * live), live - 1)
    creative = law.campaigns[moment.epoch, c].first_creative
    while True:
        if board.on_air[moment.tick, creative]:
            if chosen == 0:
                return creative  # type: ignore[no-any-return]  # records
            chosen -= 1
        creative += 1


@part
def impression_price(offer: Offer) -> float:
    """Price of the impression in currency: what the best rival would have paid (second price)."""
    return math.exp(offer.log_price)
