"""How well a counterfactual followed the treated geos before the test: correlations, shares, and a placebo lift."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cpalab.refusal import LiftInputError
from experiments.lift.geo.panel import GeoExperiment

__all__ = ["GeoFit", "fit_notes", "geo_fit"]

Series = NDArray[np.float64]
CounterfactualOf = Callable[[GeoExperiment], Series]
# Below this the control says little about the treated geos; GeoLift and meridian-geox warn there too.
LEAST_CORRELATION = 0.8
RUNS_AGAINST = -0.2
# Standard errors of a drift, and times the spread before, that chance hardly explains.
DRIFT_ERRORS, SPREAD_TIMES = 3.0, 2.0
SHOWN_WEIGHTS = 8


@dataclass(frozen=True, eq=False)
class GeoFit:
    """The fit before the test.

    Attributes:
        correlation: of the treated geos' response with the control's.
        explained: 1 − Var(y − ŷ) / Var(y); nan without a daily counterfactual.
        autocorrelation: of y − ŷ from one row to the next.
        weights: weight of every control geo, where the method weighs them.
        l2: ‖y − ŷ‖ per treated geo, in responses.
        scaled_l2: l2 in units of that of equal weights; nan where the method has no weights.
        slope: of the regression on the control; nan without one.
        trim_rate: share of pairs left out at either end; nan without pairs.
        drift: how far y − ŷ drifts over all rows before the test, as a share of the response; 0 where chance explains it.
        spread_in_test: spread of y − ŷ in the window about its mean, in units of that before; 1 where chance explains it.
        placebo_of: computes `placebo`, where it is asked for.
    """

    correlation: float = math.nan
    explained: float = math.nan
    autocorrelation: float = math.nan
    weights: Mapping[str, float] = field(default_factory=dict)
    l2: float = math.nan
    scaled_l2: float = math.nan
    slope: float = math.nan
    trim_rate: float = math.nan
    drift: float = 0.0
    spread_in_test: float = 1.0
    placebo_of: Callable[[], tuple[int, float]] | None = field(default=None, repr=False)

    @cached_property
    def placebo(self) -> tuple[int, float]:
        """How many of the last rows before the test, and the relative lift on them; nan without a daily counterfactual.

        By the same method, fitted to the rows before those: nothing was tested then.
        """
        return (0, math.nan) if self.placebo_of is None else self.placebo_of()

    def columns(self) -> dict[str, object]:
        """What is known of it, by the name of its column."""
        known = {
            "correlation_before": self.correlation,
            "explained_share_before": self.explained,
            "autocorrelation_before": self.autocorrelation,
            "placebo_lift_before": self.placebo[1],
            "l2_imbalance": self.l2,
            "scaled_l2_imbalance": self.scaled_l2,
            "trim_rate": self.trim_rate,
        }
        shown: dict[str, object] = {name: value for name, value in known.items() if not math.isnan(value)}
        return shown | ({"control_weights": self.weights_in_words()} if self.weights else {})

    def weights_in_words(self) -> str:
        """The largest weights, as `g01 0.52, g07 0.31 …`."""
        ordered = sorted(self.weights.items(), key=lambda each: -abs(each[1]))
        used = [(geo, weight) for geo, weight in ordered if abs(weight) >= 0.0005]
        shown = ", ".join(f"{geo} {weight:z.3f}" for geo, weight in used[:SHOWN_WEIGHTS])
        return shown + (f" and {len(used) - SHOWN_WEIGHTS} more" if len(used) > SHOWN_WEIGHTS else "")

    def summary(self, rows_in_words: Callable[[int], str]) -> str:
        """One sentence; empty where nothing is known."""
        parts = []
        if not math.isnan(self.correlation):
            parts.append(f"correlation with the control {self.correlation:z.2f}")
        if not math.isnan(self.explained):
            parts.append(
                f"share explained {self.explained:z.0%}" if self.explained >= 0 else "share explained below 0%"
            )
        if not math.isnan(self.autocorrelation):
            parts.append(f"autocorrelation of what is left {self.autocorrelation:z.2f}")
        rows, placebo = self.placebo
        if not math.isnan(placebo):
            parts.append(f"a placebo on the last {rows_in_words(rows)} gives a lift of {placebo:z.1%}")
        if not math.isnan(self.trim_rate):
            parts.append(f"trim rate {self.trim_rate:z.0%}")
        return f"Fit before the test: {', '.join(parts)}." if parts else ""


def geo_fit(
    experiment: GeoExperiment,
    counterfactual: Series | None = None,
    counterfactual_of: CounterfactualOf | None = None,
    *,
    control: Series | None = None,
    weights: Mapping[str, float] | None = None,
    equal_weights: Series | None = None,
    slope: float = math.nan,
    trim_rate: float = math.nan,
) -> GeoFit:
    """The fit of a counterfactual of shape `(days,)`.

    Args:
        experiment: the design.
        counterfactual: ŷ of all days.
        counterfactual_of: ŷ of another experiment by the same method; the placebo asks for it.
        control: what the treated geos' response is correlated with; the sum of the control geos where None.
        weights: of the control geos.
        equal_weights: the counterfactual that equal weights would give.
        slope: of the regression on the control.
        trim_rate: share of pairs left out at either end.
    """
    n, treated = experiment.pre_days, experiment.treated.sum(axis=0)
    beside = experiment.control.sum(axis=0) if control is None else control
    correlation = _correlation(treated[:n], beside[:n])
    if counterfactual is None:
        return GeoFit(correlation, weights=weights or {}, slope=slope, trim_rate=trim_rate)
    left = treated - counterfactual
    # Free of the effect, which grows with what would have been sold.
    expected = float(counterfactual[n:].sum())
    lifted = counterfactual[n:] * (float(treated[n:].sum()) / expected) if expected > 0 else counterfactual[n:]
    before, during = left[:n], treated[n:] - lifted
    varies = float(np.var(treated[:n]))
    autocorrelation = _correlation(before[:-1], before[1:])
    geos = len(experiment.treated)
    l2 = float(np.linalg.norm(before)) / geos
    scaled = math.nan
    if equal_weights is not None:
        even = float(np.linalg.norm((treated - equal_weights)[:n])) / geos
        scaled = l2 / even if even > 0 else math.nan
    return GeoFit(
        correlation=correlation,
        explained=1 - float(np.var(before)) / varies if varies > 0 else math.nan,
        autocorrelation=autocorrelation,
        weights=weights or {},
        l2=l2,
        scaled_l2=scaled,
        slope=slope,
        trim_rate=trim_rate,
        drift=_drift(before, autocorrelation, float(treated[:n].mean())),
        spread_in_test=_spread_ratio(before, during),
        placebo_of=lambda: _placebo(experiment, counterfactual_of),
    )


def fit_notes(fit: GeoFit) -> list[str]:
    """What the fit warns of, one sentence each."""
    notes = []
    if fit.correlation < RUNS_AGAINST:
        notes.append(
            f"The control geos ran against the treated ones before the test (correlation {fit.correlation:z.2f}, a negative "
            "slope): a regression on them foretells no counterfactual. Use did or synthetic_control, or other controls."
        )
    elif fit.correlation < LEAST_CORRELATION:
        notes.append(
            f"The control hardly moves with the treated geos before the test (correlation {fit.correlation:z.2f}, below "
            f"{LEAST_CORRELATION}): the counterfactual is little more than the treated geos' own past."
        )
    if fit.drift:
        notes.append(
            f"Before the test the treated geos drifted by {fit.drift:z.1%} away from what the control foretells: part of the "
            "effect may be that drift."
        )
    if fit.spread_in_test > SPREAD_TIMES:
        notes.append(
            f"In the test the distance from the counterfactual varies {fit.spread_in_test:z.1f} times as much as before: the "
            "relation fitted before does not hold in it."
        )
    return notes


def _correlation(one: Series, other: Series) -> float:
    if one.size < 3 or not np.ptp(one) > 0 or not np.ptp(other) > 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])


def _placebo(experiment: GeoExperiment, counterfactual_of: CounterfactualOf | None) -> tuple[int, float]:
    """Rows, and relative lift on them, of a test that ends where the real one begins."""
    n = experiment.pre_days
    rows = min(experiment.window.stop - n, n // 3)
    if counterfactual_of is None or rows < 1 or n - rows < 4:
        return 0, math.nan
    earlier = GeoExperiment(experiment.panel, experiment.is_treated, n - rows, rows, 0, experiment.outcome)
    try:
        expected = float(counterfactual_of(earlier)[n - rows :].sum())
    except LiftInputError:
        # Fewer rows may not carry the method: then there is no placebo.
        return 0, math.nan
    observed = float(earlier.treated[:, n - rows :].sum())
    return rows, observed / expected - 1 if expected > 0 else math.nan


def _drift(before: Series, autocorrelation: float, level: float) -> float:
    """The fitted drift of the residuals over all rows, relative to the level; 0 where chance explains it."""
    n = before.size
    if n < 8 or not level > 0:
        return 0.0
    time = np.arange(n) - (n - 1) / 2
    slope = float(time @ before) / float(time @ time)
    rest = before - before.mean() - slope * time
    rho = min(max(autocorrelation, 0.0), 0.95) if not math.isnan(autocorrelation) else 0.0
    inflated = float(rest @ rest) / (n - 2) * (1 + rho) / (1 - rho)
    error = math.sqrt(inflated / float(time @ time))
    return slope * n / level if error > 0 and abs(slope) > DRIFT_ERRORS * error else 0.0


def _spread_ratio(before: Series, during: Series) -> float:
    """Standard deviation in the window over that before; 1 where an F-test at .001 finds no more, or rows are few."""
    from scipy.special import fdtrc

    if during.size < 4 or before.size < 8:
        return 1.0
    earlier, later = float(np.var(before, ddof=1)), float(np.var(during, ddof=1))
    if not earlier > 0 or fdtrc(during.size - 1, before.size - 1, later / earlier) > 0.001:
        return 1.0
    return math.sqrt(later / earlier)
