"""Covariates as predictors of a synthetic control: their means before the test, in units of the outcomes that are matched."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.lift.geo.panel import GeoExperiment, Scaling

__all__ = ["Predictors", "predictor_notes", "predictor_problems", "predictors_of"]


class Predictors(NamedTuple):
    """What stands beside the days that weights have to match.

    Attributes:
        target: of the treated geos, of shape `(covariates,)`.
        controls: of shape `(controls, covariates)`.
    """

    target: NDArray[np.float64]
    controls: NDArray[np.float64]


def predictors_of(
    experiment: GeoExperiment,
    used: NDArray[np.bool_],
    spread: float,
    scaling: Scaling,
    weight: float,
) -> Predictors:
    """√weight · spread · (z̄_j − mean) / sd for the mean z̄_j of each covariate of geo j over the days before the test.

    Mean and sd are those of the controls; so a covariate tells the geos apart as much as `weight` days of outcomes do. The
    treated geos count as their outcomes do: by response where growths are matched, alike where responses are.

    Args:
        experiment: with the covariates of its panel.
        used: which controls take part, of shape `(all controls,)`.
        spread: standard deviation of the controls' outcomes before the test.
        scaling: of the outcomes.
        weight: days of outcomes that a covariate counts as.

    Source: Ben-Michael, Feller and Rothstein (2021), JASA 116(536), section 5.3; `augsynth`, which scales so.
    """
    means = _means(experiment)
    treated, controls = means[experiment.is_treated], means[~experiment.is_treated][used]
    shares = experiment.treated[:, experiment.pre].sum(axis=1) if scaling == "relative" else np.ones(len(treated))
    centre, sd = controls.mean(axis=0), controls.std(axis=0)
    unit = np.sqrt(weight) * spread / np.where(sd > 0, sd, 1.0)
    target = shares @ treated / shares.sum()
    return Predictors((target - centre) * unit, (controls - centre) * unit)


def predictor_problems(experiment: GeoExperiment, weight: float) -> list[str]:
    """What is wrong with the covariates of a panel, and with the weight that they are to have."""
    problems = []
    if not 0 <= weight < np.inf:
        problems.append(f"covariate_weight: {weight} must be days of outcomes from 0 on; 1 is usual")
    means = _means(experiment)
    for name, of_geos in zip(experiment.panel.covariates, means.T, strict=True):
        if np.isnan(of_geos).any():
            geo = experiment.panel.geos[int(np.argmax(np.isnan(of_geos)))]
            problems.append(f"covariates: {name} has no value for {geo} before the test and must have one; fill it in")
        elif np.ptp(of_geos[~experiment.is_treated]) == 0:
            problems.append(
                f"covariates: {name} is {of_geos[0]:g} before the test in every control geo and must vary; leave it out"
            )
    return problems


def predictor_notes(experiment: GeoExperiment, used: NDArray[np.bool_], weights: NDArray[np.float64]) -> list[str]:
    """How near the weighted controls come to the treated geos in each covariate, in one sentence."""
    if not experiment.panel.covariates:
        return []
    means = _means(experiment)
    treated, controls = means[experiment.is_treated].mean(axis=0), means[~experiment.is_treated][used]
    told = [
        f"{name} {own:z,.4g} treated, {met:z,.4g} weighted controls, {every:z,.4g} all controls"
        for name, own, met, every in zip(
            experiment.panel.covariates, treated, weights @ controls, controls.mean(axis=0), strict=True
        )
    ]
    return [f"Matched on covariates too (means before the test): {'; '.join(told)}."]


def _means(experiment: GeoExperiment) -> NDArray[np.float64]:
    """The mean of every covariate before the test, of shape `(geos, covariates)`; not a number where there is no value."""
    every = experiment.panel.covariates.values()
    before = [values[:, experiment.pre] for values in every]
    if not before:
        return np.zeros((len(experiment.panel.geos), 0))
    known = [~np.isnan(values) for values in before]
    with np.errstate(invalid="ignore"):
        means = [
            np.where(there, values, 0).sum(axis=1) / there.sum(axis=1)
            for values, there in zip(before, known, strict=True)
        ]
    return np.stack(means, axis=1)
