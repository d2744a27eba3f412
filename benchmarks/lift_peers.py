"""The same lift tests by cpalab and by other libraries, on the same data; what each answers can be compared.

Other libraries are used if they are installed (`pip install -e .[peers]`); none is needed to use or test cpalab.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks.lift_data import DAYS, GEOS, TEST_DAYS, experiment_of_geos, growths, long_table, user_table
from experiments.lift import (
    ArmStatistics,
    LiftEstimate,
    geo_experiment,
    geo_panel,
    time_based_regression,
    user_holdout_test,
)
from experiments.lift import user_table_test as read_user_table
from experiments.lift.geo.methods.synthetic_control import simplex_weights, synthetic_weights

Answer = list[float]
Prepare = Callable[[], Callable[[], Answer]]
ARMS = ("treated", "control")
BAYESIAN = "WeightedSumFitter"


@dataclass(frozen=True)
class Task:
    """What several tools compute.

    Attributes:
        name: what it is.
        compared: whether answers are `weights`, whose difference is taken as it is, or `sizes`, whose difference is taken
            relative to ours.
        tolerance: difference up to which two answers are the same. Peers stop searching for weights by tolerances of their
            own, and some take a normal distribution where others take Student's.
    """

    name: str
    compared: Literal["weights", "sizes"]
    tolerance: float


@dataclass(frozen=True)
class Run:
    """One tool at one task.

    Attributes:
        package: its distribution, `cpalab` for our own.
        label: what it is asked to do.
        prepare: makes its input, and returns what is timed.
        repeats: timed runs after one that warms up; with 0 the first is timed, of tools that take a minute.
    """

    package: str
    label: str
    prepare: Prepare
    repeats: int = 5


def _limits(lift: LiftEstimate) -> Answer:
    return [lift.difference, *lift.interval(0.95)]


def our_sums() -> Callable[[], Answer]:
    """From sufficient statistics."""
    arms = _arms()
    return lambda: _limits(user_holdout_test(arms[0], arms[1], 45_000_000_000).lift)


def our_table() -> Callable[[], Answer]:
    """From the table, whose users, arms, numbers and cost are checked on the way."""
    table = user_table()
    return lambda: _limits(read_user_table(table).conversions.lift)


def our_regression() -> Callable[[], Answer]:
    """From the table of geos and days."""
    experiment = experiment_of_geos()
    table, dates = long_table(experiment), experiment.panel.dates
    treated = experiment.panel.geos[::2]

    def run() -> Answer:
        read = geo_experiment(geo_panel(table), treated, str(dates[-TEST_DAYS]), str(dates[-1]))
        test = time_based_regression(read)
        test.to_frame()
        return [test.lift.difference]

    return run


def our_weights() -> Callable[[], Answer]:
    """Synthetic control."""
    target, controls = growths(experiment_of_geos()).before
    return lambda: list(simplex_weights(target, controls))


def our_ridge() -> Callable[[], Answer]:
    """Augmented synthetic control, λ by leaving out blocks of days."""
    target, controls = growths(experiment_of_geos()).centred
    return lambda: list(synthetic_weights(target, controls).weights)


def our_ridge_at_given_penalty() -> Callable[[], Answer]:
    """Augmented synthetic control at a given λ."""
    target, controls = growths(experiment_of_geos()).centred
    penalty = synthetic_weights(target, controls).penalty
    return lambda: list(synthetic_weights(target, controls, penalty=penalty).weights)


def _arms() -> list[ArmStatistics]:
    table = user_table()
    return [ArmStatistics.from_values(table["conversions"][table["arm"] == arm]) for arm in ARMS]


def gbstats(from_table: bool) -> Callable[[], Answer]:
    """Welch's test of gbstats, which leaves aggregation to a database: here to pandas."""
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
    from gbstats.models.statistics import SampleMeanStatistic

    config = FrequentistConfig(difference_type="absolute")

    def test(users: Any, total: Any, squares: Any) -> Answer:
        arms = [SampleMeanStatistic(int(users[arm]), float(total[arm]), float(squares[arm])) for arm in ARMS]
        result = TwoSidedTTest(arms[1], arms[0], config).compute_result()
        return [result.expected, *result.ci]

    sums = dict(zip(ARMS, _arms(), strict=True))
    counts = tuple({arm: getattr(sums[arm], name) for arm in ARMS} for name in ("users", "sum", "sum_squares"))
    if not from_table:
        return lambda: test(*counts)
    table = user_table()

    def run() -> Answer:
        rows = table.assign(squares=table["conversions"] ** 2).groupby("arm")
        found = rows.agg(users=("user_id", "size"), total=("conversions", "sum"), squares=("squares", "sum"))
        return test(found["users"], found["total"], found["squares"])

    return run


