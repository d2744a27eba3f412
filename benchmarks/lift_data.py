"""The tests that every tool of the lift benchmark reads: a million users, and 200 geos × 180 days of responses."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.lift import GeoExperiment, GeoPanel, geo_experiment

USERS, GEOS, DAYS, TEST_DAYS = 1_000_000, 200, 180, 28


def user_table(users: int = USERS, seed: int = 1) -> pd.DataFrame:
    """A holdout of a tenth of the users."""
    rng = np.random.default_rng(seed)
    treated = rng.random(users) < 0.9
    conversions = (rng.random(users) < np.where(treated, 0.021, 0.020)).astype(np.int64)
    return pd.DataFrame(
        {
            "user_id": np.arange(users),
            "arm": np.where(treated, "treated", "control"),
            "conversions": conversions,
            "cost": np.where(treated, 0.05, 0.0),
        }
    )


def experiment_of_geos(seed: int = 1) -> GeoExperiment:
    """Half of the geos treated in the last days, without effect."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(5.0, 0.8, GEOS))[:, None]
    season = 1 + 0.1 * np.sin(2 * np.pi * np.arange(DAYS) / 7)
    response = size * season * (1 + 0.1 * rng.normal(size=(GEOS, DAYS)))
    cost = np.zeros_like(response)
    cost[::2, -TEST_DAYS:] = rng.uniform(1.0, 3.0, (GEOS // 2, TEST_DAYS))
    dates = np.datetime64("2026-01-01") + np.arange(DAYS)
    panel = GeoPanel(tuple(f"g{k:03d}" for k in range(GEOS)), dates, response, cost)
    return geo_experiment(panel, panel.geos[::2], str(dates[-TEST_DAYS]), str(dates[-1]))


def earlier_window(experiment: GeoExperiment, days: int) -> GeoExperiment:
    """The same test so many days earlier, of a panel that ends with it."""
    panel = experiment.panel
    kept = slice(0, panel.dates.size - days)
    cost = None if panel.cost is None else panel.cost[:, kept]
    shorter = GeoPanel(panel.geos, panel.dates[kept], panel.response[:, kept], cost)
    dates = shorter.dates[-experiment.test_days :]
    treated = [geo for geo, chosen in zip(panel.geos, experiment.is_treated, strict=True) if chosen]
    return geo_experiment(shorter, treated, str(dates[0]), str(dates[-1]))


def long_table(experiment: GeoExperiment) -> pd.DataFrame:
    """Responses of an experiment, one row per geo and day, as GeoLift takes them."""
    panel = experiment.panel
    return pd.DataFrame(
        {
            "location": np.repeat(panel.geos, panel.dates.size),
            "date": np.tile(panel.dates, len(panel.geos)),
            "Y": panel.response.ravel(),
        }
    )


@dataclass(frozen=True, eq=False)
class Growths:
    """Growth of the treated geos' total, of shape `(days,)`, and of each control geo, of shape `(controls, days)`.

    Growth is against the mean before the test. Tools that stop by an absolute tolerance need responses near 1 to converge.
    """

    target: NDArray[np.float64]
    controls: NDArray[np.float64]
    pre_days: int

    @property
    def before(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both before the test."""
        return self.target[: self.pre_days], self.controls[:, : self.pre_days]

    @property
    def centred(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both before the test, less the controls' mean of each day: what an augmented synthetic control regresses."""
        target, controls = self.before
        mean = controls.mean(axis=0)
        return target - mean, controls - mean

    def misfit(self, weights: NDArray[Any]) -> float:
        """Σ (y − w'x)² before the test."""
        target, controls = self.before
        return float(np.sum((target - weights @ controls) ** 2))


def growths(experiment: GeoExperiment) -> Growths:
    """The growths of an experiment."""
    total, control, n = experiment.treated.sum(axis=0), experiment.control, experiment.pre_days
    return Growths(total / total[:n].mean() - 1, control / control[:, :n].mean(axis=1, keepdims=True) - 1, n)
