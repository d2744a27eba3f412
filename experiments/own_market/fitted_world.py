"""A scenario from a channel table and the numbers that are fitted to it, and what its simulated record shows (counts)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.own_market.channel_table import ChannelRow, Floats, MarketTable, SeenPaths
from experiments.own_market.journeys import lags_of, paths_of
from experiments.truth.effects import measure_truth
from simulator.record.record import record
from simulator.scenario.schema import Scenario
from simulator.world import simulate

__all__ = [
    "SETTINGS",
    "Moments",
    "Size",
    "build_world",
    "first_guess",
    "simulated_moments",
    "size_of",
    "won",
]

# One fitted number per channel for each of what a table shows, and for what it does not show:
SETTINGS = ("impressions", "clicks", "orders", "platform", "analytics", "caused")
ORDERS_PER_PERSON_MONTH = (
    0.03  # of the people that the market is made of: their number only sets how many are simulated [M]
)
FILLED = 0.6  # share of sessions at places of ads, at most
INTEREST = (1.0, 2.0, 2.5, 3.0)
SETTLING_DAYS = 15  # three half-lives of goodwill
FUNNEL = (("view", 0.6, 0.0), ("cart", 0.25, 0.5), ("order", 0.18, 1.0))
GOODWILL_GUESS = 4_000.0  # orders per impression, to the number that makes them: what a first trial begins with
WINS = 20.0  # bid ÷ rivals' price where nothing is to be won or lost: messages, fees per action
WON = 0.75  # share of auctions that are won: what is left is room to spend more, at a higher price [M]
RIVAL_SIGMA = 0.5  # of the logarithm of the rivals' price [M]
AUCTIONS = ("cpm", "cpc")
MOST_PATIENCE, MOST_MOOD = math.log(8.0), math.log(30.0)


@dataclass(frozen=True)
class Size:
    """How large the fitted worlds are.

    Attributes:
        market: people of the market; users: of them simulated.
        sessions: per person and day.
        days: simulated; shorter than the table's period if that is long.
    """

    market: int
    users: int
    sessions: float
    days: float

    def share(self, table: MarketTable) -> float:
        """Share of the table's volume that is simulated."""
        return self.users / self.market * self.days / table.days


@dataclass(frozen=True)
class Moments:
    """What a world shows, at the simulated volume: (K, 6) per channel and setting, orders in all, and cost (K,).

    `lags` (B,) and `paths` are there where the table has them.
    """

    counts: Floats
    orders: float
    cost: Floats
    lags: Floats | None = None
    paths: SeenPaths | None = None


def size_of(table: MarketTable, users: int) -> Size:
    """As many people as the orders say, and sessions for all the impressions."""
    days = min(table.days, 30.0)
    month = table.orders * 30.0 / table.days
    shown = sum(row.impressions for row in table.rows if math.isfinite(row.impressions)) / table.days
    market = max(month / ORDERS_PER_PERSON_MONTH, 1_000.0)
    offered = shown / WON / FILLED
    sessions = min(max(offered / market, 1.0), 3.0)
    market = max(market, offered / sessions)
    return Size(
        math.ceil(market), min(math.ceil(market), max(round(users / max(sessions, 1.0)), 2_000)), sessions, days
    )


def targets(table: MarketTable, caused: Mapping[str, float]) -> tuple[Floats, float]:
    """What is to be met, at the table's volume: (K, 6), nan where it is not known, and orders in all.

    Args:
        table: what was seen.
        caused: incremental orders per channel, supposed.
    """
    rows = [
        (impressions_of(row), clicks_of(row), row.orders, row.platform, row.analytics, caused[row.name])
        for row in table.rows
    ]
    return np.array(rows, float), table.orders


def impressions_of(row: ChannelRow) -> float:
    """From the table, else from clicks or from the usual price."""
    if math.isfinite(row.impressions):
        return max(row.impressions, 1.0)
    if math.isfinite(row.clicks):
        return max(row.clicks / row.of.ctr, 1.0)
    return max(row.cost / row.of.cpm * 1000.0, 1.0)


def clicks_of(row: ChannelRow) -> float:
    """From the table, else at the usual click-through rate."""
    return row.clicks if math.isfinite(row.clicks) else impressions_of(row) * row.of.ctr


