"""Where a price is drawn: a logarithmic axis with room at its end for ∞ (currency units per order)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

BEYOND = 3.0  # intervals stretch the axis by at most this factor past the prices; what is left is cut
ROOM = 0.13  # the share of the axis between the last price and ∞


@dataclass(frozen=True)
class PriceAxis:
    """A logarithmic axis from `low` to `high`, and `edge` beyond, where ∞ is drawn.

    Attributes:
        low, high: the prices at its ends, currency units per order.
        edge: where ∞ is drawn; equal to `high` where nothing is unbounded.
    """

    low: float
    high: float
    edge: float

    @staticmethod
    def around(prices: Iterable[float], bounds: Iterable[float] = ()) -> "PriceAxis":
        """The axis that shows all these prices, and intervals as far as they do not dwarf them."""
        prices, bounds = list(prices), list(bounds)
        shown = [price for price in prices if 0 < price < math.inf]
        ends = [bound for bound in bounds if 0 < bound < math.inf]
        if not shown:
            shown = ends or [1.0]
        low, high = min(shown), max(shown)
        low = max(low / BEYOND, min([low, *ends]))
        high = min(high * BEYOND, max([high, *ends]))
        if high < 2 * low:  # a single price still gets an axis
            low, high = low / 1.5, high * 1.5
        unbounded = any(math.isinf(price) for price in (*prices, *bounds))
        edge = high * (high / low) ** (ROOM / (1 - ROOM)) if unbounded else high
        return PriceAxis(low, high, edge)

    @property
    def past_high(self) -> float:
        """Between the last price and ∞; what is drawn beyond stands for ∞."""
        return math.sqrt(self.high * self.edge) if self.edge > self.high else 2 * self.high

    def place(self, price: float) -> float | None:
        """The price drawn: itself, the edge for ∞, None for what has no place on a logarithmic axis."""
        if math.isnan(price) or price <= 0:
            return None
        if math.isinf(price):
            return self.edge
        return min(max(price, self.low), self.high)

    def cuts(self, price: float) -> bool:
        """Whether a finite or zero bound lies outside, so that the interval must be seen to go on."""
        return price < self.low * (1 - 1e-9) or self.high * (1 + 1e-9) < price < math.inf

    def far_apart(self, one: float, other: float) -> bool:
        """Whether two places leave room for a label under each, on a phone too."""
        return abs(math.log(one / other)) > 0.3 * math.log(self.edge / self.low)

    def ticks(self) -> list[float]:
        """1, 2, 5, 10 … or, over more than two decades, 1, 3, 10 …; the edge last where it stands for ∞."""
        steps = (1, 2, 5) if self.high / self.low <= 100 else (1, 3)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        within = [value for value in values if self.low <= value <= self.high]
        return [*within, self.edge] if self.edge > self.high else within
