"""What a model misjudges: the verdict on each channel as far as the truth is known, and the money behind it (currency).

The truth of one market is exact, and yet an estimate of markets like it: people live independently of one another, so what
ads caused among these people varies from market to market as a count does.
"""

import math
from dataclasses import dataclass

import numpy as np

from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.verdict import FAIR_WITHIN
from experiments.truth.order_labels import CAUSED, OrderLabels

__all__ = ["ENOUGH_CAUSED", "ChannelVerdict", "channel_verdicts", "interval_of_caused"]

ENOUGH_CAUSED = 20  # orders: with fewer, a factor is said as a bound, if it can be said at all
Z = 1.959964  # two-sided 95 %


@dataclass(frozen=True)
class ChannelVerdict:
    """One paid channel, judged as far as the truth is known.

    Attributes:
        channel: its name.
        cost: what was paid; platform, attributed: cost per conversion as its platform and as the judge sees it; nan where
            none is counted.
        incremental: cost per incremental conversion; lower, upper: its 95 % interval in markets like this one.
        words: the verdict in the trade's words.
        misjudged: how much of the cost the judge's credit and the truth disagree about.
    """

    channel: str
    cost: float
    platform: float
    attributed: float
    incremental: float
    lower: float
    upper: float
    words: str
    misjudged: float


def interval_of_caused(labels: OrderLabels) -> tuple[float, float]:
    """95 % interval of caused − prevented orders in markets like this one.

    Each count has its score limits, x + z²/2 ± z·√(x + z²/4), widened where one person has several such orders; the limits
    of the difference combine them (MOVER).

    Args:
        labels: of a channel's average effect.

    Returns:
        Lower and upper limit, in orders.

    Source: Newcombe (1998), Statistics in Medicine 17, for the combination of limits.
    """
    caused = labels.order_id[labels.label == CAUSED] >> 32
    prevented = labels.prevented_orders.order_id >> 32
    people, place = np.unique(np.concatenate([caused, prevented]), return_inverse=True)
    sign = np.r_[np.ones(len(caused)), -np.ones(len(prevented))]
    by_person = np.bincount(place, weights=sign, minlength=len(people))
    orders = len(caused) + len(prevented)
    spread = max(float(np.sum(by_person**2)) / orders, 1.0) if orders else 1.0
    (c, c_low, c_high), (p, p_low, p_high) = (_limits(len(own), spread) for own in (caused, prevented))
    return (
        c - p - math.sqrt((c - c_low) ** 2 + (p_high - p) ** 2),
        c - p + math.sqrt((c_high - c) ** 2 + (p - p_low) ** 2),
    )


def _limits(count: int, spread: float) -> tuple[float, float, float]:
    """A count and its score limits, for a variance of `spread` per order."""
    z = Z * math.sqrt(spread)
    half = z * math.sqrt(count + z**2 / 4)
    return float(count), max(count + z**2 / 2 - half, 0.0), count + z**2 / 2 + half


def channel_verdicts(comparison: Comparison) -> tuple[ChannelVerdict, ...]:
    """The verdict on every paid channel, the most money misjudged first."""
    platform = (
        {} if comparison.systems is None else {own.channel: own.cpa("platform") for own in comparison.systems.channels}
    )
    found = [_judged(channel, comparison, platform.get(channel.channel, math.nan)) for channel in comparison.channels]
    return tuple(sorted(found, key=lambda own: (-own.misjudged, -own.cost)))


def _judged(channel: ChannelComparison, comparison: Comparison, platform: float) -> ChannelVerdict:
    labels = comparison.truth.labels[channel.channel]
    low, high = interval_of_caused(labels)
    credited = max(channel.credits.get(comparison.judge, 0.0), 0.0)
    caused = channel.truth.incremental_conversions
    nothing = labels.counts()["caused"] == labels.prevented == 0
    price = channel.truth.cost_per_incremental_conversion
    lower = channel.cost / high if high > 0 else math.inf
    upper = channel.cost / low if low > 0 else math.inf
    larger = max(credited, caused)
    agreed = max(min(credited, caused), 0.0) / larger if larger > 0 else 1.0
    words = _words(channel.cost, credited, caused, (low, high), nothing=nothing, known=labels.counts()["caused"])
    return ChannelVerdict(
        channel.channel,
        channel.cost,
        platform,
        channel.attributed_cpa(comparison.judge),
        price,
        lower,
        upper,
        words,
        channel.cost * (1 - agreed) if words != "cannot tell" else 0.0,
    )


def _words(
    cost: float, credited: float, caused: float, interval: tuple[float, float], *, nothing: bool, known: int
) -> str:
    """The verdict: a factor where it is known, a bound where only that is, else that nobody can tell."""
    low, high = interval
    if cost <= 0:
        return "free"
    if nothing:
        return "caused nothing"
    over = credited / high if high > 0 else math.inf  # credited at least so many times what it caused
    under = low / credited if credited > 0 else (math.inf if low > 0 else 0.0)
    if known >= ENOUGH_CAUSED and caused > 0:
        factor = credited / caused
        if over > FAIR_WITHIN:
            return f"over-credited {_times(factor)}"
        if under > FAIR_WITHIN:
            return "under-credited" if credited <= 0 else f"under-credited {_times(1 / factor)}"
        if 1 / FAIR_WITHIN <= factor <= FAIR_WITHIN:
            return "fair"
        return "cannot tell"
    if over > FAIR_WITHIN:
        return f"over-credited {_times(over)}+" if math.isfinite(over) else "over-credited"
    return "cannot tell"


def _times(factor: float) -> str:
    return f"{factor:.1f}×" if factor < 9.95 else f"{factor:,.0f}×"