def first_guess(table: MarketTable, size: Size, caused: Mapping[str, float]) -> Floats:
    """Logarithms of the fitted numbers to begin with, (K·6 + 2 + K,): settings of channels, need and patience, moods."""
    wanted, orders = targets(table, caused)
    sessions = size.market * table.days * size.sessions
    guess = np.zeros((len(table.rows), len(SETTINGS)))
    # What the places of ads leave of all sessions: the less, the more each must weigh, and the rarer visits of one's own are.
    offered = sum(shown / won(row) for row, shown in zip(table.rows, wanted[:, 0], strict=True))
    left = max(1.0 - offered / sessions, 0.1)
    for k, row in enumerate(table.rows):
        looking = 0.04 * row.of.weights[1] + 0.02 * (row.of.weights[2] + row.of.weights[3]) + 0.92 * row.of.weights[0]
        guess[k, 0] = math.log(100.0 * wanted[k, 0] / won(row) / sessions / looking / left)
        interest = 1.2 if row.of.weights[0] >= 1.0 else 2.1
        guess[k, 1] = math.log(max(wanted[k, 1], 0.5) / wanted[k, 0] / interest)
        rate = max(wanted[k, 2], 0.5) / max(wanted[k, 1], 1.0)
        guess[k, 2] = 0.5 * math.log(min(max(rate / (0.03 if row.of.weights[0] < 1.0 else 0.012), 0.02), 30.0))
        per_order = caused[row.name] / max(wanted[k, 2], 1.0)
        per_impression = GOODWILL_GUESS * caused[row.name] / wanted[k, 0]
        by_goodwill = row.of.base == "claims" and not row.of.late
        guess[k, 5] = math.log(max(per_impression if by_goodwill else per_order, 0.01))
    need = math.log(orders / table.days / size.market * 3.0 / left)
    return np.concatenate([guess.ravel(), [need, 0.0], np.zeros(len(table.rows))])


def build_world(table: MarketTable, size: Size, fitted: Floats, *, seed: int) -> dict[str, Any]:
    """The tables of a scenario.

    Patience divides the rates at which needs end: the more, the later people order. A channel's mood is how much more often
    its ads stand before people who are looking than before those who are not: the more, the more paths they stand in.

    Each channel has a place of its own, where ads cost what the table says and some auctions are lost, so that a higher bid
    buys more at a higher price. What it causes is one number h: a
    share 1 − h of its clicks replaces visits that would have come anyway, and above 1 its ads also leave goodwill.

    Args:
        table: what was seen.
        size: how large.
        fitted: logarithms, as `first_guess` orders them.
        seed: of every random number.
    """
    k = len(table.rows)
    numbers = np.exp(np.clip(fitted[: k * len(SETTINGS)], -16.0, 8.0)).reshape(k, len(SETTINGS))
    need = float(np.clip(np.exp(fitted[k * len(SETTINGS)]), 1e-6, 5.0))
    patience = float(np.exp(np.clip(fitted[k * len(SETTINGS) + 1], -MOST_PATIENCE, MOST_PATIENCE)))
    moods = np.exp(np.clip(fitted[-k:], -MOST_MOOD, MOST_MOOD))
    surfaces: dict[str, Any] = {
        "organic": {
            "weights": {"in_market": 30.0, "visited": 12.0, "late": 6.0},
            "visit_share": {"in_market": 0.4, "visited": 0.4, "late": 0.4}, "visit_channel": "organic_search",
        },
        "direct": {
            "weights": {"out_of_market": 0.05, "in_market": 6.0, "visited": 10.0, "late": 20.0}, "goodwill_pull": 1.0,
            "visit_share": dict.fromkeys(("out_of_market", "in_market", "visited", "late"), 1.0), "visit_channel": "direct",
        },
        "elsewhere": {"weights": dict.fromkeys(("out_of_market", "in_market", "visited", "late"), 100.0)},
    }  # fmt: skip
    channels: dict[str, Any] = {"direct": {}, "organic_search": {}}
    platforms, mistyped = {}, {}
    for row, own, mood in zip(table.rows, numbers, moods, strict=True):
        surfaces[f"at_{row.name}"[:40]], channels[row.name] = _channel(row, own, float(mood))
        claims = float(own[3])
        views = row.of.view_days * claims
        platforms[row.name] = {
            "channels": [row.name], "click_days": row.of.click_days, "view_days": round(min(views, 90.0), 4),
            "match_share": round(min(0.75 * claims, 0.98), 4), "booking": "conversion_date",
        }  # fmt: skip
        mistyped[row.name] = round(float(np.clip(1.0 - own[4], 0.0, 0.95)), 4)
    value = table.order_value if math.isfinite(table.order_value) else 100.0
    return {
        "title": "Own market",
        "description": "Fitted to a channel table by cpalab init; the ensemble beside it holds what the table cannot tell.",
        "run": {
            "users": size.users, "days": size.days, "seed": seed, "warm_up_days": SETTLING_DAYS,
            "follow_up_days": SETTLING_DAYS,
        },
        "market": {"people": size.market, "currency": table.currency},
        "population": {
            "sessions_per_day": {"mean": round(size.sessions, 4), "sigma": 0.7},
            "need_per_day": {"mean": need, "sigma": 1.0}, "activity_need_correlation": 0.25,
            "geos": {"everywhere": {"consent": 0.90}},
        },
        "need": {
            "lapse_per_day": 0.065 / patience, "rival_per_day": 0.075 / patience, "satiation_days": 14.0,
            "aroused_by_visit": 0.15,
        },
        "funnel": [{"name": n, "rate": r, "goodwill_response": g} for n, r, g in FUNNEL],
        "interest": dict(zip(("out_of_market", "in_market", "visited", "late"), INTEREST, strict=True)),
        "order": {"value": {"mean": value, "sigma": 0.45}},
        "surfaces": surfaces,
        "channels": channels,
        "tracking": {
            "consent": {"model_recovery": 0.0},
            "transport": {
                "server_coverage": 0.6, "ad_blocker_share": 0.05, "analytics_coverage": 1.0, "session_loss": 0.0,
                "utm_loss": 0.0, "utm_mistyped": mistyped,
            },
            "platforms": platforms,
        },
    }  # fmt: skip


