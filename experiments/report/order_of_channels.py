"""The order of channels on the page, and the judgement of each (`experiments.comparison.verdict`)."""

import math

from experiments.comparison import verdict
from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.verdict import CreditedPerCaused


def credited_per_caused(channel: ChannelComparison, model: str) -> CreditedPerCaused:
    """How the channel's CPA under a model stands to its true incremental CPA."""
    return verdict.credited_per_caused(
        channel.cost, channel.credits.get(model, 0.0), channel.truth.incremental_conversions
    )


def by_over_credit(comparison: Comparison) -> tuple[ChannelComparison, ...]:
    """The channels, the most over-credited first; of equals the costlier; channels without any price last."""
    if not comparison.channels:
        return ()
    model = comparison.judge

    def place(channel: ChannelComparison) -> tuple[float, float]:
        factor = credited_per_caused(channel, model).factor
        return (math.inf if math.isnan(factor) else -factor, -channel.cost)

    return tuple(sorted(comparison.channels, key=place))


def models(comparison: Comparison) -> tuple[str, ...]:
    """The attribution models compared, the one that verdicts are about first."""
    compared = comparison.channels[0].credits if comparison.channels else ()
    return tuple(sorted(compared, key=lambda model: model != comparison.judge))
