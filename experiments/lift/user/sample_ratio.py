"""Sample-ratio mismatch: the p-value of arm sizes as unequal as these under the shares that were planned."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from cpalab.refusal import refuse
from cpalab.result import Result

__all__ = ["SampleRatioCheck", "sample_ratio_check", "two_arm_check"]

# A mismatch this unlikely is a broken assignment or a broken record; 0.001 is the customary alarm
# (Fabijan et al. 2019, "Diagnosing sample ratio mismatch", KDD).
ALARM = 0.001


@dataclass(frozen=True)
class SampleRatioCheck(Result):
    """Observed against planned arm sizes.

    Attributes:
        users: observed number of users per arm, or of the clusters that were assigned.
        planned_shares: planned share of users per arm, summing to 1.
        statistic: Pearson's χ².
        df: number of arms − 1.
        p_value: probability of a mismatch at least this large under the plan.
        unit: what was assigned: users, or clusters.
    """

    users: Mapping[str, int]
    planned_shares: Mapping[str, float]
    statistic: float
    df: int
    p_value: float
    unit: str = "users"

    @property
    def mismatch(self) -> bool:
        """Whether the arms are too unequal to trust the test (p < 0.001)."""
        return self.p_value < ALARM

    def to_frame(self) -> pd.DataFrame:
        """One row per arm: users, planned share, expected users."""
        total = sum(self.users.values())
        return pd.DataFrame(
            {
                "arm": list(self.users),
                "users": list(self.users.values()),
                "planned_share": [self.planned_shares[arm] for arm in self.users],
                "expected_users": [self.planned_shares[arm] * total for arm in self.users],
            }
        )

    def summary(self) -> str:
        """One sentence."""
        sizes = ", ".join(f"{arm} {count:,}" for arm, count in self.users.items())
        verdict = (
            "the arms are not the ones planned: find the broken assignment or record before reading any lift"
            if self.mismatch
            else "as planned"
        )
        planned = ", ".join(f"{share:z.3g}" for share in self.planned_shares.values())
        counted = "" if self.unit == "users" else f"in {self.unit} "
        compared = f"{counted}{sizes} against planned shares {planned}"
        return f"Arm sizes {compared} (sample-ratio p = {self.p_value:z.3g}): {verdict}."


def sample_ratio_check(
    users: Mapping[str, int], planned_shares: Mapping[str, float], unit: str = "users"
) -> SampleRatioCheck:
    """χ² = Σ (n_a − N·w_a)² / (N·w_a), compared with the χ² distribution on arms − 1 degrees of freedom.

    Args:
        users: number of users per arm.
        planned_shares: weight per arm, in any unit (0.7 and 0.3, or 7 and 3).
        unit: what was assigned and is counted: users, or the clusters in which they were assigned.

    Raises:
        LiftInputError: fewer than two arms, arms that differ between the two, weights that are not positive,
            nobody.

    Example:
        >>> from experiments.lift import sample_ratio_check
        >>> check = sample_ratio_check({"treated": 900, "control": 100}, {"treated": 0.9, "control": 0.1})
        >>> float(check.p_value)
        1.0
    """
    problems = []
    if len(users) < 2:
        problems.append(f"users: {dict(users)} must have at least two arms; give the number of users of each arm")
    if set(users) != set(planned_shares):
        problems.append(f"planned_shares: {sorted(planned_shares)} must name the arms {sorted(users)}; one share each")
    problems += [
        f"planned_shares[{arm!r}]: {share} must be positive; leave out arms nobody was planned for"
        for arm, share in planned_shares.items()
        if not share > 0
    ]
    problems += [
        f"users[{arm!r}]: {count} must not be negative; give a number of users"
        for arm, count in users.items()
        if count < 0
    ]
    if not problems and sum(users.values()) == 0:
        problems.append("users: 0 in all must be at least one; nobody was assigned")
    refuse(problems)
    from scipy.special import chdtrc

    total, weight = sum(users.values()), sum(planned_shares.values())
    shares = {arm: share / weight for arm, share in planned_shares.items()}
    statistic = sum((users[arm] - total * shares[arm]) ** 2 / (total * shares[arm]) for arm in users)
    df = len(users) - 1
    return SampleRatioCheck(dict(users), shares, statistic, df, float(chdtrc(df, statistic)), unit)


def planned_share_problems(share: float | None) -> list[str]:
    """What is wrong with the planned share of treated units; nothing where none was planned."""
    if share is None or 0 < share < 1:
        return []
    return [f"planned_treated_share: {share} must lie between 0 and 1; write 0.9 for a 10 % holdout"]


def two_arm_check(
    assigned: tuple[int, int], planned_treated_share: float, by_cluster: bool = False
) -> SampleRatioCheck:
    """The check of a treated and a control arm.

    Args:
        assigned: units assigned to the treated and to the control arm.
        planned_treated_share: share of the units that should have been treated.
        by_cluster: whether the units are clusters.

    Raises:
        LiftInputError: a share that is none.
    """
    refuse(planned_share_problems(planned_treated_share))
    return sample_ratio_check(
        {"treated": assigned[0], "control": assigned[1]},
        {"treated": planned_treated_share, "control": 1 - planned_treated_share},
        "clusters" if by_cluster else "users",
    )