def _channel(row: ChannelRow, own: Floats, looking: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The place where a channel's ads appear, and the channel."""
    moods = ("out_of_market", "in_market", "visited", "late")
    weight, rate = float(own[0]), float(min(own[1], 1.0))
    replaces = float(np.clip(1.0 - own[5], 0.0, 0.999)) if row.of.base == "orders" or row.of.late else 0.0
    goodwill = float(own[5]) if row.of.base == "claims" and not row.of.late else max(float(own[5]) - 1.0, 0.0)
    price = row.cost / impressions_of(row) * 1000.0
    if row.of.billing == "cpc":  # a click costs the impression's price ÷ click-through rate
        price = 1000.0 * rate * row.cost / max(clicks_of(row), 1.0)
    elif row.of.billing in ("cpa", "send"):
        price = 1.0
    price = max(price, 1e-4)
    claimed = row.platform if math.isfinite(row.platform) else row.orders
    rival, offer = rival_and_bid(price) if row.of.billing in AUCTIONS else (price, WINS * price)
    bid = {
        "cpc": offer / 1000.0 / rate,
        "cpm": offer,
        "cpa": row.cost / max(claimed, 1.0),
        "send": row.cost / impressions_of(row) * 1000.0,
    }[row.of.billing]
    campaign: dict[str, Any] = {
        "billing": row.of.billing, "bid": bid, "click_through_rate": rate, "substitution": replaces,
        "landing_page_factor": float(own[2]),
    }  # fmt: skip
    if row.of.billing == "cpa":
        campaign |= {"expected_action_rate": 1.0, "cookie_days": min(30.0 * float(own[3]), 90.0)}
    if row.of.late:
        campaign["targeting"] = {"audience": "visitors"}
    place: dict[str, Any] = {
        "weights": {
            mood: weight * w * (1.0 if mood == "out_of_market" else looking)
            for mood, w in zip(moods, row.of.weights, strict=True)
        },
        "slot_share": 1.0, "rival_cpm": rival, "rival_sigma": RIVAL_SIGMA, "view_through": row.of.view_days > 0,
    }  # fmt: skip
    if replaces > 0:
        # The visits that its clicks replace come from this place, and are direct where there is no ad.
        visits = {m: min(replaces * rate * i, 1.0) for m, i in zip(moods, INTEREST, strict=True)}
        place |= {"visit_share": visits, "visit_channel": "direct"}
    channel: dict[str, Any] = {"surface": f"at_{row.name}"[:40], "half_life_days": 5.0, "campaigns": {"all": campaign}}
    if goodwill > 0:
        channel |= {
            "goodwill_per_impression": 0.03 * goodwill, "saturation": 0.8, "direct_effect": 0.6, "upstream_effect": 1.2,
            "need_effect": 1.0,
        }  # fmt: skip
    return place, channel


def won(row: ChannelRow) -> float:
    """Share of the places of its ads that a channel takes."""
    return WON if row.of.billing in AUCTIONS else 1.0


def rival_and_bid(price: float) -> tuple[float, float]:
    """The rivals' mean price m and the bid b that win the share w at the price E[R | R < b] = m·Φ(z − s)/w, z = Φ⁻¹(w).

    R is log-normal with mean m and deviation s of its logarithm, so b = m·exp(s·z − s²/2).

    Args:
        price: of what is won, in currency.
    """
    from statistics import NormalDist

    normal = NormalDist()
    z = normal.inv_cdf(WON)
    rival = price * WON / normal.cdf(z - RIVAL_SIGMA)
    return rival, rival * math.exp(RIVAL_SIGMA * z - RIVAL_SIGMA**2 / 2)


def simulated_moments(
    scenario: Scenario, names: Sequence[str], *, table: MarketTable | None = None, threads: int = 1
) -> Moments:
    """Live a scenario, record it and live it again without each channel.

    Args:
        scenario: of the world.
        names: of the channels.
        table: says whether lags and paths are wanted too.
        threads: of each simulation.
    """
    world = simulate(scenario, threads=threads)
    shown = world.to_frame().set_index("channel")
    seen = record(world)
    systems = [seen.conversions(system) for system in ("crm", "platform", "analytics")]
    truth = measure_truth(world, estimands=("average",), threads=threads)
    rows = [
        [
            shown["impressions"].get(name, 0), shown["clicks"].get(name, 0), *(found.get(name, 0.0) for found in systems),
            truth.effect(name).incremental_conversions,
        ]
        for name in names
    ]  # fmt: skip
    cost = np.array([float(shown["cost"].get(name, 0.0)) for name in names])
    lags = None if table is None or table.lag is None else lags_of(seen, table.lag.edges)
    paths = None if table is None or table.paths is None else paths_of(world, names)
    return Moments(np.array(rows, float), float(world.orders().num_rows), cost, lags, paths)
