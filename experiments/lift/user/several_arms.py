"""A user-level test with several exclusive arms and one holdout: lift and price of each channel, jointly (conversions)."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.columns import coded, frame_of
from experiments.lift.estimate.few_conversions import notes_of_few
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution
from experiments.lift.estimate.multiplicity import joint_family
from experiments.lift.user.sample_ratio import SampleRatioCheck, sample_ratio_check
from experiments.lift.user.totals import arm_totals, is_totals
from experiments.lift.user.user_table import UserDesign, UserTableTest, user_table_test

__all__ = ["SeveralArmsTest", "arms_of", "several_arms_test"]


@dataclass(frozen=True)
class SeveralArmsTest(Result):
    """Each arm against the shared control; p-values and intervals hold for all arms together (Dunnett).

    Attributes:
        tests: one test per arm.
        sample_ratio: check of the sizes of all arms against the plan, where a plan was given.
        notes: what the reader must know of all arms, one sentence each.
    """

    tests: dict[str, UserTableTest]
    sample_ratio: SampleRatioCheck | None = None
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row per arm and level: the columns of `UserTableTest.to_frame`."""
        frames = {arm: test.to_frame() for arm, test in self.tests.items()}
        for arm, frame in frames.items():
            frame.insert(0, "arm", arm)
        return pd.concat(frames.values(), ignore_index=True)

    def summary(self) -> str:
        """Each arm in its own sentences, then what they hold for."""
        shared = [note for note in next(iter(self.tests.values())).notes if self._of_all(note)]
        parts = []
        for arm, test in self.tests.items():
            own = replace(test, notes=tuple(note for note in test.notes if note not in shared))
            parts.append(f"{arm}: {own.summary()}")
        parts.append(
            f"P-values and intervals hold for all {len(self.tests)} arms together (Dunnett); each is the "
            "effect of one channel alone, so that they need not add up."
        )
        if self.sample_ratio is not None and self.sample_ratio.mismatch:
            parts.append(self.sample_ratio.summary())
        return " ".join((*parts, *shared, *self.notes))

    def _of_all(self, note: str) -> bool:
        return all(note in test.notes for test in self.tests.values())


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
    by_plain: dict[str, list[str]] = {}
    for arm in users:
        by_plain.setdefault(" ".join(arm.casefold().split()), []).append(arm)
    problems += [
        f"arm: {' and '.join(map(repr, arms))} must not be one arm spelled two ways; give one arm one name"
        for arms in by_plain.values()
        if len(arms) > 1
    ]
    for arm, count in users.items():
        meant = difflib.get_close_matches(arm.strip().lower(), ("control", "treated"), n=1, cutoff=0.8)
        if meant and arm not in meant:
            problems.append(f"arm: {arm} must be control or the name of a channel; did you mean {meant[0]}?")
        elif count < 2:
            problems.append(f"arm: {arm} has {count} user and must have at least 2; leave it out or mend its name")
    return problems


def several_arms_test(
    data: Any,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    design: UserDesign = "intention_to_treat",
    planned_shares: Mapping[str, float] | float | None = None,
) -> SeveralArmsTest:
    """ȳ_k − ȳ_C for every arm k, with Dunnett's joint critical value for the shared control.

    Each arm is read as `user_table_test` reads it (few conversions by score limits, clusters by theirs), at the tail
    probability that the joint critical value leaves.

    Args:
        data: as for `user_table_test`, with `arm` control or the name of the channel whose ads the user may see.
        levels: joint confidence levels to report.
        design: see `user_table_test`.
        planned_shares: planned share of the users (or clusters) of each arm, the control's is the rest; or one share for
            all of them together, in equal parts. Checks the arm sizes.

    Raises:
        LiftInputError: as `user_table_test` for any arm; a user in several rows; shares of other arms.

    Example:
        >>> import pandas as pd
        >>> from experiments.lift import several_arms_test
        >>> arms = {"arm": ["search", "video", "control"], "users": [9000, 9000, 9000], "conversions": [450, 340, 330]}
        >>> several_arms_test(pd.DataFrame(arms)).to_frame().query("level == 0.95")[["arm", "significant"]].values.tolist()
        [['search', True], ['video', False]]
    """
    frame = frame_of(data)
    arms = arms_of(frame)
    shares = _planned(planned_shares, arms)
    tests, sizes = (
        _of_totals(frame, arms, levels) if is_totals(frame.columns) else _of_rows(frame, arms, levels, design)
    )
    loadings = _loadings(tests)
    rates = _joint_lifts(loadings, {arm: test.conversions.lift for arm, test in tests.items()})
    values = _joint_lifts(loadings, {arm: test.incremental_value for arm, test in tests.items()})
    worths = _joint_lifts(loadings, {arm: test.value_per_conversion for arm, test in tests.items()})
    check = None
    if shares is not None:
        check = sample_ratio_check(sizes, shares, "clusters" if "cluster_id" in frame.columns else "users")
    return SeveralArmsTest(
        {
            arm: replace(
                test,
                conversions=replace(test.conversions, lift=rates[arm]),
                incremental_value=values.get(arm),
                value_per_conversion=worths.get(arm),
                notes=_joint_notes(test, rates[arm], arm, max(levels)),
            )
            for arm, test in tests.items()
        },
        check,
    )


