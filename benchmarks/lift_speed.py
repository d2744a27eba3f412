"""Time of reading lift tests: against targets, beside other libraries on the same data, beside figures from elsewhere.

    python -m benchmarks.lift_speed [--bayesian]

Every tool has a process of its own, with one thread for linear algebra; data are the same. A ratio stands only where both
computed the same thing. Other libraries are used if they are installed (`pip install -e .[peers]`).
"""

import argparse
import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, minimize

from benchmarks.clock import fastest
from benchmarks.lift_data import (
    DAYS,
    GEOS,
    TEST_DAYS,
    earlier_window,
    experiment_of_geos,
    growths,
    long_table,
    user_table,
)
from benchmarks.lift_peers import BAYESIAN, RUNS, Run, Task
from benchmarks.packages import installed
from experiments.lift import (
    ArmStatistics,
    difference_in_differences,
    geo_based_regression,
    geo_panel,
    structural_time_series,
    synthetic_control,
    time_based_regression,
    trimmed_match_test,
    user_holdout_test,
    user_table_test,
)
from experiments.lift.geo.methods.synthetic_control import simplex_weights
from experiments.lift.geo.methods.trimmed_match import trimmed_match

REPEATS = 5
# What takes longer is run once, and not again to warm up.
SLOW_RUN_SECONDS = 2.0
PLACEBO_WINDOWS = 10
WIDTH = 58
# Of the slower peers, measured on another machine: a geo test by synthetic control takes them 25 to 49 seconds.
SLOW_PEERS_SECONDS = 25.0
# Not of this run and not of this machine: libraries without a package for this Python, measured on two other cores (±30 %).
ELSEWHERE: tuple[tuple[str, str, float], ...] = (
    ("trimmed_match (C++): report, 100 pairs", "trimmed match, normal intervals", 0.0010),
    ("matched_markets: TBRiROAS, fit and summary", "time-based regression, independent errors", 0.017),
    ("GeoLift (R): 100 treated geos, no interval", "synthetic control, conformal intervals", 30.0),
    ("GeoLift (R): ridge and intervals, 40 geos", "ridge-augmented, conformal intervals", 60.0),
    ("tfp-causalimpact: one control, warm", "structural time series", 0.3),
    ("tfcausalimpact: variational inference", "structural time series", 18.0),
)


def least_squares(response: NDArray[Any], regressor: NDArray[Any]) -> Any:
    """Statsmodels' regression with robust errors: the general tool for a difference of means."""
    import statsmodels.api as sm

    return sm.OLS(response, sm.add_constant(regressor)).fit(cov_type="HC1").summary2()


