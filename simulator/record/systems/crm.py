"""The CRM: every order at its true stage (conversions), with the source that the browser still knew."""

import numpy as np

from simulator.draws import CHECKOUT
from simulator.record.claims import Claims
from simulator.record.matching import any_in_group
from simulator.record.record_draws import draws_at
from simulator.record.stages.identity import Recognition
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.stages.transport import Landing
from simulator.record.stages.visit_sources import DIRECT, UNKNOWN, source_words
from simulator.record.systems.analytics import NO_TOUCH, pairs_of_visits, plain_claims
from simulator.record.true_events import Block

STAGES = {
    "crm": ("conversion", "fake_lead"),  # a form filled in by a robot is a lead until somebody calls
    "crm_qualified": ("qualified",),
    "crm_closed": ("closed",),
    "crm_kept": ("closed", "refund"),
}


def crm_claims(
    block: Block, seen: Recognition, landing: Landing, regime: TrackingInForce, seed: int, stage: str
) -> Claims:
    """What the CRM books at one stage.

    The source is that of the visitor's last visit which was not direct, read from hidden fields of the form: UTM
    parameters, or where those are lost the click ID. Orders are always right; only sources can be missing. `crm_kept`
    counts a refunded order as -1 on the day of the refund.
    """
    actions, visits = block.actions, block.visits
    words = source_words(block.names)
    now = regime.at(actions.time)
    rows = np.flatnonzero(np.isin(actions.kind, block.kind(*STAGES[stage])))
    ordered = actions.visit[rows]  # the source was stored with the order, whenever the stage is reached
    source = np.where(landing.click_id, landing.origin, landing.source)
    pairs = pairs_of_visits(block, seen.visitor, rows, np.arange(len(visits.user)), np.inf)
    action, touch = pairs.action, pairs.touch
    lag = visits.time[ordered[action]] - visits.time[touch]
    lookback = now(lambda t: t.crm.lookback_days)[rows[action]]
    kept = lag <= lookback
    action, touch = action[kept], touch[kept]
    known = source[touch] != words.index(DIRECT)
    best = known | ~any_in_group(action, known)
    last = np.full(len(rows), NO_TOUCH)
    last[action[best]] = touch[best]  # by time: the latest is written last
    found = np.where(last == NO_TOUCH, words.index(DIRECT), source[last])
    missing = draws_at(seed, actions.user[rows], actions.session[rows], CHECKOUT)[2]
    missing = missing < now(lambda t: t.crm.source_missing_share)[rows]
    found = np.where(missing, words.index(UNKNOWN), found)
    own = (last != NO_TOUCH) & (found == landing.origin[last])
    sign = np.where(actions.kind[rows] == block.kind("refund")[0], -1.0, 1.0)
    return plain_claims(
        rows, found, np.where(own, visits.campaign[last], -1), np.where(own, visits.creative[last], -1),
        np.where(last == NO_TOUCH, np.nan, visits.time[last]), actions.time[rows], actions.time[rows], sign,
        actions.value_micros[rows],
    )  # fmt: skip
