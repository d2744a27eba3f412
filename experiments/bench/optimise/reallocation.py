"""Reallocation: a daily budget shared anew by what a signal says each channel's money brought (currency per day)."""

from collections.abc import Mapping

MOST_UP, MOST_DOWN = 2.0, 0.5  # of what a channel spends a day: nobody moves more at once [M]
STEPS = 100


def reallocated(
    total: float, spending: Mapping[str, float], efficiency: Mapping[str, float], unbound: Mapping[str, bool]
) -> dict[str, float]:
    """Each channel's daily budget: λ × spending × efficiency, within half and twice of what it spends, summing to the total.

    λ is found by bisection. A channel that no budget held back (`unbound`) cannot spend more, so what it does not take goes
    to the others. Where all of them have as much as they can take, less than the total is given out.

    Args:
        total: to be spent a day, in currency.
        spending: what each channel spent a day.
        efficiency: conversions per unit of currency, by the signal; below zero counts as zero.
        unbound: whether each channel took part in all auctions.
    """
    lowest = {name: MOST_DOWN * spent for name, spent in spending.items()}
    highest = {name: spent * (1.0 if unbound[name] else MOST_UP) for name, spent in spending.items()}

    def given(factor: float) -> dict[str, float]:
        wanted = {name: factor * spent * max(efficiency[name], 0.0) for name, spent in spending.items()}
        return {name: min(max(wanted[name], lowest[name]), highest[name]) for name in spending}

    best = max((value for value in efficiency.values()), default=0.0)
    if best <= 0.0:
        return dict(spending)
    worst = min((value for value in efficiency.values() if value > 0.0), default=best)
    low, high = 0.0, 2.0 * MOST_UP / worst
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if sum(given(middle).values()) < total else (low, middle)
    return given(high)
