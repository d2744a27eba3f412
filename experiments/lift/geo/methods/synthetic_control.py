"""Synthetic control: the treated geos predicted by a weighted mean of control geos, in responses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from cpalab.plugins import NameWithParameters
from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate, significance
from experiments.lift.geo.fit import CounterfactualOf, GeoFit, Series, geo_fit
from experiments.lift.geo.incremental_cost import incremental_cost
from experiments.lift.geo.methods.conformal import (
    PlaceboDistribution,
    TestInversionDistribution,
    block_conformal_distribution,
    block_conformal_p_value,
)
from experiments.lift.geo.methods.lifted import found_by_reading
from experiments.lift.geo.methods.predictors import Predictors, predictor_notes, predictor_problems, predictors_of
from experiments.lift.geo.observed_total import is_rounding
from experiments.lift.geo.panel import GeoExperiment, Scaling
from experiments.lift.geo.result import GeoLiftTest, geo_lift_test

__all__ = [
    "Augmentation",
    "AugmentedSyntheticControl",
    "ScaledPanel",
    "SyntheticControl",
    "SyntheticControlInference",
    "SyntheticWeights",
    "scaled_panel",
    "scaling_problems",
    "simplex_weights",
    "synthetic_control",
    "synthetic_weights",
]

Augmentation = Literal["none", "ridge"]
Decomposition = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
SyntheticControlInference = Literal["block_conformal", "placebo"]

# Candidate penalties relative to the largest eigenvalue, and blocks of days for their cross-validation.
PENALTIES = np.logspace(0, -6, 13)
FOLDS = 6


@dataclass(frozen=True, eq=False)
class SyntheticWeights:
    """Weights of the control geos, of shape `(controls,)`, and the ridge penalty behind them (0 for none)."""

    weights: NDArray[np.float64]
    penalty: float


def simplex_weights(target: NDArray[np.float64], controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights w ≥ 0, Σw = 1, with the least ‖y − X'w‖².

    With B = X' − y·1' this is min ‖Bw‖ on the simplex. Non-negative least squares of (B; 1') on (0; 1) has
    its solution in the same direction, because for w = s·u with Σu = 1 the best s leaves ‖Bu‖²/(1 + ‖Bu‖²).

    Args:
        target: y of shape `(days,)`.
        controls: X of shape `(controls, days)`.
    """
    from scipy.optimize import nnls

    distances = controls.T - target[:, None]
    size = float(np.sqrt((distances**2).sum(axis=0).min()))
    scaled = np.vstack([distances / size if size else distances, np.ones(controls.shape[0])])
    aim = np.zeros(target.size + 1)
    aim[-1] = 1.0
    solution = nnls(scaled, aim, maxiter=50 * controls.shape[0])[0]
    return np.asarray(solution / solution.sum(), dtype=np.float64)


def synthetic_weights(
    target: NDArray[np.float64],
    controls: NDArray[np.float64],
    augmentation: Augmentation = "ridge",
    penalty: float | None = None,
    decomposition: Decomposition | None = None,
    predictors: int = 0,
) -> SyntheticWeights:
    """Simplex weights w, and with ridge w + (ZZ' + λ·I)⁻¹Z(y − X'w), Z = X less the controls' mean of each day.

    The ridge part regresses what the simplex leaves, and extrapolates from the hull of the controls only as far as the data
    repay it; λ is chosen by leaving out blocks of days. Z's columns sum to 0 over the controls, and so do the ridge weights:
    all weights sum to 1, and what happens to every geo alike is no effect.

    Args:
        target: of shape `(days,)`, free of its own mean.
        controls: of shape `(controls, days)`, free of their means.
        augmentation: `none` or `ridge`.
        penalty: λ; chosen where None.
        decomposition: singular value decomposition of Z, where it is at hand.
        predictors: how many of the last columns are no days, and are never left out.

    Source: Abadie, Diamond and Hainmueller (2010), JASA 105(490); Ben-Michael, Feller and Rothstein (2021),
    "The augmented synthetic control method", JASA 116(536).
    """
    weights = simplex_weights(target, controls)
    if augmentation == "none":
        return SyntheticWeights(weights, 0.0)
    if penalty is None:
        penalty = _cross_validated_penalty(target, controls, predictors)
    parts = decomposition if decomposition is not None else _decomposition(controls)
    return SyntheticWeights(weights + _ridge(target - weights @ controls, parts, [penalty])[0], penalty)


