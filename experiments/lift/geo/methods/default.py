"""The method a geo test is read by where none is named: chosen by its design and its past (no unit)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from cpalab.plugins import NameWithParameters
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.geo.methods.did import DifferenceInDifferences, change_by_geos, difference_in_differences
from experiments.lift.geo.methods.synthetic_control import SyntheticControl, synthetic_control
from experiments.lift.geo.methods.tbr import TimeBasedRegression, time_based_regression
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest

__all__ = ["DefaultMethod", "default_geo_test", "default_method"]

# Geos of each arm, and geos of equal weight that they are worth, from which changes of geos are compared with each other.
ENOUGH_GEOS, ENOUGH_EQUAL_GEOS = 5, 4.0
# Arms that grew apart before the test at this level are not read by their growth.
APART = 0.01


@dataclass(frozen=True)
class DefaultMethod:
    """What the design and its past ask for: difference in differences or synthetic control; see `default_method`."""

    name: ClassVar[NameWithParameters] = NameWithParameters("auto")

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `default_geo_test`."""
        return default_geo_test(experiment, levels)

    def found_with_lifts(
        self, experiment: GeoExperiment, lifts: Sequence[float], level: float
    ) -> tuple[list[bool], float]:
        """Which of the lifts the test would find, and the relative lift without one: the past alone chooses the method."""
        name, _ = default_method(experiment, level)
        if name == "did":
            return DifferenceInDifferences().found_with_lifts(experiment, lifts, level)
        if name == "tbr":
            return TimeBasedRegression().found_with_lifts(experiment, lifts, level)
        return SyntheticControl().found_with_lifts(experiment, lifts, level)


def default_method(experiment: GeoExperiment, level: float = 0.95) -> tuple[str, str]:
    """Name of the method and one sentence that says why.

    - Enough geos in both arms, none of which outweighs the others, that grew alike before the test: `did`. Its error is that
      of geos, and assumes nothing of days.
    - Else `synthetic_control`: few geos cannot show how they vary, but their past can show how well others follow them.
    - Else, where there are too few rows to rank the test's among (1/(1 − level)), `did` with one spread for both arms; and
      `tbr` where a single control geo, or treated geos without a past, leave nothing else.
    """
    treated = experiment.is_treated
    past = experiment.panel.response[:, experiment.pre].mean(axis=1)
    number, controls = int(treated.sum()), int((~treated).sum())
    arms = f"{number} of {treated.size} geos {'is' if number == 1 else 'are'} treated"
    if not past[treated].sum() > 0 or int((past[~treated] > 0).sum()) < 2:
        missing = "one control geo" if controls < 2 else "geos without response before the test"
        return "tbr", f"Read by time-based regression (tbr), because {missing} leave nothing to weigh or to grow from."
    alike = [float(past[arm].sum() ** 2 / (past[arm] @ past[arm])) for arm in (treated, ~treated)]
    enough = min(number, controls) >= ENOUGH_GEOS and min(alike) >= ENOUGH_EQUAL_GEOS
    if enough and not _grew_apart(experiment):
        return "did", (
            f"Read by difference in differences (did), because {arms}: enough geos of like weight to show how geos vary, "
            "whatever their days do."
        )
    rows = experiment.window.stop
    if rows * (1 - level) < 1:
        if treated.size >= 4:
            return "did", (
                f"Read by difference in differences (did), because {experiment.panel.step.of(rows)} are too few to rank the "
                f"test among at {100 * level:g}%."
            )
        return "tbr", "Read by time-based regression (tbr), because there are too few geos and rows for anything else."
    if enough:
        return "synthetic_control", (
            "Read by synthetic control, because treated and control geos grew apart before the test: controls are weighed to "
            "follow the treated."
        )
    return "synthetic_control", (
        f"Read by synthetic control, because {arms}: too few geos of like weight to show how geos vary, so the past shows "
        "how well the others follow them."
    )


def default_geo_test(experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
    """The test by `default_method`, with the sentence that says why.

    Args:
        experiment: the design.
        levels: confidence levels to report.

    Raises:
        LiftInputError: what the chosen method refuses.

    Example:
        >>> from experiments.lift import default_geo_test
        >>> from experiments.lift.testing import example_experiment
        >>> test = default_geo_test(example_experiment(lift=0.3))
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.3, True)
    """
    name, why = default_method(experiment, max(levels, default=0.95))
    if name == "did":
        test = difference_in_differences(experiment, levels)
    elif name == "tbr":
        test = time_based_regression(experiment, levels)
    else:
        test = synthetic_control(experiment, levels, augmentation="none")
    return replace(test, why=why)


def _grew_apart(experiment: GeoExperiment) -> bool:
    """Whether difference in differences finds an effect of the middle of the past on its second half."""
    n = experiment.pre_days
    if n < 8:
        return False
    earlier = GeoExperiment(experiment.panel, experiment.is_treated, n // 2, n - n // 2)
    response, treated = experiment.panel.response[:, : n // 2], experiment.is_treated
    if not (response[treated].sum() > 0 and response[~treated].sum() > 0):
        return True
    return LiftEstimate(change_by_geos(earlier).distribution).p_value() < APART
