"""What a model misjudges: the verdict on each channel as far as the truth is known, and the money behind it (currency).

The truth of one market is exact, and yet an estimate of markets like it: people live independently of one another, so what
ads caused among these people varies from market to market as a count does.
"""

import math
from dataclasses import dataclass

from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.verdict import FAIR_WITHIN
from experiments.truth.markets_like_it import interval_of_caused

__all__ = ["ENOUGH_CAUSED", "ChannelVerdict", "channel_verdicts"]

ENOUGH_CAUSED = 20  # orders: with fewer, a factor is said as a bound, if it can be said at all


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
