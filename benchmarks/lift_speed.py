"""Time of reading lift tests, each as a multiple of what a general tool takes for the same task in the same run."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from benchmarks.clock import seconds
from experiments.lift.arms import ArmStatistics
from experiments.lift.geo.did import difference_in_differences
from experiments.lift.geo.gbr import geo_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment, geo_panel
from experiments.lift.geo.structural import structural_time_series
from experiments.lift.geo.synthetic_control import simplex_weights, synthetic_control
from experiments.lift.geo.tbr import time_based_regression
from experiments.lift.geo.trimmed_match import trimmed_match, trimmed_match_test
from experiments.lift.user import user_holdout_test
from experiments.lift.user_table import user_table_test

USERS, GEOS, DAYS, TEST_DAYS = 1_000_000, 200, 180, 28
REPEATS = 5


def user_table(seed: int = 1) -> pd.DataFrame:
    """A holdout of a tenth of the users."""
    rng = np.random.default_rng(seed)
    treated = rng.random(USERS) < 0.9
    conversions = (rng.random(USERS) < np.where(treated, 0.021, 0.020)).astype(np.int64)
    return pd.DataFrame(
        {
            "user_id": np.arange(USERS),
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


def least_squares(response: np.ndarray[Any, Any], regressor: np.ndarray[Any, Any]) -> Any:
    """Statsmodels' regression with robust errors: the general tool for a difference of means."""
    import statsmodels.api as sm

    return sm.OLS(response, sm.add_constant(regressor)).fit(cov_type="HC1").summary2()


def general_simplex(target: np.ndarray[Any, Any], controls: np.ndarray[Any, Any]) -> Any:
    """SciPy's sequential quadratic programming: the general tool for weights on the simplex."""
    geos = len(controls)
    return minimize(
        lambda w: float(np.sum((target - w @ controls) ** 2)),
        np.full(geos, 1 / geos),
        jac=lambda w: -2 * controls @ (target - w @ controls),
        bounds=[(0.0, 1.0)] * geos,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(geos)},
        method="SLSQP",
        options={"maxiter": 500},
    )


def main() -> None:
    """Print the table."""
    users = user_table()
    treated = (users["arm"] == "treated").to_numpy()
    outcome = users["conversions"].to_numpy()
    arms = [ArmStatistics.from_values(outcome[chosen]) for chosen in (treated, ~treated)]
    experiment = experiment_of_geos()
    total, control = experiment.treated.sum(axis=0), experiment.control
    before = experiment.pre
    growth = total[before] / total[before].mean() - 1
    growths = control[:, before] / control[:, before].mean(axis=1, keepdims=True) - 1
    rng = np.random.default_rng(2)
    cost = rng.uniform(1.0, 5.0, GEOS // 2)
    response = 2 * cost + rng.standard_t(3, GEOS // 2)
    pairs = list(zip(experiment.panel.geos[::2], experiment.panel.geos[1::2], strict=True))
    long = pd.DataFrame(
        {
            "location": np.repeat(experiment.panel.geos, DAYS),
            "date": np.tile(experiment.panel.dates, GEOS),
            "Y": experiment.panel.response.ravel(),
        }
    )

    robust = seconds(lambda: least_squares(outcome, treated.astype(float)), repeats=2)
    regression = seconds(lambda: least_squares(total[before], control[:, before].sum(axis=0)), REPEATS)
    programming = seconds(lambda: general_simplex(growth, growths), repeats=2)
    sort = seconds(lambda: long.sort_values(["location", "date"]), REPEATS)
    bootstrap = seconds(
        lambda: [float((response[pick].sum()) / cost[pick].sum()) for pick in rng.integers(0, 100, (1_000, 100))],
        REPEATS,
    )
    rows: list[tuple[str, Callable[[], Any], str, float]] = [
        ("user test, 1,000,000 users, from sums", lambda: user_holdout_test(*arms, 45_000_000_000), "OLS, HC1", robust),
        ("user test, 1,000,000 users, from the table", lambda: user_table_test(users), "OLS, HC1", robust),
        ("geo table of 36,000 rows to a panel", lambda: geo_panel(long), "pandas sort", sort),
        ("time-based regression", lambda: time_based_regression(experiment), "OLS of the days", regression),
        ("geo-based regression", lambda: geo_based_regression(experiment), "OLS of the days", regression),
        ("difference in differences", lambda: difference_in_differences(experiment), "OLS of the days", regression),
        ("structural time series", lambda: structural_time_series(experiment), "OLS of the days", regression),
        ("simplex weights, 100 controls", lambda: simplex_weights(growth, growths), "one SLSQP", programming),
        (
            "synthetic control with conformal intervals",
            lambda: synthetic_control(experiment, augmentation="none"),
            "one SLSQP",
            programming,
        ),
        ("the same, ridge-augmented", lambda: synthetic_control(experiment), "one SLSQP", programming),
        (
            "the same with 100 placebos",
            lambda: synthetic_control(experiment, augmentation="none", inference="placebo"),
            "one SLSQP",
            programming,
        ),
        ("trimmed match, 100 pairs, estimate", lambda: trimmed_match(response, cost), "1,000 bootstraps", bootstrap),
        (
            "trimmed match with sign-flip intervals",
            lambda: trimmed_match_test(experiment, pairs).to_frame(),
            "1,000 bootstraps",
            bootstrap,
        ),
    ]
    print(f"{'task':<46}{'multiple of':<20}{'ratio':>8}")
    for name, run, unit, reference in rows:
        print(f"{name:<46}{unit:<20}{seconds(run, REPEATS) / reference:>8.3f}")


if __name__ == "__main__":
    main()
