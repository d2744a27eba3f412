"""Which lifts a geo test would find, were they added to a past in which nothing was tested (yes or no per lift)."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.panel import GeoExperiment, with_lift

if TYPE_CHECKING:
    from experiments.lift.geo.method import GeoMethod

__all__ = ["found_by_reading", "found_with_lifts"]


def found_with_lifts(
    method: "GeoMethod", experiment: GeoExperiment, lifts: Sequence[float], level: float
) -> tuple[list[bool], float]:
    """Whether each lift is found at this level, and the relative lift that is read without one.

    A method whose fit does not hang on the treated geos' response in the window has `found_with_lifts` of its own, which
    fits once; others read every lift anew. An experiment that the method refuses finds nothing.
    """
    own = getattr(method, "found_with_lifts", None)
    try:
        found, error = own(experiment, lifts, level) if own else found_by_reading(method, experiment, lifts, level)
    except LiftInputError as refusal:
        if all(problem.place == "counterfactual" for problem in refusal.problems):
            return [False] * len(lifts), math.nan
        raise
    return list(found), float(error)


def found_by_reading(
    method: "GeoMethod", experiment: GeoExperiment, lifts: Sequence[float], level: float
) -> tuple[list[bool], float]:
    """The same by reading the experiment with every lift."""
    found, error = [], math.nan
    for lift in lifts:
        estimate = method.read(with_lift(experiment, lift), (level,)).lift
        found.append(estimate.p_value() < significance(level))
        error = estimate.relative_lift if lift == 0 else error
    return found, error
