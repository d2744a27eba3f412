"""Affiliate networks: the last affiliate click in the cookie claims the order and is owed its fee (micros)."""

from typing import Any

import numpy as np

from simulator.draws import FLOOD, ROBOT
from simulator.law.aftermath import micros
from simulator.record.claims import Claims
from simulator.record.matching import Pairs, pairs_within
from simulator.record.record_draws import Bools, Codes, Floats, Ints, draws_at, extra_copies
from simulator.record.stages.identity import Recognition
from simulator.record.stages.tracking_in_force import Moments, TrackingInForce
from simulator.record.stages.transport import Landing, Signals
from simulator.record.stages.visit_sources import source_words
from simulator.record.systems.analytics import coupon_source
from simulator.record.true_events import Block
from simulator.scenario.schema import Campaign, Scenario
from simulator.scenario.sellers import FEE_BILLING

LEAD, ORDER = "lead", "order"


def affiliate_claims(
    block: Block, seen: Recognition, landing: Landing, signals: Signals, regime: TrackingInForce, scenario: Scenario
) -> Claims:
    """What affiliate networks claim of a block, and what they are owed.

    The visitor's last click on any campaign that is paid by fee overwrites the cookie (one slot). It claims the first
    action it is paid for (cpl: the first funnel step; else the order) within its cookie's days, and is used up. With
    perfect tracking that is exactly what the world's own fees say. At checkout a coupon extension may put its own click in,
    and a flooding network claims actions with clicks that nobody made.

    Robots' fakes are paid for where they pretend to be what is paid for, but for the share clawed back; so are fakes that
    outsiders send beside genuine actions. Repeats are paid where the contract pays by the record.
    """
    actions, visits, touches = block.actions, block.visits, block.touches
    lead = block.kinds.index(f"micro:{block.names.steps[0]}") if len(block.names.steps) > 1 else -1
    order = block.kinds.index("conversion")
    fake = block.kinds.index("fake_lead")
    pays_for_leads = (actions.kind == lead) | ((actions.kind == fake) & (scenario.invalid_traffic.fakes == "lead"))
    confirmed = signals.affiliate & (pays_for_leads | (actions.kind == order) | (actions.kind == fake))
    rows = np.flatnonzero(confirmed)
    clicks = np.flatnonzero(touches.is_click)
    fee_rules = _FeeRules(scenario, block)
    clicks = clicks[fee_rules.is_fee(touches.channel[clicks], touches.campaign[clicks])]
    clicks = clicks[landing.consents[touches.visit[clicks]]]
    visitor = seen.visitor[touches.visit[clicks]]
    clicks = clicks[np.lexsort((touches.time[clicks], visitor))]
    visitor = seen.visitor[touches.visit[clicks]]
    found = pairs_within(
        seen.visitor[actions.visit[rows]], visits.time[actions.visit[rows]], visitor, touches.time[clicks], np.inf
    )
    last = np.full(len(rows), -1)
    last[found.action] = clicks[found.touch]
    has = np.flatnonzero(last >= 0)
    pairs = Pairs(rows[has], last[has])

    now = regime.at(visits.time[actions.visit[pairs.action]])
    channel, campaign = touches.channel[pairs.touch], touches.campaign[pairs.touch]
    terms = fee_rules.terms(now, channel, campaign)
    lag = visits.time[actions.visit[pairs.action]] - touches.time[pairs.touch]
    owed = (lag <= terms.cookie_days) & (pays_for_leads[pairs.action] == terms.per_lead)
    owed &= (actions.kind[pairs.action] != fake) | (~terms.by_value & ~_clawed_back(block, pairs.action, terms, now))
    owed[owed] = _first_of_each(pairs.touch[owed])
    pairs, terms = pairs.keep(owed), terms.keep(owed)
    claims = _claims(block, pairs.action, pairs.touch, terms, signals, regime, fake)
    claims = _flooded(
        claims,
        block,
        rows[(actions.kind[rows] == order) | (actions.kind[rows] == lead)],
        lead,
        fee_rules,
        regime,
        signals,
    )
    grabbed = np.flatnonzero(signals.extension & (actions.kind == order) & signals.affiliate)
    words = source_words(block.names)
    coupon = coupon_source(scenario, words)
    if not len(grabbed):
        return claims
    already = np.isin(claims.action, grabbed)
    return Claims.join([claims.keep(~already), _extension(block, grabbed, coupon, fee_rules, regime, signals)])


