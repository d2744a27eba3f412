"""What a geo test found: incremental response, relative lift and the price of an incremental conversion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import pandas as pd

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.estimate.cost_ratio import CostPerIncrementalConversion, cost_per_incremental_conversion
from experiments.lift.estimate.fieller import fieller_set
from experiments.lift.estimate.lift_estimate import (
    Alternative,
    Interval,
    LiftEstimate,
    StudentDistribution,
    alternative_problems,
    in_words,
    level_problems,
)
from experiments.lift.geo.daily_series import DailyErrors, daily_series
from experiments.lift.geo.fit import GeoFit, fit_notes
from experiments.lift.geo.incremental_cost import IncrementalCost
from experiments.lift.geo.ledger_notes import cost_notes, silent_notes
from experiments.lift.geo.panel import GeoExperiment, Outcome
from experiments.lift.geo.row_calendar import DAILY, Step
from experiments.lift.user.user_test import with_bounds

__all__ = ["GeoLiftTest", "geo_lift_test"]


@dataclass(frozen=True, eq=False)
class GeoLiftTest(Result):
    """A geo test read out; the same lift and price objects as the user-level test.

    Attributes:
        lift: incremental response of all treated geos over the whole window; baseline: the counterfactual.
        outcome: whether the response counts conversions or is value in units of money.
        method: name of the estimator.
        inference: what p-value and intervals rest on.
        treated_geos, control_geos: how many there are.
        cost, cost_standard_error, cost_covariance: incremental cost in units of money, its error and its
            covariance with the incremental response; nan where the table has no cost.
        levels: confidence levels reported.
        series: plot-ready frame, one row per day: `date, period, observed, counterfactual, effect,
            cumulative_effect`; empty where a method has no daily counterfactual. Where it has a distribution for the days
            too, `effect_lower, effect_upper, cumulative_effect_lower, cumulative_effect_upper` at the highest of the
            levels, each for a day of its own; nan before the test.
        notes: what the reader of the numbers must know, one sentence each.
        alternative: of the test; p-value, intervals, price set and return all follow it.
        fit: how well the counterfactual followed the treated geos before the test; None where there is no such fit.
        step: what a row of the panel stands for.
        why: which method was taken, and why, where it was chosen by the design and the data.

    Example:
        >>> from experiments.lift import time_based_regression
        >>> from experiments.lift.testing import example_experiment
        >>> test = time_based_regression(example_experiment(lift=0.3))
        >>> round(test.lift.difference, -3), test.cost_per_incremental_conversion(0.95).bounded
        (11000.0, True)
    """

    lift: LiftEstimate
    outcome: Outcome
    method: str
    inference: str
    treated_geos: int
    control_geos: int
    cost: float
    cost_standard_error: float
    cost_covariance: float
    levels: tuple[float, ...]
    series: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()
    alternative: Alternative = "two-sided"
    fit: GeoFit | None = None
    step: Step = DAILY
    why: str = ""

    def against(self, alternative: Alternative) -> Self:
        """The same test, read for any effect, for an increase (`greater`) or for a decrease (`less`) only.

        Raises:
            LiftInputError: one-sided, where the inference ranks sizes of effects (conformal, placebo, sign flips).
        """
        refuse(alternative_problems(self.lift.distribution, alternative))
        return replace(self, alternative=alternative)

    @property
    def p_value(self) -> float:
        """P-value of no effect against the alternative."""
        return self.lift.p_value(self.alternative)

    @property
    def observed(self) -> float:
        """Response of the treated geos over the window."""
        return self.lift.baseline + self.lift.difference

    def cost_per_incremental_conversion(self, level: float = 0.95) -> CostPerIncrementalConversion:
        """Confidence set of cost ÷ incremental conversions, in units of money.

        Raises:
            LiftInputError: no cost in the table, or a response that is value.
        """
        if self.outcome != "conversions":
            refuse(["outcome: value must be conversions for a cost per conversion; read the return instead"])
        if math.isnan(self.cost):
            refuse(["cost: column is required for a cost per incremental conversion; add it to the table"])
        return cost_per_incremental_conversion(
            self.lift,
            self.cost,
            level=level,
            cost_standard_error=self.cost_standard_error,
            covariance=self.cost_covariance,
            alternative=self.alternative,
        )

    def return_on_ad_spend(self, level: float = 0.95) -> tuple[float, Interval]:
        """Incremental response ÷ incremental cost with its interval; unbounded where the cost may be zero."""
        if math.isnan(self.cost) or self.cost == 0:
            return math.nan, (-math.inf, math.inf)
        point = self.lift.difference / self.cost
        if self.cost_standard_error == 0 or not isinstance(self.lift.distribution, StudentDistribution):
            ends = sorted(bound / self.cost for bound in self.lift.interval(level, self.alternative))
            return point, (ends[0], ends[1])
        quantile = self.lift.critical_value(level, self.alternative)
        ratio = fieller_set(
            self.lift.difference,
            self.cost,
            self.lift.standard_error**2,
            self.cost_standard_error**2,
            self.cost_covariance,
            quantile,
            denominator_differs=abs(self.cost) > quantile * self.cost_standard_error,
        )
        if not ratio.bounded:
            return point, (-math.inf, math.inf)
        low, high = ratio.components[0]
        if self.alternative == "two-sided":
            return point, (low, high)
        # More response per cost: the side of the effect, or the other one where money was saved.
        return point, ((low, math.inf) if (self.alternative == "greater") == (self.cost > 0) else (-math.inf, high))

    def probability_above(self, threshold: float) -> float:
        """P(return > τ) = T_df((R − τ·C) / se(R − τ·C)), R the incremental response and C > 0 its cost.

        It is 1 − p of the one-sided hypothesis return ≤ τ. Regression packages read it as a posterior: under a flat prior
        the return has Student's distribution about its estimate. Where money was saved (C < 0) the sides change.

        Raises:
            LiftInputError: no cost, a method without Student's distribution, or a threshold that is no number.

        Source: Kerman, Wang and Vaver (2017), "Estimating ad effectiveness using geo experiments in a time-based
        regression framework", Google; the R package GeoexperimentsResearch for both regressions.
        """
        problems = []
        if not math.isfinite(threshold):
            problems.append(f"threshold: {threshold} must be finite; write 1 for a return that pays for itself")
        if math.isnan(self.cost) or self.cost == 0:
            problems.append("cost: column is required for a return on it; add it to the table")
        if not isinstance(self.lift.distribution, StudentDistribution):
            problems.append(f"inference: {self.inference} must be a regression's for a probability; read the interval")
        refuse(problems)
        gain = self.lift.difference - threshold * self.cost
        variance = (
            self.lift.standard_error**2
            - 2 * threshold * self.cost_covariance
            + threshold**2 * self.cost_standard_error**2
        )
        error = math.sqrt(variance) if variance > 0 else math.inf
        tested = LiftEstimate(StudentDistribution(gain, error, self.lift.df))
        return 1 - tested.p_value("greater" if self.cost > 0 else "less")

    def to_frame(self) -> pd.DataFrame:
        """One row per level: the ad platforms' lift columns with their bounds, p-value and verdict."""
        return pd.DataFrame([self._row(level) for level in self.levels])

    def _row(self, level: float) -> dict[str, object]:
        name = "incremental_conversions" if self.outcome == "conversions" else "incremental_value"
        relative = "relative_conversion_lift" if self.outcome == "conversions" else "relative_value_lift"
        side = self.alternative
        row: dict[str, object] = {
            "level": level,
            "treated_geos": self.treated_geos,
            "control_geos": self.control_geos,
            "cost": self.cost,
            **with_bounds(name, self.lift.difference, self.lift.interval(level, side)),
            **with_bounds(relative, self.lift.relative_lift, self.lift.relative_interval(level, side)),
        }
        if not math.isnan(self.cost):
            if self.outcome == "conversions":
                price = self.cost_per_incremental_conversion(level)
                row |= with_bounds("cost_per_incremental_conversion", price.point, (price.lower, price.upper))
                row["cost_set_kind"] = price.kind
            else:
                point, bounds = self.return_on_ad_spend(level)
                row |= with_bounds("incremental_return_on_ad_spend", point, bounds)
        return row | {
            "p_value": self.p_value,
            "alternative": self.alternative,
            "significant": self.lift.verdict(level, self.alternative) != 0,
            "method": self.method,
            "inference": self.inference,
            **({"standard_error": self.lift.standard_error} if math.isfinite(self.lift.standard_error) else {}),
            **(self.fit.columns() if self.fit is not None else {}),
        }

    def weights_frame(self) -> pd.DataFrame:
        """The weight of every control geo, `geo, weight`, the largest first; empty where the method weighs none."""
        weights = {} if self.fit is None else self.fit.weights
        ordered = sorted(weights.items(), key=lambda each: -abs(each[1]))
        return pd.DataFrame(ordered, columns=["geo", "weight"])

    def summary(self) -> str:
        """Lift, price and what may be concluded at the highest level, in a few sentences."""
        level = max(self.levels)
        sides = "" if self.alternative == "two-sided" else "one-sided "
        interval = in_words(self.lift.interval(level, self.alternative))
        share = self.lift.relative_lift
        geos = "geo" if self.treated_geos == 1 else "geos"
        relative = f", a lift of {share:z.1%}" if math.isfinite(share) else ""
        sentences = [
            f"Incremental {self.outcome} in {self.treated_geos} treated {geos}: {self.lift.difference:z,.1f}"
            f"{relative} ({100 * level:g}% {sides}interval {interval}, p = {self.p_value:z.3g}; "
            f"{self.method}, {self.inference})."
        ]
        if not math.isnan(self.cost):
            if self.outcome == "conversions":
                sentences.append(self.cost_per_incremental_conversion(level).summary())
            elif self.cost != 0:
                point, bounds = self.return_on_ad_spend(level)
                sentences.append(
                    f"Return per unit of incremental cost {point:z,.3f} "
                    f"({100 * level:g}% {sides}interval {in_words(bounds, 'z,.3f')})."
                )
        fit = "" if self.fit is None else self.fit.summary(self.step.of)
        return " ".join(filter(None, (*sentences, self.why, fit, *self.notes)))


