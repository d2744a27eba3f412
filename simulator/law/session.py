"""The law: what one person does in one session, the seven steps in order.

    1 drift       goodwill fades; need arises, lapses or goes to a rival
    2 surface     where the person is this session
    3 auction     which ad, if any, gets the slot
    ------------- until a twin world first shows another ad, it shares all that lies above this line
    4 exposure    what seeing the ad does
    5 visit       whether the person comes to the site, and by which way
    6 funnel      how far the visit takes them
    7 aftermath   what the action is worth, and what becomes of it

Every step is a compiled function of its own with all it needs in its arguments. `simulator.replace_steps` swaps one.
"""

from typing import Any, NamedTuple

import numpy as np

from simulator.compiled import part
from simulator.law.aftermath import aftermath, charge_fee, micros
from simulator.law.auction import auction, impression_price
from simulator.law.board import Board
from simulator.law.drift import drift
from simulator.law.exposure import count_impression, exposure
from simulator.law.funnel import funnel
from simulator.law.log import CLICK, GHOST, IMPRESSION, MICRO, PREDICTED, PSA, VISIT, Log, write
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import CPC, CPM, NOBODY, SEND, Attitude, Offer, Shown, Visit
from simulator.law.surface import surface
from simulator.law.visit import visit


class Encounter(NamedTuple):
    """The state of a session after step 3: the person's attitude, where they are, and the ad they are offered."""

    attitude: Attitude
    where: int
    offer: Offer


@part
def approach(
    law: Law,
    board: Board,
    person: Any,
    life: Any,
    goodwill: Any,
    shown: Shown,
    ledger: Any,
    fading: Any,
    moment: Moment,
    variant: Any,
) -> Encounter:
    """Steps 1 to 3: up to the ad."""
    attitude = drift(law, board, person, life, goodwill, fading, moment)
    where = surface(law, person, life, attitude, moment)
    offer = auction(law, board, person, life, shown, ledger, moment, where, variant)
    return Encounter(attitude, where, offer)


@part
def respond(
    law: Law,
    board: Board,
    person: Any,
    life: Any,
    goodwill: Any,
    shown: Shown,
    ledger: Any,
    moment: Moment,
    encounter: Encounter,
    log: Log,
) -> None:
    """Steps 4 to 7: from the ad on."""
    attitude = encounter.attitude
    offer = encounter.offer
    if offer.predicted != 0:
        record_entries(law, life, moment, offer, log)
    if offer.ghosts != 0:
        record_ghosts(law, shown, moment, offer, log)
    if offer.placebo:
        record_placebo(law, shown, ledger, moment, offer, log)
        offer = Offer(NOBODY, NOBODY, offer.log_price, 0, 0, True)
    if offer.campaign != NOBODY:
        attitude = exposure(law, board, goodwill, shown, attitude, moment, offer)
        record_impression(law, ledger, moment, offer, log)
    arrival = visit(law, board, life, shown, moment, encounter.where, offer)
    if arrival.channel != NOBODY:
        record_visit(law, ledger, moment, offer, arrival, log)
        before = life.depth
        depth = funnel(law, life, attitude, moment, arrival)
        record_steps(law, life, ledger, moment, arrival, before, depth, log)
        if depth == law.steps.shape[1]:
            aftermath(law, person, life, ledger, moment, arrival, log)


@part
def record_ghosts(law: Law, shown: Shown, moment: Moment, offer: Offer, log: Log) -> None:
    """Log the ads that an experiment withheld; they count towards frequency caps as if they had been shown."""
    for c in range(law.campaigns.shape[1]):
        if (offer.ghosts >> c) & 1:
            campaign = law.campaigns[moment.epoch, c]
            count_impression(campaign, shown, moment, c)
            write(log, moment, moment.time, GHOST, campaign.channel, c, NOBODY, 0, 0)


@part
def record_entries(law: Law, life: Any, moment: Moment, offer: Offer, log: Log) -> None:
    """Log that the person enters the tests of the channels whose ads are predicted to be shown now."""
    for c in range(law.campaigns.shape[1]):
        if (offer.predicted >> c) & 1:
            channel = law.campaigns[moment.epoch, c].channel
            life.entered |= np.uint32(1) << np.uint32(channel)
            write(log, moment, moment.time, PREDICTED, channel, c, NOBODY, 0, 0)


@part
def record_placebo(law: Law, shown: Shown, ledger: Any, moment: Moment, offer: Offer, log: Log) -> None:
    """Log a placebo ad and pay for its slot; it counts towards frequency caps as the ad it stands for."""
    campaign = law.campaigns[moment.epoch, offer.campaign]
    count_impression(campaign, shown, moment, offer.campaign)
    cost = micros(impression_price(offer))
    ledger[offer.campaign].cost_micros += cost
    write(log, moment, moment.time, PSA, campaign.channel, offer.campaign, NOBODY, cost, 0)


@part
def record_impression(law: Law, ledger: Any, moment: Moment, offer: Offer, log: Log) -> None:
    """Log the impression and pay for it if it is billed so: the auction's price, or the list price of a message sent."""
    campaign = law.campaigns[moment.epoch, offer.campaign]
    cost = micros(impression_price(offer)) if campaign.billing == CPM else 0
    if campaign.billing == SEND:
        cost = micros(campaign.bid / 1000.0)
    ledger[offer.campaign].impressions += 1
    ledger[offer.campaign].cost_micros += cost
    write(log, moment, moment.time, IMPRESSION, campaign.channel, offer.campaign, offer.creative, cost, 0)


@part
def record_visit(law: Law, ledger: Any, moment: Moment, offer: Offer, arrival: Visit, log: Log) -> None:
    """Log the click, if there was one, and the visit; pay for the click if it is billed so."""
    if arrival.campaign != NOBODY:
        record_click(law, ledger, moment, offer, log)
    write(log, moment, moment.time, VISIT, arrival.channel, arrival.campaign, arrival.creative, 0, 0)


@part
def record_click(law: Law, ledger: Any, moment: Moment, offer: Offer, log: Log) -> None:
    """Log a click. A click costs the impression's price over the click-through rate, so that CPC = CPM / (1000 × CTR)."""
    campaign = law.campaigns[moment.epoch, offer.campaign]
    cost = micros(impression_price(offer) / campaign.click_through_rate) if campaign.billing == CPC else 0
    ledger[offer.campaign].clicks += 1
    ledger[offer.campaign].cost_micros += cost
    write(log, moment, moment.time, CLICK, campaign.channel, offer.campaign, offer.creative, cost, 0)


@part
def record_steps(
    law: Law, life: Any, ledger: Any, moment: Moment, arrival: Visit, before: int, depth: int, log: Log
) -> None:
    """Log the micro-conversions of this visit; the first step is a lead, and a fee may be owed for it."""
    for step in range(before, min(depth, law.steps.shape[1] - 1)):
        write(log, moment, moment.time, MICRO + step, arrival.channel, arrival.campaign, arrival.creative, 0, 0)
    if before == 0 and depth > 0:
        charge_fee(law, life, ledger, moment, moment.time, 0, True, log)
