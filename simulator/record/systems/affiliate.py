"""Affiliate networks: the last affiliate click in the cookie claims the order and is owed its fee (micros)."""

from typing import Any

import numpy as np

from simulator.law.aftermath import micros
from simulator.record.claims import Claims
from simulator.record.matching import Pairs, pairs_within
from simulator.record.record_draws import Bools, Codes, Floats, Ints
from simulator.record.stages.identity import Recognition
from simulator.record.stages.tracking_in_force import Moments, TrackingInForce
from simulator.record.stages.transport import Landing, Signals
from simulator.record.stages.visit_sources import source_words
from simulator.record.systems.analytics import coupon_source
from simulator.record.systems.platform import FEE_BILLING
from simulator.record.true_events import Block
from simulator.scenario.schema import Campaign, Scenario

LEAD, ORDER = "lead", "order"


def affiliate_claims(
    block: Block, seen: Recognition, landing: Landing, signals: Signals, regime: TrackingInForce, scenario: Scenario
) -> Claims:
    """What affiliate networks claim of a block, and what they are owed.

    The visitor's last click on any campaign that is paid by fee overwrites the cookie (one slot). It claims the first
    action it is paid for (cpl: the first funnel step; else the order) within its cookie's days, and is used up. With
    perfect tracking that is exactly what the world's own fees say. At checkout a coupon extension may put its own click in.
    """
    actions, visits, touches = block.actions, block.visits, block.touches
    lead = block.kinds.index(f"micro:{block.names.steps[0]}") if len(block.names.steps) > 1 else -1
    order = block.kinds.index("conversion")
    confirmed = signals.affiliate & ((actions.kind == lead) | (actions.kind == order))
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
    owed = (lag <= terms.cookie_days) & ((actions.kind[pairs.action] == lead) == terms.per_lead)
    owed[owed] = _first_of_each(pairs.touch[owed])
    pairs, terms = pairs.keep(owed), terms.keep(owed)
    claims = _claims(block, pairs.action, pairs.touch, terms, signals)

    grabbed = np.flatnonzero(signals.extension & (actions.kind == order) & signals.affiliate)
    words = source_words(block.names)
    coupon = coupon_source(scenario, words)
    if not len(grabbed):
        return claims
    already = np.isin(claims.action, grabbed)
    return Claims.join([claims.keep(~already), _extension(block, grabbed, coupon, fee_rules, regime, signals)])


class _Terms:
    """What is agreed for each of some clicks: cookie_days, per_lead, bid, by_value."""

    def __init__(self, table: Floats) -> None:
        self.table = table
        self.cookie_days, self.bid = table[:, 0], table[:, 1]
        self.per_lead, self.by_value = table[:, 2] > 0, table[:, 3] > 0

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
            table = np.zeros((len(self.names.channels), self.width, 4))
            for k, its_channel in enumerate(scenario.channels.values()):
                for name, agreed in its_channel.campaigns.items():
                    table[k, self.campaigns.index(name)] = _terms_of(agreed)
            return table

        tables = np.array([row(scenario) for scenario in now.regime.scenarios])
        return _Terms(tables[now.stretch, channel, campaign])


def _terms_of(campaign: Campaign) -> tuple[float, float, float, float]:
    return (
        campaign.cookie_days,
        campaign.bid,
        float(campaign.billing == "cpl"),
        float(campaign.billing == "revenue_share"),
    )


def _first_of_each(touch: Ints) -> Bools:
    """Whether each is the first of its kind."""
    _, first = np.unique(touch, return_index=True)
    result = np.zeros(len(touch), np.bool_)
    result[first] = True
    return result


def _fees(terms: _Terms, value_micros: Ints) -> Ints:
    fixed = np.array([micros(float(bid)) for bid in terms.bid], np.int64)
    return np.where(terms.by_value, (terms.bid * value_micros + 0.5).astype(np.int64), fixed)


def _claims(block: Block, action: Ints, touch: Ints, terms: _Terms, signals: Signals) -> Claims:
    touches, n = block.touches, len(action)
    value = signals.value_micros[action]
    return Claims(
        action, touches.channel[touch], touches.channel[touch], touches.campaign[touch], touches.creative[touch],
        np.zeros(n, np.bool_), touches.time[touch], block.actions.time[action], signals.arrival[action],
        np.ones(n), np.zeros(n), value, _fees(terms, value),
    )  # fmt: skip


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
