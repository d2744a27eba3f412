"""Step 5, click or organic way: whether the person comes to the site this session, and by which way."""

from typing import Any

import numpy as np

from simulator.compiled import part
from simulator.law.board import Board
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import CPA, CPL, NOBODY, REVENUE_SHARE, Offer, Shown, Visit


@part
def visit(law: Law, board: Board, life: Any, shown: Shown, moment: Moment, where: int, offer: Offer) -> Visit:
    """The visit of a session, if there is one.

    Without an ad the person visits if the visit draw is below v = visit_share(mood). With an ad that they would click
    with probability p, a share `substitution` of the clicks comes out of those visits and the rest from people who would
    not have come: click if draw < min(substitution × p, v) or v ≤ draw < v + (1 - substitution) × p.
    Where the slot goes to a rival, a share `conquest_share` of the organic visits goes there too: v falls by it.
    One draw decides, so switching the ad off shows exactly which visits it replaced.
    """
    if where == NOBODY:
        return Visit(NOBODY, NOBODY, NOBODY)
    organic = law.visit_share[moment.epoch, life.mood, where]
    if offer.campaign != NOBODY:
        campaign = law.campaigns[moment.epoch, offer.campaign]
        clicks = click_probability(law, board, life, shown, moment, offer)
        replaced = min(campaign.substitution * clicks, organic)
        added = (1.0 - campaign.substitution) * clicks
        if moment.visit_draw < replaced or organic <= moment.visit_draw < organic + added:
            remember_fee(campaign, life, moment, offer.campaign)
            return Visit(wide(campaign.channel), offer.campaign, offer.creative)
    elif not offer.placebo:
        organic *= 1.0 - conquest(law, moment, where)
    if moment.visit_draw < organic:
        return Visit(wide(law.surfaces[moment.epoch, where].visit_channel), NOBODY, NOBODY)
    return Visit(NOBODY, NOBODY, NOBODY)


@part
def conquest(law: Law, moment: Moment, where: int) -> float:
    """Share of organic visits that a rival takes who has the slot of this session; none where there is no slot."""
    place = law.surfaces[moment.epoch, where]
    return float(place.conquest_share) if moment.slot_draw < place.slot_share else 0.0


@part
def wide(position: Any) -> int:
    """A record's 32-bit position in the width of all others, so that every way out of `visit` has one type."""
    return np.int64(position)  # type: ignore[return-value]  # an int to compiled code


@part
def click_probability(law: Law, board: Board, life: Any, shown: Shown, moment: Moment, offer: Offer) -> float:
    """Click-through rate × interest(mood) × creative × freshness / (1 + impressions before that still count / wear-out)."""
    campaign = law.campaigns[moment.epoch, offer.campaign]
    creative = law.creatives[moment.epoch, offer.creative]
    channel = law.channels[moment.epoch, campaign.channel]
    before = max(shown.creatives[offer.creative].count - 1.0, 0.0)
    return (  # type: ignore[no-any-return]  # records
        campaign.click_through_rate
        * law.interest[moment.epoch, life.mood]
        * creative.click_factor
        * board.freshness[moment.tick, offer.creative]
        / (1.0 + before * channel.wear_per_impression)
    )


@part
def remember_fee(campaign: Any, life: Any, moment: Moment, c: int) -> None:
    """The last click on a campaign that is paid per action overwrites any earlier one (the affiliate's cookie)."""
    if campaign.billing == CPL or campaign.billing == CPA or campaign.billing == REVENUE_SHARE:
        life.fee_campaign = c
        life.fee_time = moment.time