def geo_lift_test(
    experiment: GeoExperiment,
    lift: LiftEstimate,
    method: str,
    inference: str,
    levels: Sequence[float],
    *,
    cost: IncrementalCost | None,
    covariance: float = 0.0,
    counterfactual: object = None,
    daily_errors: DailyErrors | None = None,
    notes: Sequence[str] = (),
    fit: GeoFit | None = None,
    uses_covariates: bool = False,
) -> GeoLiftTest:
    """Gather an estimate, its cost and its daily counterfactual into one result.

    Args:
        experiment: the design.
        lift: incremental response over the window.
        method: name of the estimator.
        inference: what p-value and intervals rest on.
        levels: confidence levels to report.
        cost: incremental cost, where known.
        covariance: of incremental cost and incremental response.
        counterfactual: response of the treated geos without the change, per day of shape `(days,)`.
        daily_errors: how the daily effects vary, where the method has a distribution for them.
        notes: sentences for the reader.
        fit: of the counterfactual before the test.
        uses_covariates: whether the method reads the covariates of the panel.

    Raises:
        LiftInputError: levels that are none, or a counterfactual below zero, which no response can be.
    """
    refuse(level_problems(levels) + _impossible(experiment, lift, method))
    said = [*notes, *_notes_of_table(experiment), *_notes_of_interval(lift, levels)]
    if experiment.panel.covariates and not uses_covariates:
        named = ", ".join(experiment.panel.covariates)
        said.append(f"Covariates ({named}) play no part in this reading; name synthetic_control to match them.")
    if fit is not None:
        said += fit_notes(fit)
    said += [*cost_notes(experiment, experiment.force_control), *silent_notes(experiment)]
    error = cost.standard_error if cost is not None else 0.0
    if cost is not None and error > 0 and not isinstance(lift.distribution, StudentDistribution):
        said.append("The error of the cost that would have been spent anyway is not in the price.")
        error = 0.0
    if cost is not None and cost.cost < 0 and lift.difference < 0:
        lost = "the conversions that were lost" if experiment.outcome == "conversions" else "the value that was lost"
        said.append(f"Money was saved: the test prices {lost}.")
    return GeoLiftTest(
        lift=lift,
        outcome=experiment.outcome,
        method=method,
        inference=inference,
        treated_geos=int(experiment.is_treated.sum()),
        control_geos=int((~experiment.is_treated).sum()),
        cost=cost.cost if cost is not None else math.nan,
        cost_standard_error=error,
        cost_covariance=covariance if error else 0.0,
        levels=tuple(levels),
        series=(
            pd.DataFrame()
            if counterfactual is None
            else daily_series(experiment, counterfactual, daily_errors, max(levels))
        ),
        notes=tuple(said),
        fit=fit,
        step=experiment.panel.step,
    )


