"""Invalid traffic: what one robot does in one session. The second population's own law."""

from typing import Any

from simulator.compiled import part
from simulator.draws import ROBOT, uniforms
from simulator.law.aftermath import charge_fee
from simulator.law.auction import auction
from simulator.law.board import Board
from simulator.law.exposure import count_impression
from simulator.law.log import FAKE_LEAD, VISIT, Log, write
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.session import record_click, record_entries, record_ghosts, record_impression, record_placebo
from simulator.law.state import NOBODY, REVENUE_SHARE, Shown
from simulator.law.visit import remember_fee


@part
def robot_session(
    law: Law,
    board: Board,
    person: Any,
    life: Any,
    shown: Shown,
    ledger: Any,
    moment: Moment,
    variant: Any,
    log: Log,
) -> None:
    """A robot goes where robots go, is shown whatever wins the slot, clicks it by chance and may fill in a form.

    It costs what a person costs, never has a need, never orders: its forms are logged as fake leads. A campaign that is paid
    for what they pretend to be (leads, or installs) is paid for them, but for the share that is clawed back.
    """
    where_draw, click_draw, lead_draw, claw_draw = uniforms(moment.seed, moment.user, moment.session, ROBOT, 0)
    where = 0
    while where_draw >= law.robot_surfaces[moment.epoch, where]:
        where += 1
    offer = auction(law, board, person, life, shown, ledger, moment, where, variant)
    if offer.predicted != 0:
        record_entries(law, life, moment, offer, log)
    if offer.ghosts != 0:
        record_ghosts(law, shown, moment, offer, log)
    if offer.placebo:
        record_placebo(law, shown, ledger, moment, offer, log)
        return
    if offer.campaign == NOBODY:
        return
    campaign = law.campaigns[moment.epoch, offer.campaign]
    count_impression(campaign, shown, moment, offer.campaign)
    record_impression(law, ledger, moment, offer, log)
    rules = law.rules[moment.epoch]
    if click_draw < rules.robot_click_share:
        record_click(law, ledger, moment, offer, log)
        write(log, moment, moment.time, VISIT, campaign.channel, offer.campaign, offer.creative, 0, 0)
        life.last_visit = moment.time
        life.last_device = moment.device
        remember_fee(campaign, life, moment, offer.campaign)
        if lead_draw < rules.fake_lead_share:
            write(log, moment, moment.time, FAKE_LEAD, campaign.channel, offer.campaign, offer.creative, 0, 0)
            if campaign.billing != REVENUE_SHARE and claw_draw >= campaign.clawback_share:
                charge_fee(law, life, ledger, moment, moment.time, 0, rules.fakes_are_leads == 1, log)