def tea_tasting() -> Callable[[], Answer]:
    """Welch's test of tea-tasting."""
    import tea_tasting as tt

    table = user_table()
    experiment = tt.Experiment({"conversions": tt.Mean("conversions")}, variant="arm")

    def run() -> Answer:
        found = experiment.analyze(table, control="control")["conversions"]
        return [found.effect_size, found.effect_size_ci_lower, found.effect_size_ci_upper]

    return run


def spotify_confidence() -> Callable[[], Answer]:
    """The z test of spotify-confidence, which takes aggregated rows: here from pandas."""
    import spotify_confidence

    table = user_table()

    def run() -> Answer:
        rows = table.assign(squares=table["conversions"] ** 2).groupby("arm", as_index=False)
        sums = rows.agg(users=("user_id", "size"), total=("conversions", "sum"), squares=("squares", "sum"))
        test = spotify_confidence.ZTest(
            sums,
            numerator_column="total",
            numerator_sum_squares_column="squares",
            denominator_column="users",
            categorical_group_columns="arm",
        )
        found = test.difference(level_1="control", level_2="treated").iloc[0]
        return [float(found[name]) for name in ("difference", "ci_lower", "ci_upper")]

    return run


def pysyncon_synth(search: bool) -> Callable[[], Answer]:
    """Synth of pysyncon on all days before the test; importances of the days given as equal, or searched (its default)."""
    import pysyncon

    target, controls = growths(experiment_of_geos()).before
    wide, treated = pd.DataFrame(controls.T), pd.Series(target, name="treated")
    # It divides every day by its spread over the geos; these importances take that back.
    spread = pd.concat([wide, treated], axis=1).std(axis=1).to_numpy()
    model = pysyncon.Synth()

    def run() -> Answer:
        model.fit(X0=wide, X1=treated, Z0=wide, Z1=treated, custom_V=None if search else spread**2)
        return [float(weight) for weight in model.W]

    return run


def pysyncon_augmented(search: bool) -> Callable[[], Answer]:
    """AugSynth of pysyncon, λ given as ours or by its own cross-validation (its default), which leaves out single days."""
    import pysyncon

    data = growths(experiment_of_geos())
    penalty = None if search else synthetic_weights(*data.centred).penalty
    controls = [f"c{k:03d}" for k in range(len(data.controls))]
    rows = pd.DataFrame(
        {
            "geo": np.repeat(["treated", *controls], DAYS),
            "day": np.tile(np.arange(DAYS), len(controls) + 1),
            "growth": np.vstack([data.target, data.controls]).ravel(),
        }
    )
    before = range(data.pre_days)
    table = pysyncon.Dataprep(
        foo=rows,
        predictors=["growth"],
        predictors_op="mean",
        dependent="growth",
        unit_variable="geo",
        time_variable="day",
        treatment_identifier="treated",
        controls_identifier=controls,
        time_predictors_prior=before,
        time_optimize_ssr=before,
    )
    model = pysyncon.AugSynth()

    def run() -> Answer:
        model.fit(table, lambda_=penalty, use_covariates=False)
        return [float(weight) for weight in model.W]

    return run


def causalpy(bayesian: bool) -> Callable[[], Answer]:
    """Synthetic control of CausalPy: weighted proportions by SciPy, or the mean of a posterior (2 chains × 1,000 draws)."""
    import causalpy as cp

    data = growths(experiment_of_geos())
    controls = [f"c{k:03d}" for k in range(len(data.controls))]
    table = pd.DataFrame(data.controls.T, columns=controls).assign(treated=data.target)

    def model() -> Any:
        if not bayesian:
            return cp.skl_models.WeightedProportion()
        sample = {"chains": 2, "draws": 1_000, "tune": 1_000, "cores": 2, "random_seed": 1, "progressbar": False}
        return cp.pymc_models.WeightedSumFitter(sample_kwargs=sample)

    def run() -> Answer:
        test = cp.SyntheticControl(
            table.copy(), data.pre_days, control_units=controls, treated_units=["treated"], model=model()
        )
        if not bayesian:
            return [float(weight) for weight in np.ravel(test.model.coef_)]
        return [float(weight) for weight in np.ravel(test.model.idata.posterior["beta"].mean(("chain", "draw")))]

    return run