def _of_rows(
    frame: nw.DataFrame[Any], arms: Sequence[str], levels: Sequence[float], design: UserDesign
) -> tuple[dict[str, UserTableTest], dict[str, int]]:
    """The test of every arm against the control, each by itself, and the units assigned to all of them."""
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
    refuse(_arm_problems({arm: int((labels == arm).sum()) for arm in ("control", *arms)}))
    tests, named = {}, np.where(labels == "control", "control", "treated")
    for arm in arms:
        chosen = np.isin(labels, (arm, "control"))
        pair = frame.filter(chosen.tolist())
        pair = pair.with_columns(nw.new_series("arm", named[chosen].tolist(), backend=nw.get_native_namespace(pair)))
        tests[arm] = user_table_test(pair, levels, design=design)
    unit = frame["cluster_id" if "cluster_id" in frame.columns else "user_id"].to_numpy()
    return tests, {arm: int(pd.unique(unit[labels == arm]).size) for arm in ("control", *arms)}


def _of_totals(
    frame: nw.DataFrame[Any], arms: Sequence[str], levels: Sequence[float]
) -> tuple[dict[str, UserTableTest], dict[str, int]]:
    totals = arm_totals(frame)
    refuse(_arm_problems({arm: found.users for arm, found in totals.arms.items()}))
    labels = [str(label) for label in frame["arm"].to_list()]
    tests = {}
    for arm in arms:
        pair = frame.filter([label in (arm, "control") for label in labels])
        named = ["control" if label == "control" else "treated" for label in pair["arm"].to_list()]
        pair = pair.with_columns(nw.new_series("arm", named, backend=nw.get_native_namespace(pair)))
        tests[arm] = user_table_test(pair, levels)
    return tests, {arm: found.users for arm, found in totals.arms.items()}


def _loadings(tests: Mapping[str, UserTableTest]) -> tuple[float, ...]:
    """The loading λ of every arm on the error of the control, which all comparisons share."""
    given = {arm: test.conversions for arm, test in tests.items()}
    distributions = [test.lift.distribution for test in given.values()]
    student = [d for d in distributions if isinstance(d, StudentDistribution)]
    if len(student) == len(tests) and all(math.isfinite(d.standard_error) for d in student):
        # The holdout is the same in every comparison, and so is the error of its rate.
        least = min(d.baseline_standard_error for d in student)
        return tuple(least / d.standard_error for d in student)
    return tuple(math.sqrt(t.treated.users / (t.treated.users + t.control.users)) for t in given.values())


def _joint_lifts(loadings: tuple[float, ...], lifts: Mapping[str, LiftEstimate | None]) -> Mapping[str, LiftEstimate]:
    """The estimates with limits for all arms together, whether or not every arm has one."""
    known = {arm: lift for arm, lift in lifts.items() if lift is not None}
    return joint_family(known, loadings).lifts if known else {}


def _joint_notes(test: UserTableTest, lift: LiftEstimate, arm: str, level: float) -> tuple[str, ...]:
    """The arm's notes, with what no conversions mean told by the joint reading."""
    conversions = test.conversions
    found = lift.verdict(level) != 0
    empty = notes_of_few({arm: conversions.treated, "the control arm": conversions.control}, found)
    kept = [note for note in test.notes if not note.startswith("No conversion in")]
    return tuple(dict.fromkeys((*kept, *empty)))


def _planned(shares: Mapping[str, float] | float | None, arms: Sequence[str]) -> dict[str, float] | None:
    """The planned share of every arm and the control."""
    if shares is None:
        return None
    if isinstance(shares, int | float):
        shares = {arm: shares / len(arms) for arm in arms}
    problems = [
        f"planned_shares: {sorted(shares)} must name the arms {', '.join(arms)}; one share each, the control has the rest"
    ] * (set(shares) != set(arms))
    if not 0 < sum(shares.values()) < 1 or min(shares.values()) <= 0:
        problems.append(
            f"planned_shares: {', '.join(f'{share:g}' for share in shares.values())} must be positive and add up to less "
            "than 1; the control has the rest"
        )
    refuse(problems)
    return {"control": 1 - sum(shares.values()), **shares}