@dataclass(frozen=True)
class SyntheticControl:
    """Synthetic control: the treated geos as a weighted mean of control geos; see `synthetic_control`.

    Attributes:
        inference: `block_conformal` permutes blocks of days, `placebo` gives each control geo the part of the treated.
        scaling: `relative` (growths) or `additive`.
        intercept: whether levels may differ; growths always have it.
        covariate_weight: days of outcomes that each covariate of the panel counts as.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("synthetic_control")
    inference: SyntheticControlInference = "block_conformal"
    scaling: Scaling = "relative"
    intercept: bool = True
    covariate_weight: float = 1.0

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `synthetic_control`."""
        return synthetic_control(
            experiment,
            levels,
            augmentation="none",
            inference=self.inference,
            scaling=self.scaling,
            intercept=self.intercept,
            covariate_weight=self.covariate_weight,
        )

    def found_with_lifts(
        self, experiment: GeoExperiment, lifts: Sequence[float], level: float
    ) -> tuple[list[bool], float]:
        """Which of the lifts the test would find, and the relative lift without one: weights are fitted once before it."""
        if self.inference == "placebo":
            return found_by_reading(self, experiment, lifts, level)
        fitted = _fitted(experiment, "none", self.scaling, self.intercept, None, self.covariate_weight)
        return _found_by_blocks(experiment, fitted, lifts, level)


@dataclass(frozen=True)
class AugmentedSyntheticControl:
    """Augmented synthetic control: what the weighted mean leaves before the test is corrected by ridge regression.

    Attributes:
        inference, scaling, intercept, covariate_weight: as those of `synthetic_control`.
        penalty: of the ridge; chosen by leaving out blocks of days where None.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("augmented_synthetic_control")
    inference: SyntheticControlInference = "block_conformal"
    scaling: Scaling = "relative"
    intercept: bool = True
    penalty: float | None = None
    covariate_weight: float = 1.0

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The test by `synthetic_control` with ridge."""
        return synthetic_control(
            experiment,
            levels,
            inference=self.inference,
            scaling=self.scaling,
            intercept=self.intercept,
            penalty=self.penalty,
            covariate_weight=self.covariate_weight,
        )

    def found_with_lifts(
        self, experiment: GeoExperiment, lifts: Sequence[float], level: float
    ) -> tuple[list[bool], float]:
        """As that of `SyntheticControl`."""
        if self.inference == "placebo":
            return found_by_reading(self, experiment, lifts, level)
        fitted = _fitted(experiment, "ridge", self.scaling, self.intercept, self.penalty, self.covariate_weight)
        return _found_by_blocks(experiment, fitted, lifts, level)