class _Terms:
    """What is agreed for each of some clicks: cookie_days, bid, per_lead, by_value, clawback, by_record, pays_fakes."""

    def __init__(self, table: Floats) -> None:
        self.table = table
        self.cookie_days, self.bid = table[:, 0], table[:, 1]
        self.per_lead, self.by_value = table[:, 2] > 0, table[:, 3] > 0
        self.clawback, self.by_record, self.pays_fakes = table[:, 4], table[:, 5] > 0, table[:, 6] > 0

    def keep(self, mask: Bools) -> "_Terms":
        return _Terms(self.table[mask])


class _FeeRules:
    """The terms of every campaign that is paid by fee, stretch by stretch."""

    def __init__(self, scenario: Scenario, block: Block) -> None:
        self.width = len(block.campaigns)
        self.names = block.names
        self.campaigns = block.campaigns
        self.paid = np.zeros((len(block.names.channels), self.width), np.bool_)
        for k, channel in enumerate(scenario.channels.values()):
            for name, campaign in channel.campaigns.items():
                self.paid[k, block.campaigns.index(name)] = campaign.billing in FEE_BILLING

    def is_fee(self, channel: Codes, campaign: Codes) -> Bools:
        return self.paid[channel, campaign]

    def terms(self, now: Moments, channel: Any, campaign: Any) -> _Terms:
        def row(scenario: Scenario) -> Floats:
            table = np.zeros((len(self.names.channels), self.width, 7))
            for k, its_channel in enumerate(scenario.channels.values()):
                for name, agreed in its_channel.campaigns.items():
                    table[k, self.campaigns.index(name)] = _terms_of(agreed, scenario.invalid_traffic.fakes)
            return table

        tables = np.array([row(scenario) for scenario in now.regime.scenarios])
        return _Terms(tables[now.stretch, channel, campaign])


def _terms_of(campaign: Campaign, fakes: str) -> tuple[float, ...]:
    return (
        campaign.cookie_days,
        campaign.bid,
        float(campaign.billing == "cpl"),
        float(campaign.billing == "revenue_share"),
        campaign.clawback_share,
        float(campaign.pays_by == "record"),
        float(campaign.billing == ("cpl" if fakes == "lead" else "cpa")),
    )


def _clawed_back(block: Block, action: Ints, terms: _Terms, now: Moments) -> Bools:
    """Whether the fee for a robot's fake is paid back: the world's own draw."""
    users, sessions = block.actions.user[action], block.actions.session[action]
    result: Bools = draws_at(now.regime.scenarios[0].run.seed, users, sessions, ROBOT)[3] < terms.clawback
    return result


def _times_paid(
    block: Block, action: Ints, terms: _Terms, signals: Signals, regime: TrackingInForce, fake: int
) -> Ints:
    """How often each claimed action is paid: once; for repeats where the contract pays by the record; for fakes beside it."""
    rate = regime.at(block.actions.time[action])(lambda t: t.intrusion.fake_lead_rate) * (1.0 - terms.clawback)
    fakes = np.where(terms.pays_fakes, extra_copies(rate, signals.fake_draw[action]), 0)
    repeats = np.where(terms.by_record, signals.again[action], 0)
    return np.where(block.actions.kind[action] == fake, 1, 1 + repeats + fakes)


def _first_of_each(touch: Ints) -> Bools:
    """Whether each is the first of its kind."""
    _, first = np.unique(touch, return_index=True)
    result = np.zeros(len(touch), np.bool_)
    result[first] = True
    return result


