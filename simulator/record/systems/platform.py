"""Ad platforms: each claims the actions that follow its own ads (conversions), knowing nothing of any other."""

from dataclasses import dataclass

import numpy as np

from simulator.draws import ENGAGEMENT, GRAPH, LOG_IN
from simulator.record.claims import Claims
from simulator.record.matching import RULES, Pairs, pairs_within, shares
from simulator.record.record_draws import Bools, Codes, Floats, Ints, draws_at
from simulator.record.stages.identity import SAFARI, Recognition, browser_of
from simulator.record.stages.modelling import Modelling
from simulator.record.stages.tracking_in_force import Moments, TrackingInForce
from simulator.record.stages.transport import Landing, Signals, counted
from simulator.record.true_events import Block
from simulator.scenario.schema import Scenario
from simulator.scenario.sellers import Sellers, rules_of
from simulator.scenario.tracking import BROWSERS

NOT_WITHIN, VIEW, ENGAGED, CLICK = range(4)  # what beats what
THIRD_PARTY = np.array([name in ("chrome", "edge", "other") for name in BROWSERS])  # Safari, Firefox block such cookies
HALF_LIFE_DAYS = 7.0  # Google Ads' time decay
STAGES = {"order": "conversion", "qualified": "qualified", "closed": "closed"}


def platform_claims(
    block: Block, seen: Recognition, landing: Landing, signals: Signals, regime: TrackingInForce, seed: int, market: Sellers,
    modelling: Modelling,
) -> Claims:  # fmt: skip
    """What all ad platforms claim of a block.

    An action counts for a platform if one of its own clicks lies within its click window, else one of its own engaged
    views within theirs, else another of its own views (click beats engaged view beats view), and the platform can tell that
    it was the same person: by log-in, or by a click ID kept in the same cookie, or (views) by a third-party cookie on the
    same device.
    """
    actions = block.actions
    now = regime.at(actions.time)
    by_tag = counted(block, actions, now) & (signals.platform_count > 0)
    by_stage = np.isin(actions.kind, block.kind(*STAGES.values()))
    rows = np.flatnonzero(by_tag | by_stage)
    touches = block.touches
    longest = regime.longest(
        lambda t: max(max(r.click_days, r.view_days, r.engaged_days) for r in [t.platform, *t.platforms.values()])
    )
    arrived = block.visits.time[actions.visit[rows]]
    pairs = pairs_within(actions.user[rows], arrived, touches.user, touches.time, longest)
    pairs = Pairs(rows[pairs.action], pairs.touch)
    platform = market.of_channel[touches.channel[pairs.touch]]
    own = (platform >= 0) & (
        touches.is_click[pairs.touch] | _views_count(regime.scenarios[0])[touches.channel[pairs.touch]]
    )
    pairs, platform = pairs.keep(own), platform[own]

    rules = _Rules(regime.at(actions.time[pairs.action]), market.platforms, platform.astype(np.int64))
    offline = rules(lambda r: list(STAGES).index(r.offline_import) if r.offline_import != "none" else -1)
    stage_kind = np.append(block.kind(*STAGES.values()), -1)[offline.astype(np.int64)]
    counts = np.where(offline < 0, by_tag[pairs.action], actions.kind[pairs.action] == stage_kind)
    rank = _rank(block, pairs, rules, seed)
    counts &= (rank > NOT_WITHIN) & _recognised(block, pairs, platform, seen, landing, offline, rules, seed)
    order = np.flatnonzero(counts)
    order = order[np.lexsort((pairs.touch[order], platform[order], pairs.action[order]))]
    return _claims(block, pairs.keep(order), rules.take(order), rank[order], offline[order], signals, modelling)  # type: ignore[arg-type]


def _views_count(scenario: Scenario) -> Bools:
    """Whether an ad of each channel that was seen and not clicked can be claimed: not in search and shopping."""
    surfaces = [channel.surface for channel in scenario.channels.values()]
    return np.array([name is None or scenario.surfaces[name].counts_views() for name in surfaces], np.bool_)


@dataclass(frozen=True)
class _Rules:
    """The rules in force for each pair: those of its platform at the time of its action."""

    now: Moments
    platforms: tuple[str, ...]
    platform: Ints

    def __call__(self, number: object) -> Floats:
        return self.now.table(
            lambda _, t: [number(rules_of(t, name)) for name in self.platforms],  # type: ignore[operator]
            self.platform,
        )

    def take(self, rows: Ints) -> "_Rules":
        return _Rules(Moments(self.now.regime, self.now.stretch[rows]), self.platforms, self.platform[rows])