def _impossible(experiment: GeoExperiment, lift: LiftEstimate, method: str) -> list[str]:
    """A problem where the treated geos would have had less than nothing."""
    if not lift.baseline < 0 or (experiment.panel.response[:, experiment.everything] < 0).any():
        return []
    return [
        f"counterfactual: {method} foretells {lift.baseline:z,.1f} for the treated geos and must not be below zero; they are "
        "unlike the controls in size or trend: use relative scaling or synthetic_control"
    ]


def _notes_of_interval(lift: LiftEstimate, levels: Sequence[float]) -> list[str]:
    if isinstance(lift.distribution, StudentDistribution):
        if math.isinf(lift.standard_error):
            return [
                "The control tells the treated geos' response before the test to the last digit: no error is left to judge "
                "an effect by, so that p-value and interval say nothing. Real sales do not do this: check the table."
            ]
        return []
    low, high = lift.interval(max(levels))
    if math.isinf(low) and math.isinf(high):
        return [
            f"No effect can be ruled out at {100 * max(levels):g}%: either too few rows, geos or pairs to rank the effect "
            "among, or a fit without any error to compare it with."
        ]
    if lift.difference in (low, high):
        return [
            "The interval ends at the estimate itself: effects on that side of it fit the rows of the test worse than those "
            "before; the fit before the test does not hold in it."
        ]
    return []


def _notes_of_table(experiment: GeoExperiment) -> list[str]:
    notes, window = [], experiment.test_days + experiment.cooldown_days
    if experiment.pre_days < window:
        before, during = experiment.panel.step.of(experiment.pre_days), experiment.panel.step.of(window)
        notes.append(f"Only {before} before a test of {during}: what would have been rests on little.")
    if experiment.panel.excluded:
        notes.append(f"Left out: {', '.join(experiment.panel.excluded)}.")
    if experiment.panel.left_out:
        notes.append(f"Dates left out: {', '.join(experiment.panel.left_out)}.")
    if experiment.panel.filled:
        notes.append(f"{experiment.panel.filled:,} pairs of geo and date had no row in the table and count as zero.")
    if (experiment.panel.response[:, experiment.everything] < 0).any():
        notes.append("Some responses are negative; they count as refunds.")
    return notes