def general_simplex(target: NDArray[np.float64], controls: NDArray[np.float64]) -> Any:
    """SciPy's sequential quadratic programming: the general tool for weights on the simplex."""
    geos = len(controls)

    def misfit_and_slope(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        gap = target - w @ controls
        return float(gap @ gap), -2 * controls @ gap

    return minimize(
        misfit_and_slope,
        np.full(geos, 1 / geos),
        jac=True,
        bounds=[(0.0, 1.0)] * geos,
        constraints=LinearConstraint(np.ones(geos), 1.0, 1.0),
        method="SLSQP",
        options={"maxiter": 500},
    )


def ours() -> list[tuple[str, str, Callable[[], Any], str]]:
    """Name, target in seconds (or in words), our test, and the general tool beside it."""
    users = user_table()
    arms = [ArmStatistics.from_values(users["conversions"][users["arm"] == arm]) for arm in ("treated", "control")]
    experiment = experiment_of_geos()
    long = long_table(experiment)
    pairs = list(zip(experiment.panel.geos[::2], experiment.panel.geos[1::2], strict=True))
    windows = [earlier_window(experiment, 7 * k) for k in range(PLACEBO_WINDOWS)]
    response, cost = _pairs_of_geos()
    synthetic = f"{SLOW_PEERS_SECONDS / 100:g}"

    def placebos(augmentation: Any) -> Callable[[], Any]:
        return lambda: [
            synthetic_control(window, augmentation=augmentation, inference="placebo").to_frame() for window in windows
        ]

    refits = f"{PLACEBO_WINDOWS * GEOS // 2:,} placebo refits of {GEOS // 2 - 1} geos"
    regression, programming, bootstrap = "OLS of the days", "one SLSQP", "1,000 bootstraps"
    return [
        (
            "1,000,000 users, from sums",
            "0.05",
            lambda: user_holdout_test(arms[0], arms[1], 45_000_000_000).to_frame(),
            "OLS of users",
        ),
        ("1,000,000 users, from the table", "0.5", lambda: user_table_test(users).to_frame(), "OLS of users"),
        ("geo table of 36,000 rows to a panel", "", lambda: geo_panel(long), "pandas sort"),
        (
            "time-based regression, autoregressive errors",
            "0.017",
            lambda: time_based_regression(experiment).to_frame(),
            regression,
        ),
        (
            "time-based regression, independent errors",
            "0.017",
            lambda: time_based_regression(experiment, errors="independent").to_frame(),
            regression,
        ),
        ("geo-based regression", "", lambda: geo_based_regression(experiment).to_frame(), regression),
        ("difference in differences", "", lambda: difference_in_differences(experiment).to_frame(), regression),
        ("structural time series", "", lambda: structural_time_series(experiment).to_frame(), regression),
        ("simplex weights", "", lambda: simplex_weights(*growths(experiment).before), programming),
        (
            "synthetic control, no interval",
            synthetic,
            lambda: synthetic_control(experiment, augmentation="none"),
            programming,
        ),
        (
            "synthetic control, conformal intervals",
            synthetic,
            lambda: synthetic_control(experiment, augmentation="none").to_frame(),
            programming,
        ),
        ("ridge-augmented, no interval", synthetic, lambda: synthetic_control(experiment), programming),
        (
            "ridge-augmented, conformal intervals",
            synthetic,
            lambda: synthetic_control(experiment).to_frame(),
            programming,
        ),
        (f"synthetic control, {refits}", "seconds", placebos("none"), programming),
        (f"ridge-augmented, {refits}", "seconds", placebos("ridge"), programming),
        ("trimmed match, point", "", lambda: trimmed_match(response, cost), bootstrap),
        (
            "trimmed match, normal intervals",
            "0.005",
            lambda: trimmed_match_test(experiment, pairs, inference="normal").to_frame(),
            bootstrap,
        ),
        ("trimmed match, 1,000 sign flips", "", lambda: trimmed_match_test(experiment, pairs).to_frame(), bootstrap),
    ]


def general_tools() -> dict[str, Callable[[], Any]]:
    """What a general tool does in the same run: the unit that tells a slow machine from slow code."""
    users = user_table()
    outcome, treated = users["conversions"].to_numpy(), (users["arm"] == "treated").to_numpy().astype(float)
    experiment = experiment_of_geos()
    before = experiment.pre
    total, control = experiment.treated.sum(axis=0)[before], experiment.control.sum(axis=0)[before]
    long = long_table(experiment)
    response, cost = _pairs_of_geos()
    picks = np.random.default_rng(3).integers(0, response.size, (1_000, response.size))
    return {
        "OLS of users": lambda: least_squares(outcome, treated),
        "OLS of the days": lambda: least_squares(total, control),
        "one SLSQP": lambda: general_simplex(*growths(experiment).before),
        "pandas sort": lambda: long.sort_values(["location", "date"]),
        "1,000 bootstraps": lambda: [float(response[pick].sum() / cost[pick].sum()) for pick in picks],
    }


def _pairs_of_geos() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences of response and cost of 100 pairs, with a return of 2."""
    rng = np.random.default_rng(2)
    cost = rng.uniform(1.0, 5.0, GEOS // 2)
    return 2 * cost + rng.standard_t(3, GEOS // 2), cost


def measure_ours() -> dict[str, Any]:
    """Processor and wall seconds of each of our tests and of the general tools."""

    def taken(run: Callable[[], Any]) -> tuple[float, float]:
        first = fastest(run, 1)
        return first if first[0] > SLOW_RUN_SECONDS else fastest(run, REPEATS)

    return {
        "tests": [(name, target, taken(run), tool) for name, target, run, tool in ours()],
        "tools": {name: taken(run) for name, run in general_tools().items()},
    }


def measure(task: str, place: int) -> dict[str, Any]:
    """Wall and processor seconds of one tool at a task, and its answer."""
    chosen = next(runs for known, runs in RUNS.items() if known.name == task)[place]
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):
        run = chosen.prepare()
        answers = [run()] if chosen.repeats else []
        processor, wall = fastest(lambda: answers.append(run()), max(1, chosen.repeats))
    return {"wall": wall, "cpu": processor, "answer": answers[-1]}


def in_process(*arguments: str) -> Any:
    """The JSON that this module prints in a process of its own, with one thread for linear algebra."""
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.lift_speed", *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | one_thread,
    )
    return json.loads(done.stdout.splitlines()[-1])


def targets() -> dict[str, float]:
    """Our tests against their targets; returns their processor seconds."""
    found = in_process("--ours")
    print(f"{'cpalab, with its intervals':<{WIDTH}}{'s CPU':>10}{'s wall':>10}{'target':>9}   × general tool, same run")
    for name, target, (processor, wall), tool in found["tests"]:
        ratio = processor / found["tools"][tool][0]
        print(f"{name:<{WIDTH}}{processor:>10.5f}{wall:>10.5f}{target:>9}{ratio:>10.3f} × {tool}")
    return {name: processor for name, _, (processor, _), _ in found["tests"]}


def peers(bayesian: bool) -> None:
    """Every library on the same data; × is how many times ours is faster, where the answers are the same."""
    packages = sorted({run.package for runs in RUNS.values() for run in runs} | {"numpy", "pandas", "scipy"})
    print(", ".join(f"{name} {installed(name)}" for name in packages))
    for task, runs in RUNS.items():
        print(f"\n{task.name}")
        base: dict[str, Any] = {}
        for place, run in enumerate(runs):
            name = f"  {run.package}: {run.label}"
            if run.label == BAYESIAN and not bayesian:
                continue
            try:
                found = in_process("--task", task.name, "--place", str(place))
            except subprocess.CalledProcessError as error:
                reason = (error.stderr.strip() or "ended by the system").splitlines()[-1][:100]
                print(f"{name:<{WIDTH}} left out, does not run: {reason}")
                continue
            print(f"{name:<{WIDTH}}{_row(task, run, found, base or found)}")
            base = base or found


def _row(task: Task, run: Run, found: dict[str, Any], base: dict[str, Any]) -> str:
    """Seconds, ratios and the difference of the answers."""
    times = f"{found['cpu']:10.5f} s CPU {found['wall']:10.5f} s wall"
    if run.package == "cpalab":
        return times
    ours, theirs = np.array(base["answer"]), np.array(found["answer"])
    difference = float(np.abs(theirs - ours).max())
    if task.compared == "sizes":
        difference /= float(np.abs(ours).max())
        said = f"differs from ours by {difference:.1e} of it"
    else:
        data = growths(experiment_of_geos())
        worse = data.misfit(theirs) / data.misfit(ours)
        said = f"weights of up to {ours.max():.2g} differ by at most {difference:.1e}, misfit {worse:.4f} × ours"
    if difference > task.tolerance:
        return f"{times}   not the same: {said}"
    return f"{times}   × {found['cpu'] / base['cpu']:.1f} CPU × {found['wall'] / base['wall']:.1f} wall; {said}"


def elsewhere(seconds: dict[str, float]) -> None:
    """Tools that do not install here, with what they took on another machine; no ratio of two machines is one."""
    print(
        "\nnot of this run nor of this machine (two other cores, ±30 %): libraries that do not install for this Python"
    )
    print(f"{'library, operation':<{WIDTH}}{'seconds elsewhere':>18}{'s CPU, ours, here':>20}")
    for name, test, taken in ELSEWHERE:
        print(f"{name:<{WIDTH}}{taken:>18.4g}{seconds[test]:>20.5f}   {test}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bayesian", action="store_true", help="CausalPy's posterior too, which takes most of a minute"
    )
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=int, default=0, help=argparse.SUPPRESS)
    asked, _ = parser.parse_known_args()
    if asked.ours:
        print(json.dumps(measure_ours()))
    elif asked.task:
        print(json.dumps(measure(asked.task, asked.place)))
    else:
        print(f"{GEOS} geos × {DAYS} days, a test of {TEST_DAYS} days; the fastest of {REPEATS} runs")
        seconds = targets()
        print()
        peers(asked.bayesian)
        elsewhere(seconds)


if __name__ == "__main__":
    main()