def meridian_geox() -> Callable[[], Answer]:
    """Time-based regression of meridian-geox, whose interval is that of 500 placebos among 100,000 candidates."""
    import meridian_geox as gx
    from meridian_geox.api import PerCellDesign

    experiment = experiment_of_geos()
    geos, dates = experiment.panel.geos, pd.DatetimeIndex(experiment.panel.dates)
    table = long_table(experiment).rename(columns={"Y": "conversions"}).assign(date=np.tile(dates, GEOS))
    treated, start = set(geos[::2]), dates[-TEST_DAYS]
    # Analysis takes the file of its own design; this is what of it the analysis reads.
    design = gx.Design(
        designs={"cell_1": PerCellDesign(treated, 0.0, 0.0, 0.0, 0.0)},
        control_geos=set(geos) - treated,
        excluded_geos=set(),
        design_config=gx.DesignConfig(
            experiment_duration=datetime.timedelta(days=TEST_DAYS), geo_assignment_rule=gx.GeoAssignmentRule.RANDOM
        ),
        constraints=gx.Constraints(max_conversions_percent=0.5),
        data=table[table["date"] < start],
    )
    config = gx.AnalysisConfig(
        design=design,
        analysis_start_date=start,
        analysis_end_date=dates[-1],
        alpha=0.1,
        test_type=gx.TestType.TWO_SIDED,
    )
    return lambda: [gx.analyze(table, config).results["cell_1"].lift.point_estimate]


# The first run of each task is ours.
RUNS: dict[Task, tuple[Run, ...]] = {
    Task("1,000,000 users from sums: difference, 95 % limits", "sizes", 1e-3): (
        Run("cpalab", "user_holdout_test", our_sums),
        Run("gbstats", "TwoSidedTTest", lambda: gbstats(from_table=False)),
    ),
    Task("1,000,000 users from a table: the same", "sizes", 1e-3): (
        Run("cpalab", "user_table_test, with its checks", our_table),
        Run("gbstats", "pandas sums, TwoSidedTTest", lambda: gbstats(from_table=True)),
        Run("tea-tasting", "Experiment of one Mean", tea_tasting),
        Run("spotify-confidence", "pandas sums, ZTest", spotify_confidence),
    ),
    Task(f"time-based regression, {GEOS} geos × {DAYS} days from a table: effect", "sizes", 1e-3): (
        Run("cpalab", "with an autoregressive interval", our_regression),
        Run("meridian-geox", "with a placebo interval", meridian_geox, repeats=1),
    ),
    Task(f"synthetic control, {GEOS // 2} geos: weights", "weights", 0.01): (
        Run("cpalab", "simplex_weights", our_weights),
        Run("CausalPy", "WeightedProportion", lambda: causalpy(bayesian=False)),
        Run("pysyncon", "Synth, importances given", lambda: pysyncon_synth(search=False)),
        Run("pysyncon", "Synth, importances searched", lambda: pysyncon_synth(search=True), repeats=0),
        Run("CausalPy", BAYESIAN, lambda: causalpy(bayesian=True), repeats=0),
    ),
    Task(f"augmented synthetic control, {GEOS // 2} geos: weights at a given λ", "weights", 1e-4): (
        Run("cpalab", "synthetic_weights", our_ridge_at_given_penalty),
        Run("pysyncon", "AugSynth", lambda: pysyncon_augmented(search=False)),
    ),
    Task("the same, λ by cross-validation (of blocks, of single days)", "weights", 0.01): (
        Run("cpalab", "synthetic_weights", our_ridge),
        Run("pysyncon", "AugSynth", lambda: pysyncon_augmented(search=True), repeats=0),
    ),
}