def synthetic_control(
    experiment: GeoExperiment,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    augmentation: Augmentation = "ridge",
    inference: SyntheticControlInference = "block_conformal",
    scaling: Scaling = "relative",
    intercept: bool = True,
    penalty: float | None = None,
    covariate_weight: float = 1.0,
) -> GeoLiftTest:
    """Σ_window (y_t − ŷ_t), ŷ_t = ȳ·(1 + Σ_j w_j·(x_jt/x̄_j − 1)): growth of the treated as a mean of growths.

    Means are those before the test. `additive` scaling has ŷ_t = ȳ + n_T·Σ_j w_j·(x_jt − x̄_j) instead, with
    which a treated geo larger than all controls cannot be followed where trends and seasons multiply; without intercept
    ŷ_t = n_T·Σ_j w_j·x_jt.

    Args:
        experiment: the design.
        levels: confidence levels to report.
        augmentation: `ridge` corrects what the weighted mean leaves before the test, `none` does not.
        inference: `block_conformal` permutes blocks of days, refitting the weights to all days under each
            null. `placebo` gives each control geo in turn the part of the treated ones, its error measured in
            units of its own misfit before the test; it cannot reject below 1/(controls + 1).
        scaling: `relative` or `additive`. Controls without response before the test are left out of the
            former.
        intercept: whether levels may differ; growths always have it.
        penalty: λ of the ridge; chosen by leaving out blocks of days where None.
        covariate_weight: days of outcomes that each covariate of the panel counts as where weights are sought.

    Raises:
        LiftInputError: fewer than two control geos; treated geos without response before the test; growths without
            intercept; a penalty below 0 or without ridge; covariates that are the same in every control geo.

    Source: see `synthetic_weights`; Chernozhukov, Wüthrich and Zhu (2021) for conformal inference; Abadie et
    al. (2010) for placebos.

    Example:
        >>> from experiments.lift import synthetic_control
        >>> from experiments.lift.testing import example_experiment
        >>> test = synthetic_control(example_experiment(lift=0.3))
        >>> round(test.lift.relative_lift, 1), test.p_value < 0.05
        (0.3, True)
    """
    fitted = _fitted(experiment, augmentation, scaling, intercept, penalty, covariate_weight)
    n, total, panel, counterfactual = experiment.pre_days, experiment.treated.sum(axis=0), fitted.panel, fitted.series
    effect = float((total - counterfactual)[n:].sum())
    distribution: PlaceboDistribution | TestInversionDistribution
    if inference == "placebo":
        distribution = _placebo_distribution(panel, n, augmentation, effect, float(total[n:].sum()))
    else:
        distribution = block_conformal_distribution(fitted.refit, total, n, effect)

    def counterfactual_of(earlier: GeoExperiment) -> NDArray[np.float64]:
        past = scaled_panel(earlier, scaling, intercept, covariate_weight=covariate_weight)
        weights = past.weights(earlier.pre, augmentation, fitted.weights.penalty).weights
        return past.in_responses(weights @ past.controls)

    return geo_lift_test(
        experiment,
        LiftEstimate(distribution),
        "synthetic_control" if augmentation == "none" else "augmented_synthetic_control",
        inference,
        levels,
        cost=incremental_cost(experiment),
        counterfactual=counterfactual,
        notes=predictor_notes(experiment, panel.used, fitted.weights.weights),
        fit=panel.fit(experiment, counterfactual, counterfactual_of, fitted.weights.weights),
        uses_covariates=True,
    )


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Weights from the days before the test, the counterfactual `(days,)`, and residuals of a fit to all days."""

    panel: "ScaledPanel"
    weights: SyntheticWeights
    series: NDArray[np.float64]
    refit: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _fitted(
    experiment: GeoExperiment,
    augmentation: Augmentation,
    scaling: Scaling,
    intercept: bool,
    penalty: float | None,
    covariate_weight: float,
) -> _Fitted:
    problems = scaling_problems(experiment, scaling) + predictor_problems(experiment, covariate_weight)
    if scaling == "relative" and not intercept:
        problems.append("intercept: growths have one by their nature; without it ask for scaling additive")
    if penalty is not None and not 0 <= penalty < np.inf:
        problems.append(f"penalty: {penalty} must be a number from 0 on; leave it out to have it chosen")
    if penalty is not None and augmentation == "none":
        problems.append("penalty: it must not be given without ridge; use augmented_synthetic_control")
    refuse(problems)
    panel = scaled_panel(experiment, scaling, intercept, covariate_weight=covariate_weight)
    weights = panel.weights(experiment.pre, augmentation, penalty)
    # Only the target changes with the null, so the controls are taken apart once.
    whole = scaled_panel(experiment, scaling, intercept, experiment.everything, covariate_weight)
    parts = _decomposition(whole.matched(experiment.everything)[1])

    def refit(adjusted: NDArray[np.float64]) -> NDArray[np.float64]:
        again = whole.of(adjusted, experiment.everything)
        found = again.weights(experiment.everything, augmentation, weights.penalty, parts).weights
        return np.asarray(again.unit * (again.target - found @ whole.controls))

    return _Fitted(panel, weights, panel.in_responses(weights.weights @ panel.controls), refit)


def _found_by_blocks(
    experiment: GeoExperiment, fitted: _Fitted, lifts: Sequence[float], level: float
) -> tuple[list[bool], float]:
    """One refit tells that no effect is not rejected; only where it is, the whole distribution is asked."""
    n, total, alpha = experiment.pre_days, experiment.treated.sum(axis=0), significance(level)
    in_window = np.arange(total.size) >= n
    effect = float((total - fitted.series)[n:].sum())
    found = []
    for lift in lifts:
        response = total * (1 + lift * in_window)
        rejected = block_conformal_p_value(fitted.refit(response), total.size - n) < alpha
        if rejected:
            moved = effect + lift * float(total[n:].sum())
            blocks = block_conformal_distribution(fitted.refit, response, n, moved)
            rejected = LiftEstimate(blocks).p_value() < alpha
        found.append(rejected)
    return found, effect / float(fitted.series[n:].sum())


@dataclass(frozen=True, eq=False)
class ScaledPanel:
    """Target and controls in the units in which weights are sought, with the way back to responses.

    Attributes:
        target: of shape `(days,)`.
        controls: of shape `(controls, days)`.
        names: of the controls.
        centre, unit: response of the treated geos = centre + unit·target.
        scaling, intercept, geos: how, and of how many treated geos.
        used: which of all controls they are, of shape `(all controls,)`.
        predictors: covariates beside the days.
    """

    target: NDArray[np.float64]
    controls: NDArray[np.float64]
    names: tuple[str, ...]
    centre: float
    unit: float
    scaling: Scaling
    intercept: bool
    geos: int
    used: NDArray[np.bool_]
    predictors: Predictors

    def matched(self, days: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Target and controls on these days, with the covariates behind them."""
        beside, of_controls = self.predictors
        return np.append(self.target[days], beside), np.hstack([self.controls[:, days], of_controls])

    def weights(
        self,
        days: slice,
        augmentation: Augmentation,
        penalty: float | None = None,
        decomposition: Decomposition | None = None,
    ) -> SyntheticWeights:
        """The weights that match these days and the covariates."""
        target, controls = self.matched(days)
        return synthetic_weights(target, controls, augmentation, penalty, decomposition, self.predictors.target.size)

    def in_responses(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """A series in units of the target as responses of all treated geos."""
        return np.asarray(self.centre + self.unit * scaled)

    def fit(
        self, experiment: GeoExperiment, counterfactual: Series, counterfactual_of: CounterfactualOf, weights: Series
    ) -> GeoFit:
        """The fit of a weighted mean of controls, beside that of equal weights; weights of shape `(controls,)`."""
        return geo_fit(
            experiment,
            counterfactual,
            counterfactual_of,
            control=counterfactual,
            weights=dict(zip(self.names, weights.tolist(), strict=True)),
            equal_weights=self.in_responses(self.controls.mean(axis=0)),
        )

    def of(self, response: NDArray[np.float64], over: slice) -> "ScaledPanel":
        """The same controls with another response of the treated geos, of shape `(days,)`."""
        centre = float(response[over].mean())
        if self.scaling == "relative":
            return replace(self, target=response / centre - 1, centre=centre, unit=centre)
        centre = centre if self.intercept else 0.0
        return replace(self, target=(response - centre) / self.geos, centre=centre, unit=float(self.geos))


def scaling_problems(experiment: GeoExperiment, scaling: Scaling) -> list[str]:
    """What is wrong with an experiment whose treated geos are to be a weighted mean of control geos."""
    before, problems = experiment.control[:, experiment.pre].mean(axis=1), []
    usable = int((before > 0).sum()) if scaling == "relative" else before.size
    if usable < 2:
        problems.append(f"control: {usable} geos with a response before the test must be at least 2; use tbr")
    if scaling == "relative" and not experiment.treated[:, experiment.pre].sum() > 0:
        problems.append("treated: response before the test must be positive to grow; use tbr, or additive scaling")
    return problems


def scaled_panel(
    experiment: GeoExperiment,
    scaling: Scaling,
    intercept: bool = True,
    over: slice | None = None,
    covariate_weight: float = 0.0,
) -> ScaledPanel:
    """Growths over the means of the days `over` (those before the test), or responses per geo less these means."""
    days = experiment.pre if over is None else over
    controls, names = experiment.control, np.array(experiment.panel.geos)[~experiment.is_treated]
    used = controls[:, experiment.pre].mean(axis=1) > 0 if scaling == "relative" else np.ones(len(controls), np.bool_)
    controls, names = controls[used], names[used]
    means = controls[:, days].mean(axis=1, keepdims=True)
    if scaling == "relative":
        controls = controls / means - 1
    elif intercept:
        controls = controls - means
    before = controls[:, experiment.pre]
    spread = float((before - before.mean(axis=1, keepdims=True)).std())
    predictors = predictors_of(experiment, used, spread, scaling, covariate_weight)
    empty = ScaledPanel(
        np.zeros(0),
        controls,
        tuple(names.tolist()),
        0.0,
        1.0,
        scaling,
        intercept,
        len(experiment.treated),
        used,
        predictors,
    )
    return empty.of(experiment.treated.sum(axis=0), days)


def _placebo_distribution(
    panel: ScaledPanel, pre_days: int, augmentation: Augmentation, effect: float, observed: float
) -> PlaceboDistribution:
    """Every control's own error over the window, in units of its misfit, times the misfit of the treated."""

    def error_and_misfit(of: ScaledPanel) -> tuple[float, float]:
        gap = of.target - of.weights(slice(0, pre_days), augmentation).weights @ of.controls
        return float(gap[pre_days:].sum()), float(np.sqrt(np.mean(gap[:pre_days] ** 2)))

    _, misfit = error_and_misfit(panel)
    errors: list[float] = []
    if is_rounding(panel.unit * misfit, observed):
        return PlaceboDistribution(effect, observed, ())
    for j, (own_days, own_predictors) in enumerate(zip(panel.controls, panel.predictors.controls, strict=True)):
        others = Predictors(own_predictors, np.delete(panel.predictors.controls, j, axis=0))
        error, own = error_and_misfit(
            replace(panel, target=own_days, controls=np.delete(panel.controls, j, axis=0), predictors=others)
        )
        if own > 0:
            errors.append(panel.unit * misfit * error / own)
    return PlaceboDistribution(effect, observed, tuple(errors))


def _decomposition(controls: NDArray[np.float64]) -> Decomposition:
    """Of the controls less their mean of each day."""
    u, s, vt = np.linalg.svd(controls - controls.mean(axis=0), full_matrices=False)
    return u, s, vt


def _ridge(
    remainder: NDArray[np.float64], decomposition: Decomposition, penalties: Sequence[float]
) -> list[NDArray[np.float64]]:
    """(ZZ' + λ·I)⁻¹·Z·r for each λ, of shape `(controls,)`."""
    u, s, vt = decomposition
    projected = s * (vt @ remainder)
    # Directions in which no control varies carry nothing; the floor only keeps 0/0 away.
    floor = np.finfo(np.float64).tiny
    return [u @ (projected / np.maximum(s**2 + penalty, floor)) for penalty in penalties]


def _cross_validated_penalty(target: NDArray[np.float64], controls: NDArray[np.float64], predictors: int) -> float:
    """λ with the least squared error on blocks of days left out, the simplest of those within one error."""
    largest = float(np.linalg.norm(controls - controls.mean(axis=0), 2)) ** 2
    penalties = [float(largest * factor) for factor in PENALTIES]
    days = np.arange(target.size - predictors)
    blocks = np.array_split(days, min(FOLDS, days.size))
    errors = np.empty((len(blocks), len(penalties)))
    for row, block in zip(errors, blocks, strict=True):
        kept = np.delete(np.arange(target.size), block)
        weights = simplex_weights(target[kept], controls[:, kept])
        corrections = _ridge(target[kept] - weights @ controls[:, kept], _decomposition(controls[:, kept]), penalties)
        for k, correction in enumerate(corrections):
            gap = target[block] - (weights + correction) @ controls[:, block]
            row[k] = np.mean(gap**2)
    mean = errors.mean(axis=0)
    best = int(np.argmin(mean))
    bound = mean[best] + errors[:, best].std(ddof=1) / np.sqrt(len(blocks))
    return penalties[int(np.flatnonzero(mean <= bound)[0])]