def _fees(terms: _Terms, value_micros: Ints) -> Ints:
    fixed = np.array([micros(float(bid)) for bid in terms.bid], np.int64)
    return np.where(terms.by_value, (terms.bid * value_micros + 0.5).astype(np.int64), fixed)


def _claims(
    block: Block, action: Ints, touch: Ints, terms: _Terms, signals: Signals, regime: TrackingInForce, fake: int
) -> Claims:
    touches, n = block.touches, len(action)
    times = _times_paid(block, action, terms, signals, regime, fake)
    value = signals.value_micros[action] * times
    return Claims(
        action, touches.channel[touch], touches.channel[touch], touches.campaign[touch], touches.creative[touch],
        np.zeros(n, np.bool_), touches.time[touch], block.actions.time[action], signals.arrival[action],
        times.astype(np.float64), np.zeros(n), value, _fees(terms, signals.value_micros[action]) * times,
    )  # fmt: skip


def _flooded(
    claims: Claims, block: Block, rows: Ints, lead: int, fee_rules: _FeeRules, regime: TrackingInForce, signals: Signals
) -> Claims:
    """The claims, where clicks that nobody made have taken actions for the flooding channel.

    Such a click stands before a share of the actions, at any time of the cookie's days alike, and wins unless a genuine
    click on a campaign paid by fee came later.
    """
    names = block.names.channels
    flooders = [t.intrusion.flood_channel for t in regime.trackings]
    for channel in sorted({name for name in flooders if name is not None}):
        k = names.index(channel)
        now = regime.at(block.actions.time[rows])
        share = now.table(
            lambda _, t: [t.intrusion.flood_share * (name == t.intrusion.flood_channel) for name in names],
            np.full(len(rows), k),
        )
        seed = regime.scenarios[0].run.seed
        draws = draws_at(seed, block.actions.user[rows], block.actions.session[rows], FLOOD, block.actions.kind[rows])
        campaign = int(np.argmax(fee_rules.paid[k]))
        terms = fee_rules.terms(now, np.full(len(rows), k), np.full(len(rows), campaign))
        time = block.actions.time[rows] - draws[1] * terms.cookie_days
        genuine = np.full(len(block.actions.time), -np.inf)
        genuine[claims.action] = claims.touched
        wins = (draws[0] < share) & (time > genuine[rows]) & ((block.actions.kind[rows] == lead) == terms.per_lead)
        taken, terms, time = rows[wins], terms.keep(wins), time[wins]
        value, n = signals.value_micros[taken], int(wins.sum())
        own = Claims(
            taken, np.full(n, k, np.int16), np.full(n, k, np.int16), np.full(n, campaign, np.int16),
            np.full(n, -1, np.int16), np.zeros(n, np.bool_), time, block.actions.time[taken], signals.arrival[taken],
            np.ones(n), np.zeros(n), value, _fees(terms, value),
        )  # fmt: skip
        claims = Claims.join([claims.keep(~np.isin(claims.action, taken)), own])
    return claims


def _extension(
    block: Block, action: Ints, coupon: int, fee_rules: _FeeRules, regime: TrackingInForce, signals: Signals
) -> Claims:
    """Claims of a coupon extension at checkout: on the terms of the channel's first campaign, for nothing if it has none."""
    n = len(action)
    value = signals.value_micros[action]
    paid = coupon < len(fee_rules.paid) and bool(fee_rules.paid[coupon].any())
    campaign = int(np.argmax(fee_rules.paid[coupon])) if paid else -1
    fees = np.zeros(n, np.int64)
    if campaign >= 0:
        now = regime.at(block.actions.time[action])
        fees = _fees(fee_rules.terms(now, np.full(n, coupon), np.full(n, campaign)), value)
    return Claims(
        action, np.full(n, coupon, np.int16), np.full(n, coupon, np.int16), np.full(n, campaign, np.int16),
        np.full(n, -1, np.int16), np.zeros(n, np.bool_), block.actions.time[action], block.actions.time[action],
        signals.arrival[action], np.ones(n), np.zeros(n), value, fees,
    )  # fmt: skip