def _rank(block: Block, pairs: Pairs, rules: _Rules, seed: int) -> Ints:
    """What each touch is to its platform: a click, an engaged view or a view, or nothing that lies within its window."""
    touches = block.touches
    lag = block.actions.time[pairs.action] - touches.time[pairs.touch]
    draw = draws_at(seed, touches.user[pairs.touch], touches.session[pairs.touch], ENGAGEMENT)[0]
    engaged_days, view_days = rules(lambda r: r.engaged_days), rules(lambda r: r.view_days)
    engaged = (draw < rules(lambda r: r.engaged_share)) & (lag <= engaged_days) & (engaged_days > 0)
    view = np.where(engaged, ENGAGED, np.where((lag <= view_days) & (view_days > 0), VIEW, NOT_WITHIN))
    clicked = np.where(lag <= rules(lambda r: r.click_days), CLICK, NOT_WITHIN)
    return np.where(touches.is_click[pairs.touch], clicked, view).astype(np.int64)


def _recognised(
    block: Block, pairs: Pairs, platform: Codes, seen: Recognition, landing: Landing, offline: Floats, rules: _Rules,
    seed: int,
) -> Bools:  # fmt: skip
    """Whether the platform can tell that touch and action belong to the same person."""
    touches, actions = block.touches, block.actions
    user = actions.user[pairs.action]
    there = actions.visit[pairs.action]
    device = touches.device[pairs.touch]
    browser = browser_of(user, device, rules.now, seed)
    mobile = np.isin(device, [i for i, name in enumerate(block.names.devices) if name != "desktop"])
    permits = draws_at(seed, user, 0, GRAPH)[3] < rules.now(lambda t: t.identity.app_permission_share)
    logged_in = draws_at(seed, user, 0, LOG_IN, platform)[0] < rules(lambda r: r.match_share)
    logged_in &= ~mobile | (browser != SAFARI) | permits
    click = touches.is_click[pairs.touch]
    landed = touches.visit[pairs.touch]  # -1, the last visit, for views: masked by `click`
    same_cookie = seen.cookie[landed] == seen.cookie[there] if len(seen.cookie) else np.zeros(len(user), np.bool_)
    kept = (rules(lambda r: float(r.click_id_kept)) > 0) | (landed == there)
    by_click_id = click & same_cookie & landing.click_id[landed] & kept & landing.consents[landed]
    on_device = ~click & (device == block.visits.device[there]) & THIRD_PARTY[browser]
    recognised: Bools = np.where(offline >= 0, by_click_id, logged_in | by_click_id | on_device)
    return recognised


def _claims(
    block: Block, pairs: Pairs, rules: _Rules, rank: Ints, offline: Floats, signals: Signals, modelling: Modelling
) -> Claims:
    touches, actions = block.touches, block.actions
    group = pairs.action * len(rules.platforms) + rules.platform
    dense = _dense(group)
    strongest = np.zeros(len(pairs.action), np.int64)
    np.maximum.at(strongest, dense, rank)
    best = np.flatnonzero(rank == strongest[dense])
    pairs, rules, group, offline = pairs.keep(best), rules.take(best), group[best], offline[best]  # type: ignore[arg-type]
    rule = rules(lambda r: RULES.index(r.rule)).astype(np.int64)
    age = actions.time[pairs.action] - touches.time[pairs.touch]
    share = shares(group, age, rule, np.full(len(group), HALF_LIFE_DAYS))
    once = rules(lambda r: float(r.counting == "one")) > 0
    repeated = once & ~_first_for_touch(group, pairs.touch)
    times = np.where(offline >= 0, 1, signals.platform_count[pairs.action])
    conversions = np.where(repeated, 0.0, share * np.where(once, np.minimum(times, 1), times))
    some = np.flatnonzero(conversions > 0)
    pairs, rules, conversions, offline = pairs.keep(some), rules.take(some), conversions[some], offline[some]  # type: ignore[arg-type]
    time = actions.time[pairs.action]
    geo = block.visits.geo[actions.visit[pairs.action]]
    by_click_date = rules(lambda r: float(r.booking == "click_date")) > 0
    touch = pairs.touch
    return Claims(
        action=pairs.action,
        reporter=rules.platform.astype(np.int16),
        channel=touches.channel[touch],
        campaign=touches.campaign[touch],
        creative=touches.creative[touch],
        view_through=~touches.is_click[touch],
        touched=touches.time[touch],
        booked=np.where(by_click_date, touches.time[touch], time),
        arrival=signals.arrival[pairs.action],
        conversions=conversions,
        modelled=np.where(offline >= 0, 0.0, conversions * modelling.rate(rules.platform, geo, time)),
        value_micros=np.rint(conversions * signals.value_micros[pairs.action]).astype(np.int64),
        fee_micros=np.zeros(len(conversions), np.int64),
    )


def _dense(group: Ints) -> Ints:
    """Sorted numbers of groups as 0, 1, 2 …"""
    return np.cumsum(np.r_[0, group[1:] != group[:-1]]) if len(group) else group


def _first_for_touch(group: Ints, touch: Ints) -> Bools:
    """For each member: whether its group is the first whose latest touch is the one it has."""
    if not len(group):
        return np.zeros(0, np.bool_)
    ends = np.flatnonzero(np.r_[group[1:] != group[:-1], True])
    _, first = np.unique(touch[ends], return_index=True)
    fresh = np.zeros(len(ends), np.bool_)
    fresh[first] = True
    return np.repeat(fresh, np.diff(np.r_[-1, ends]))
