"""A user-level test with several exclusive arms and one holdout: lift and price of each channel, jointly (conversions)."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.columns import coded, frame_of
from experiments.lift.estimate.lift_estimate import StudentDistribution
from experiments.lift.estimate.multiplicity import against_shared_control
from experiments.lift.user.user_table import UserDesign, UserTableTest, user_table_test

__all__ = ["SeveralArmsTest", "arms_of", "several_arms_test"]


@dataclass(frozen=True)
class SeveralArmsTest(Result):
    """Each arm against the shared control; p-values and intervals hold for all arms together (Dunnett).

    Attributes:
        tests: one test per arm.
    """

    tests: dict[str, UserTableTest]

    def to_frame(self) -> pd.DataFrame:
        """One row per arm and level: the columns of `UserTableTest.to_frame`."""
        return pd.concat(
            [test.to_frame().assign(arm=arm)[["arm", *test.to_frame().columns]] for arm, test in self.tests.items()],
            ignore_index=True,
        )

    def summary(self) -> str:
        """Each arm in its own sentences, then what they hold for."""
        parts = [f"{arm}: {test.summary()}" for arm, test in self.tests.items()]
        return (
            f"{' '.join(parts)} P-values and intervals hold for all {len(self.tests)} arms together (Dunnett); each is the "
            "effect of one channel alone, so that they need not add up."
        )


def arms_of(data: Any) -> list[str]:
    """The arms besides control where they are several channels; none where the table has arms treated and control."""
    frame = frame_of(data)
    if "arm" not in frame.columns or frame["arm"].is_null().any():
        return []
    labels = sorted({str(label) for label in pd.unique(frame["arm"].to_numpy())})
    others = [label for label in labels if label != "control"]
    return others if len(others) > 1 and "control" in labels and "treated" not in labels else []


def _arm_problems(users: dict[str, int]) -> list[str]:
    """What is wrong with arms of so many users: names that are nearly control, or nearly nobody."""
    problems = []
    for arm, count in users.items():
        meant = difflib.get_close_matches(arm.strip().lower(), ("control", "treated"), n=1, cutoff=0.8)
        if meant and arm not in meant:
            problems.append(f"arm: {arm} must be control or the name of a channel; did you mean {meant[0]}?")
        elif count < 2:
            problems.append(f"arm: {arm} has {count} user and must have at least 2; leave it out or mend its name")
    return problems


def several_arms_test(
    data: Any, levels: Sequence[float] = (0.90, 0.95), *, design: UserDesign = "intention_to_treat"
) -> SeveralArmsTest:
    """ȳ_k − ȳ_C for every arm k, by Welch's error, with Dunnett's joint critical value for the shared control.

    Args:
        data: as for `user_table_test`, with `arm` control or the name of the channel whose ads the user may see.
        levels: joint confidence levels to report.
        design: see `user_table_test`.

    Raises:
        LiftInputError: as `user_table_test` for any arm; a user in several rows.
    """
    frame = frame_of(data)
    labels = frame["arm"].to_numpy().astype(str) if "arm" in frame.columns else np.array([])
    if "user_id" in frame.columns:
        problems: list[str] = []
        user, users = coded(frame, "user_id", problems)
        if user.size > users.size:
            repeated = int((np.bincount(user) > 1).sum())
            problems.append(
                f"user_id: {repeated:,} users in several rows or arms must have one; sum their rows or mend the arms"
            )
        refuse(problems)
    arms = arms_of(frame)
    refuse(_arm_problems({arm: int((labels == arm).sum()) for arm in ("control", *arms)}))
    tests = {}
    for arm in arms:
        pair = frame.filter(np.isin(labels, (arm, "control")).tolist())
        named = ["control" if label == "control" else "treated" for label in pair["arm"].to_list()]
        pair = pair.with_columns(nw.new_series("arm", named, backend=nw.get_native_namespace(pair)))
        tests[arm] = user_table_test(pair, levels, design=design, method="welch")
    rates = {arm: test.conversions.lift for arm, test in tests.items()}
    distributions = [rate.distribution for rate in rates.values()]
    # The holdout is the same in every comparison, and so is the error of its rate.
    control = min(
        distribution.baseline_standard_error**2
        for distribution in distributions
        if isinstance(distribution, StudentDistribution)
    )
    family = against_shared_control(rates, control)
    return SeveralArmsTest(
        {
            arm: replace(
                test,
                conversions=replace(test.conversions, lift=family.lifts[arm]),
                # Value would be read without the other arms in mind.
                incremental_value=None,
                value_per_conversion=None,
            )
            for arm, test in tests.items()
        }
    )
