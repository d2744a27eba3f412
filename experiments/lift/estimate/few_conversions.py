"""When conversions are too few for a normal distribution of their mean, and what is said of it (conversions per arm)."""

from collections.abc import Mapping

from experiments.lift.estimate.arm_sums import ArmStatistics

__all__ = ["FEW_CONVERSIONS", "FEW_CONVERSIONS_NOTE", "few_conversions", "notes_of_few"]

# With fewer conversions (or non-conversions) expected in an arm, Welch's interval of a small holdout covers too little
# and misses mostly on one side; the score limits do not (tests/experiments/lift/test_small_counts.py).
FEW_CONVERSIONS = 100
# Where ads multiply conversions, an arm can have hardly any although the pooled rate lets one expect many.
HARDLY_ANY_CONVERSIONS = 25

FEW_CONVERSIONS_NOTE = (
    "Few conversions in an arm: these intervals hold a little less often than stated, and miss mostly on one side."
)


def few_conversions(*arms: ArmStatistics) -> bool:
    """Whether an arm is expected to have fewer than 100 conversions at the rate of all, or has fewer than 25.

    Non-conversions count where they are rarer; conversions of people who buy often count by their dispersion, Σy / φ.
    """
    pooled = arms[0]
    for arm in arms[1:]:
        pooled = pooled + arm
    smallest = min(arm.users for arm in arms)
    return (
        smallest / pooled.users * _rarer(pooled) < FEW_CONVERSIONS
        or min(_rarer(arm) for arm in arms) < HARDLY_ANY_CONVERSIONS
    )


def _rarer(arm: ArmStatistics) -> float:
    """Conversions, or non-conversions where the outcome is binary and they are fewer."""
    return min(arm.sum, arm.users - arm.sum) if arm.is_binary else arm.sum / arm.dispersion


def notes_of_few(arms: Mapping[str, ArmStatistics], found: bool) -> tuple[str, ...]:
    """What a reader must know where an arm has no conversion at all.

    Args:
        arms: by name.
        found: whether an effect was found all the same: against nothing, many are evidence.
    """
    without = [name for name, arm in arms.items() if arm.sum == 0]
    if not without or found:
        return ()
    named = " and ".join(without) if len(without) < 3 else f"{', '.join(without[:-1])} and {without[-1]}"
    return (f"No conversion in {named}: too few to tell what the ads did.",)
