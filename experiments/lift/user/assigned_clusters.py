"""Households or accounts assigned as one, in planning: how many times more users a test of them needs (design effect)."""

from dataclasses import dataclass

from cpalab.refusal import refuse

__all__ = ["Clusters"]


@dataclass(frozen=True)
class Clusters:
    """Clusters of users whose outcomes are alike.

    Args:
        mean_size: users per cluster on average.
        correlation: ICC, correlation of the outcomes of two users of a cluster.
        size_cv: standard deviation ÷ mean of the sizes; 0 where all have one size.

    Raises:
        LiftInputError: sizes below 1, a correlation outside 0 … 1; all at once.
    """

    mean_size: float
    correlation: float
    size_cv: float = 0.0

    def __post_init__(self) -> None:
        """Refuse clusters that are none."""
        problems = []
        if not 1 <= self.mean_size < float("inf"):
            problems.append(
                f"cluster_size: {self.mean_size} must be at least 1; count the users of a cluster on average"
            )
        if not 0 <= self.correlation <= 1:
            problems.append(f"icc: {self.correlation} must lie between 0 and 1; 0.05 is usual for households")
        if not 0 <= self.size_cv < float("inf"):
            problems.append(f"cluster_size_cv: {self.size_cv} must not be negative; 0 where all have one size")
        refuse(problems)

    @property
    def design_effect(self) -> float:
        """1 + ((1 + cv²)·m − 1)·ρ: how many times larger the variance is than with users assigned one by one.

        Source: Eldridge, Ashby and Kerry (2006), International Journal of Epidemiology 35(5).
        """
        return max(1.0, 1 + ((1 + self.size_cv**2) * self.mean_size - 1) * self.correlation)
