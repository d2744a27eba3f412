"""Lifts read at the unit that was assigned: users one by one, or households and accounts as clusters (outcome per user)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.cluster_robust import ClusterSums, cluster_robust_lift
from experiments.lift.estimate.few_conversions import few_conversions
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.estimate.permutation import MOST_UNITS, permutation_lift
from experiments.lift.estimate.welch import ratio_metric_lift, welch_lift

__all__ = ["AssignedUnits"]

# With so few equally valuable buyers in an arm the mean of value is too skewed for a normal distribution: in a 10 % holdout
# Welch's 95 % intervals then miss 7 to 15 %, nearly all because the lift looks too large.
FEW_BUYERS = 1_000
# A small arm of few clusters beside one with more than twice as many is too skewed for Student's distribution as well.
FEW_CLUSTERS = 50
UNEVEN_CLUSTERS = 2

PERMUTED = "from draws of the arms anew (permutation), exact where ads do nothing"
SKEWED_NOTE = (
    "Few users carry most of the value: its intervals hold less often than stated; cap it (--cap) or read conversions."
)


@dataclass(frozen=True, eq=False)
class AssignedUnits:
    """Who is compared, and what was assigned.

    Attributes:
        treated, control: users compared, (users,) each.
        cluster: code of the household or account assigned as one, (users,); None where users were assigned one by one.
    """

    treated: NDArray[np.bool_]
    control: NDArray[np.bool_]
    cluster: NDArray[np.intp] | None = None

    @property
    def assigned(self) -> tuple[int, int]:
        """Units assigned to either arm: users, or clusters."""
        if self.cluster is None:
            return int(self.treated.sum()), int(self.control.sum())
        return np.unique(self.cluster[self.treated]).size, np.unique(self.cluster[self.control]).size

    def counts(self, outcome: NDArray[np.float64]) -> tuple[ArmStatistics, ArmStatistics]:
        """Sums of an outcome per user over either arm."""
        return ArmStatistics.from_values(outcome[self.treated]), ArmStatistics.from_values(outcome[self.control])

    def conversions(self, outcome: NDArray[np.float64]) -> tuple[LiftEstimate, tuple[str, ...]]:
        """The lift of a count assigned by clusters, and what to say of it; by permutation where there are few."""
        treated, control = self._sums(outcome)
        few = min(treated.clusters, control.clusters)
        note = f"Errors are those of {treated.clusters:,} treated and {control.clusters:,} control clusters."
        if self._permutable(treated, control) and (few_conversions(*self.counts(outcome)) or _uneven(treated, control)):
            return self._permuted(outcome), (note, f"Few conversions or clusters in an arm: limits are {PERMUTED}.")
        lift = cluster_robust_lift(treated, control)
        if lift.df < 2 * FEW_CLUSTERS or few < FEW_CLUSTERS:
            note += (
                f" Few or uneven clusters: limits for few (CR2, Satterthwaite) with {lift.df:z,.0f} degrees of freedom."
            )
        return lift, (note,)

    def adjusted(
        self, outcome: NDArray[np.float64], covariate: NDArray[np.float64]
    ) -> tuple[LiftEstimate, tuple[str, ...]]:
        """The lift of a count assigned by clusters, adjusted for a covariate from before, and what to say of it.

        With y_g and x_g the sums of cluster g and m_g its users, y_g − θ·(x_g − m_g·x̄) is read in place of y_g; θ is the one
        slope of y on x across clusters within arms. With few conversions or clusters there is no adjustment.
        """
        arms, others = self._sums(outcome), self._sums(covariate)
        if min(arm.clusters for arm in arms) < FEW_CLUSTERS or few_conversions(*self.counts(outcome)) or _uneven(*arms):
            lift, said = self.conversions(outcome)
            return lift, (
                *said,
                "Too few conversions or clusters in an arm for an adjustment: the lift is read without it.",
            )
        pairs = [
            (y.outcome - y.users * y.rate, x.outcome - x.users * x.rate) for y, x in zip(arms, others, strict=True)
        ]
        varied = sum(float(x @ x) for _, x in pairs)
        slope = sum(float(y @ x) for y, x in pairs) / varied if varied > 0 else 0.0
        mean = sum(x.outcome.sum() for x in others) / sum(x.users.sum() for x in others)
        lift = cluster_robust_lift(
            *(
                ClusterSums(y.outcome - slope * (x.outcome - mean * x.users), y.users)
                for y, x in zip(arms, others, strict=True)
            )
        )
        note = f"Errors are those of {arms[0].clusters:,} treated and {arms[1].clusters:,} control clusters."
        return lift, (note, "Conversions are adjusted for those before the test, with one slope across clusters.")

    def value(self, value: NDArray[np.float64]) -> tuple[LiftEstimate, tuple[str, ...]]:
        """The lift of value per user, and what to say of it: by permutation where few buyers carry it."""
        arms = self.counts(value)
        few = min(arm.effective_buyers for arm in arms) < FEW_BUYERS
        if self.cluster is not None:
            sums = self._sums(value)
            if self._permutable(*sums) and (few or _uneven(*sums)):
                return self._permuted(value), (self._few_buyers_note(value),)
            return cluster_robust_lift(*sums), ()
        if few and int((value[self.treated | self.control] != 0).sum()) <= MOST_UNITS:
            return self._permuted(value), (self._few_buyers_note(value),)
        return welch_lift(*arms), (SKEWED_NOTE,) * few

    def value_per_conversion(self, value: NDArray[np.float64], conversions: NDArray[np.float64]) -> LiftEstimate | None:
        """Value per conversion of the treated less that of the control; None where an arm has no conversion.

        With few buyers, those of either arm are drawn anew among all of them.
        """
        if not (conversions[self.treated].sum() > 0 and conversions[self.control].sum() > 0):
            return None
        if self.cluster is not None:
            worth, orders = self._sums(value), self._sums(conversions)
            pairs = [PairStatistics.from_values(y.outcome, x.outcome) for y, x in zip(worth, orders, strict=True)]
            return ratio_metric_lift(*pairs)
        buyers = (self.treated | self.control) & (conversions > 0)
        few = min(arm.effective_buyers for arm in self.counts(value)) < FEW_BUYERS
        # Value without a conversion (refunds of earlier orders) belongs to no buyer.
        if few and buyers.sum() <= MOST_UNITS and not value[(self.treated | self.control) & ~buyers].any():
            return permutation_lift(value[buyers], conversions[buyers], self.control[buyers])
        return ratio_metric_lift(
            *(PairStatistics.from_values(value[arm], conversions[arm]) for arm in (self.treated, self.control))
        )

    def _few_buyers_note(self, value: NDArray[np.float64]) -> str:
        buyers = [int((value[arm] != 0).sum()) for arm in (self.treated, self.control)]
        return f"Value of {buyers[0]:,} treated and {buyers[1]:,} control buyers, few or uneven: limits are {PERMUTED}."

    def _sums(self, outcome: NDArray[np.float64]) -> tuple[ClusterSums, ClusterSums]:
        assert self.cluster is not None
        codes, count = self.cluster, int(self.cluster.max()) + 1
        sums = []
        for arm in (self.treated, self.control):
            users = np.bincount(codes[arm], minlength=count).astype(np.float64)
            total = np.bincount(codes[arm], weights=outcome[arm], minlength=count).astype(np.float64)
            sums.append(ClusterSums(total[users > 0], users[users > 0]))
        return sums[0], sums[1]

    def _permutable(self, treated: ClusterSums, control: ClusterSums) -> bool:
        return treated.clusters + control.clusters <= MOST_UNITS

    def _permuted(self, outcome: NDArray[np.float64]) -> LiftEstimate:
        if self.cluster is not None:
            sums = self._sums(outcome)
            held_out = np.repeat([False, True], [arm.clusters for arm in sums])
            return permutation_lift(
                np.concatenate([arm.outcome for arm in sums]), np.concatenate([arm.users for arm in sums]), held_out
            )
        some = outcome != 0
        chosen = (self.treated | self.control) & some
        empty = int((self.treated & ~some).sum()), int((self.control & ~some).sum())
        return permutation_lift(outcome[chosen], np.ones(int(chosen.sum())), self.control[chosen], empty)


def _uneven(treated: ClusterSums, control: ClusterSums) -> bool:
    """Whether a small arm of few clusters stands beside a much larger one."""
    fewest, most = sorted((treated.clusters, control.clusters))
    return fewest < FEW_CLUSTERS and most > UNEVEN_CLUSTERS * fewest
