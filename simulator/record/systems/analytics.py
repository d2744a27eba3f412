"""Web analytics: sessions with a source; an action is credited to the sources of its visitor's sessions (conversions)."""

import numpy as np

from simulator.draws import SAMPLING
from simulator.record.claims import Claims
from simulator.record.matching import RULES, Pairs, any_in_group, pairs_within, shares
from simulator.record.record_draws import Bools, Codes, Floats, Ints, draws_at
from simulator.record.stages.identity import Recognition
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.stages.transport import Landing, Signals, counted
from simulator.record.stages.visit_sources import DIRECT, EXTENSION, REFERRAL, source_words
from simulator.record.true_events import Block
from simulator.scenario.schema import Scenario
from simulator.scenario.sellers import FEE_BILLING

NO_TOUCH = -1


def analytics_claims(
    block: Block,
    seen: Recognition,
    landing: Landing,
    signals: Signals,
    regime: TrackingInForce,
    seed: int,
    scenario: Scenario,
) -> Claims:
    """What web analytics credits to each source.

    Sessions of the same visitor within the lookback window share the action by the rule; direct sessions get nothing
    unless there are only such (GA4). A return from a payment gateway, or a coupon extension's click at checkout, is one
    more session just before the action.
    """
    actions, visits = block.actions, block.visits
    words = source_words(block.names)
    now = regime.at(actions.time)
    rows = np.flatnonzero(counted(block, actions, now) & (signals.analytics_count > 0))
    sampled = now(lambda t: t.analytics.sampling_share)[rows]
    rows, sampled = _sampled(block, rows, sampled, seed)

    sessions = np.flatnonzero(landing.in_analytics)
    pairs = pairs_of_visits(block, seen.visitor, rows, sessions, regime.longest(lambda t: t.analytics.lookback_days))
    lag = actions.time[rows[pairs.action]] - visits.time[pairs.touch]
    pairs = pairs.keep(lag <= now(lambda t: t.analytics.lookback_days)[rows[pairs.action]])
    source = landing.source[pairs.touch]
    action, touch = pairs.action, pairs.touch
    for late_source, happens in (
        (words.index(REFERRAL), signals.gateway[rows]),
        (coupon_source(scenario, words), signals.extension[rows]),
    ):
        extra = np.flatnonzero(happens)
        action, touch, source = _append(action, touch, source, extra, late_source)
    alone = np.setdiff1d(np.arange(len(rows)), action)
    action, touch, source = _append(action, touch, source, alone, words.index(DIRECT))

    known = source != words.index(DIRECT)
    kept = np.flatnonzero(known | ~any_in_group(action, known))
    action, touch, source = action[kept], touch[kept], source[kept]
    when = np.where(touch == NO_TOUCH, actions.time[rows[action]], visits.time[touch])
    moment = regime.at(actions.time[rows[action]])
    share = shares(
        action, actions.time[rows[action]] - when, moment(lambda t: RULES.index(t.analytics.rule)).astype(np.int64),
        moment(lambda t: t.analytics.half_life_days),
    )  # fmt: skip
    some = np.flatnonzero(share > 0)
    action, touch, source, share = action[some], touch[some], source[some], share[some]
    row = rows[action]
    when = when[some]
    conversions = share * signals.analytics_count[row] / sampled[action]
    own = (touch != NO_TOUCH) & (source == landing.origin[touch])
    return plain_claims(
        row, source, np.where(own, visits.campaign[touch], -1), np.where(own, visits.creative[touch], -1),
        when, actions.time[row], signals.arrival[row], conversions,
        np.rint(conversions * signals.value_micros[row]).astype(np.int64),
    )  # fmt: skip


def plain_claims(
    action: Ints, source: Codes, campaign: Codes, creative: Codes, touched: Floats, booked: Floats, arrival: Floats,
    conversions: Floats, value_micros: Ints,
) -> Claims:  # fmt: skip
    """Claims of a system that models nothing, is owed nothing and sees no views."""
    n = len(action)
    return Claims(
        action, np.zeros(n, np.int16), source.astype(np.int16), campaign.astype(np.int16), creative.astype(np.int16),
        np.zeros(n, np.bool_), touched, booked, arrival, conversions, np.zeros(n), value_micros, np.zeros(n, np.int64),
    )  # fmt: skip


def pairs_of_visits(block: Block, visitor: Ints, rows: Ints, sessions: Ints, days: float) -> Pairs:
    """Pairs of an action (position in `rows`) and an earlier session of its visitor (row of the visit)."""
    actions, visits = block.actions, block.visits
    order = sessions[np.lexsort((visits.time[sessions], visitor[sessions]))]
    pairs = pairs_within(
        visitor[actions.visit[rows]], visits.time[actions.visit[rows]], visitor[order], visits.time[order], days
    )
    return Pairs(pairs.action, order[pairs.touch])


def coupon_source(scenario: Scenario, words: tuple[str, ...]) -> int:
    """The channel that a coupon extension's click counts for: the first paid by fee, else one of its own."""
    for name, channel in scenario.channels.items():
        if any(campaign.billing in FEE_BILLING for campaign in channel.campaigns.values()):
            return words.index(name)
    return words.index(EXTENSION)


def _append(action: Ints, touch: Ints, source: Codes, extra: Ints, what: int) -> tuple[Ints, Ints, Codes]:
    """Give each of the actions `extra` one more, latest touch from this source."""
    action = np.concatenate([action, extra])
    order = np.argsort(action, kind="stable")
    touch = np.concatenate([touch, np.full(len(extra), NO_TOUCH)])
    source = np.concatenate([source, np.full(len(extra), what, np.int16)])
    return action[order], touch[order], source[order]


def _sampled(block: Block, rows: Ints, share: Floats, seed: int) -> tuple[Ints, Floats]:
    actions = block.actions
    draw = draws_at(seed, actions.user[rows], actions.session[rows], SAMPLING)[0]
    kept: Bools = draw < share
    return rows[kept], share[kept]
