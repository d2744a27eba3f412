"""A cap on the value of a user (units of money): one threshold for all arms, so that a few whales do not decide a test."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cpalab.refusal import LiftInputError, refuse
from experiments.lift.estimate.cost_ratio import in_money

__all__ = ["Cap"]


@dataclass(frozen=True)
class Cap:
    """Value above the threshold counts as the threshold.

    Args:
        amount: the threshold in units of money, or a percentile of the buyers' values, over all arms together.
        percentile: whether it is a percentile.

    Raises:
        LiftInputError: an amount that is not positive, or a percentile outside 50 … 100.
    """

    amount: float
    percentile: bool = False

    def __post_init__(self) -> None:
        """Refuse a threshold that is none."""
        allowed = 50 <= self.amount < 100 if self.percentile else 0 < self.amount < np.inf
        if not allowed:
            rule = "a percentile must lie between 50 and 100" if self.percentile else "must be positive"
            refuse([f"cap: {self.amount:g} {rule}; write 500 for an amount of money or 99% for a percentile of buyers"])

    @classmethod
    def of(cls, text: str) -> Self:
        """The cap that is written: `500`, or `99%`."""
        written = text.strip()
        try:
            amount = float(written.removesuffix("%"))
        except ValueError:
            raise LiftInputError(
                [f"cap: {text} must be an amount of money or a percentile; write 500 or 99%"]
            ) from None
        return cls(amount, written.endswith("%"))

    def capped(self, value: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """The values under the cap, and a sentence that says what became of them."""
        buyers = value[value > 0]
        threshold = float(np.percentile(buyers, self.amount)) if self.percentile and buyers.size else self.amount
        above = value > threshold
        lost = float((value[above] - threshold).sum())
        return np.minimum(value, threshold), (
            f"Value is capped at {in_money(threshold)} per user, in all arms alike: {int(above.sum()):,} users had more, "
            f"{in_money(lost)} in all, which is left out.",
        )
