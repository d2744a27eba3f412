"""The verdict: in a sentence, whether attribution flatters a channel or wrongs it."""

import math

from experiments.truth import Effect

FAIR_WITHIN = 1.25  # attributed and incremental CPA closer than this factor are called alike


def verdict(channel: str, cost: float, credited: float, effect: Effect, model: str) -> str:
    """Flattered: attributed CPA below the true incremental CPA; wronged: above. Cost in currency, credited conversions."""
    name, by = words(channel), words(model).lower()
    caused = effect.incremental_conversions
    if cost == 0:
        return f"{name} cost nothing."
    if credited <= 0 and caused <= 0:
        return f"{name} cost {cost:,.0f}, was credited with nothing and caused nothing."
    if caused <= 0:
        return (
            f"{name} is flattered: {by} credits it with {credited:,.0f} orders at {cost / credited:,.2f}, but without it "
            f"{'the same orders' if caused == 0 else f'{-caused:,} more orders'} would have come."
        )
    incremental = cost / caused
    if credited <= 0:
        return f"{name} is wronged: {by} credits it with no order, yet it caused {caused:,} at {incremental:,.2f} each."
    attributed = cost / credited
    ratio = incremental / attributed
    facts = f"{by} says {attributed:,.2f} per order, an extra order truly cost {incremental:,.2f}"
    if math.isclose(ratio, 1.0) or 1 / FAIR_WITHIN <= ratio <= FAIR_WITHIN:
        return f"{name} is priced about right: {facts}."
    if ratio > 1:
        return f"{name} is flattered: {facts}, {ratio:,.1f} times as much."
    return f"{name} is wronged: {facts}, {1 / ratio:,.1f} times less."


def words(name: str) -> str:
    """`brand_search` as Brand search."""
    return name.replace("_", " ").capitalize()
