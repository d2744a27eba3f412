"""Flattery: how many times what attribution says an incremental order truly cost (a factor without unit)."""

import math
from dataclasses import dataclass
from typing import Literal

from experiments.comparison import ChannelComparison, Comparison
from experiments.verdict import FAIR_WITHIN

Judgement = Literal["flattered", "about right", "wronged", "free", "without effect"]


@dataclass(frozen=True)
class Flattery:
    """The judgement of one channel under one model.

    Attributes:
        factor: true incremental CPA ÷ attributed CPA; inf where money caused no order, 0 where it caused orders
            but was credited with none, nan where there is neither price.
        judgement: the word of `experiments.verdict` for it.
    """

    factor: float
    judgement: Judgement


def flattery(channel: ChannelComparison, model: str) -> Flattery:
    """(cost / caused) / (cost / credited) = credited / caused, judged by the rule of `experiments.verdict`."""
    credited, caused = channel.credits.get(model, 0.0), channel.truth.incremental_conversions
    if channel.cost == 0:
        return Flattery(math.nan, "free")
    if credited <= 0 and caused <= 0:
        return Flattery(math.nan, "without effect")
    if caused <= 0:
        return Flattery(math.inf, "flattered")
    factor = credited / caused if credited > 0 else 0.0
    if 1 / FAIR_WITHIN <= factor <= FAIR_WITHIN:
        return Flattery(factor, "about right")
    return Flattery(factor, "flattered" if factor > 1 else "wronged")


def by_flattery(comparison: Comparison) -> tuple[ChannelComparison, ...]:
    """The channels, the most flattered first; of equals the costlier; channels without any price last."""
    if not comparison.channels:
        return ()
    model = models(comparison)[0]

    def place(channel: ChannelComparison) -> tuple[float, float]:
        factor = flattery(channel, model).factor
        return (math.inf if math.isnan(factor) else -factor, -channel.cost)

    return tuple(sorted(comparison.channels, key=place))


def models(comparison: Comparison) -> tuple[str, ...]:
    """The attribution models compared; the first is the one that verdicts are about."""
    return tuple(comparison.channels[0].credits) if comparison.channels else ()
