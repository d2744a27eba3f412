"""How often 95 % intervals of credit hold what they should: the share of simulated worlds in which they do.

Worlds of one scenario that differ in their seed are samples of one population. What an interval should hold is the model's
expected credit, the mean over all worlds; whether that credit is what the ads caused is another question.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attribution.bootstrap import bootstrap_credits
from attribution.credit import Credit
from attribution.model import AttributionModel, load_model
from attribution.models.lift_calibrated import LiftCalibrated, LiftResult
from attribution.paths.build import build_paths
from cpalab.result import Result
from experiments.comparison.perfect_tracking import LAST_CLICK_SETTINGS, touches_and_orders
from simulator.engines.replacement import Kernels
from simulator.scenario.schema import Scenario
from simulator.world import simulate

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
FEWEST_CONVERSIONS = 10.0  # a channel that is credited with less has too few for any interval, and is left out
LIFT, LIFT_ERROR = (
    0.5,
    0.1,
)  # of the lift-calibrated model: the true ratio of every channel, and its test's standard error


@dataclass(frozen=True)
class Question:
    """A model (`lift_calibrated`: linear, calibrated), in how many of the worlds it gets intervals, of how many draws."""

    model: str
    worlds: int
    replicates: int


@dataclass(frozen=True)
class ModelCoverage:
    """What was found for one model.

    Attributes:
        model: its name.
        worlds: worlds in which it got intervals.
        replicates: draws of each interval.
        channels: channels with enough conversions.
        covered: share of intervals, of all worlds and channels, that hold the expected credit.
        standard_error: of that share, from its spread between worlds.
        lowest: the channel least often covered, and how often.
        relative_width: half the mean width of an interval, as a share of the credit.
    """

    model: str
    worlds: int
    replicates: int
    channels: int
    covered: float
    standard_error: float
    lowest: tuple[str, float]
    relative_width: float


@dataclass(frozen=True)
class Coverage(Result):
    """The coverage of every model's intervals.

    Attributes:
        conversions: in a world, on average.
        models: one per question.
    """

    conversions: float
    models: tuple[ModelCoverage, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row per model."""
        rows = [vars(row) | {"lowest": row.lowest[0], "lowest_covered": row.lowest[1]} for row in self.models]
        return pd.DataFrame(rows)

    def to_markdown(self) -> str:
        """The table of the documentation."""
        lines = [
            "| model | worlds | draws | channels | covered | standard error | lowest channel | half width |",
            "|---|---:|---:|---:|---:|---:|---|---:|",
        ]
        lines += [
            f"| {row.model} | {row.worlds} | {row.replicates} | {row.channels} | {row.covered:.1%} "
            f"| {row.standard_error:.1%} | {row.lowest[0]} {row.lowest[1]:.0%} | ± {row.relative_width:.0%} |"
            for row in self.models
        ]
        return "\n".join(lines)

    def summary(self) -> str:
        """The range in a sentence."""
        low, high = (pick(self.models, key=lambda row: row.covered) for pick in (min, max))
        return (
            f"{LEVEL:.0%} intervals of {len(self.models)} models hold the expected credit in {low.covered:.1%} "
            f"({low.model}) to {high.covered:.1%} ({high.model}) of cases, in worlds of {self.conversions:,.0f} conversions."
        )


def measure_coverage(
    scenario: Scenario,
    questions: Sequence[Question],
    worlds: int,
    *,
    first_seed: int = 1,
    kernels: Kernels | None = None,
    map_: Callable[..., Iterable[Any]] = map,
) -> Coverage:
    """Simulate worlds, credit their orders, and count how often the intervals hold the mean credit of all worlds.

    Args:
        scenario: the scenario; its seed is replaced.
        questions: the models; one that is slow may get intervals in fewer worlds.
        worlds: how many; seeds from `first_seed` on.
        first_seed: the first of them.
        kernels: the law with own steps; None: as the scenario says.
        map_: `map`, or the `map` of a pool of processes.
    """
    found = list(map_(partial(_in_one_world, scenario, tuple(questions), first_seed, kernels), range(worlds)))
    channels = tuple(sorted({name for credits in found for name in credits[0].channels}))
    models = tuple(
        _coverage(question, channels, [credits[number] for credits in found])
        for number, question in enumerate(questions)
    )
    return Coverage(float(np.mean([_conversions(credits[0]) for credits in found])), models)


def _in_one_world(
    scenario: Scenario, questions: Sequence[Question], first_seed: int, kernels: Kernels | None, world: int
) -> list[Credit]:
    """The credit of every model, with intervals for those that have this world."""
    seed = first_seed + world
    run = scenario.run.model_copy(update={"seed": seed})
    simulated = simulate(scenario.model_copy(update={"run": run}), kernels=kernels)
    paths = build_paths(*touches_and_orders(simulated), LAST_CLICK_SETTINGS)
    models = [_model(question, paths.channels, seed) for question in questions]
    credits: list[Credit] = []
    for model, question in zip(models, questions, strict=True):
        if world < question.worlds:
            credits += bootstrap_credits([model], paths, seed=seed, replicates=question.replicates, level=LEVEL)
        else:
            credits.append(model.fit(paths).credit(paths))
    return credits


def _model(question: Question, channels: Sequence[str], seed: int) -> AttributionModel:
    """The model; of the lift-calibrated one with the results of tests of its own."""
    if question.model != LiftCalibrated.prefix:
        return load_model(question.model)
    tested = np.random.default_rng(seed).normal(LIFT, LIFT_ERROR, len(channels))
    lifts = tuple(LiftResult(name, float(lift), LIFT_ERROR) for name, lift in zip(channels, tested, strict=True))
    return LiftCalibrated(load_model("linear"), lifts)


def _coverage(question: Question, channels: Sequence[str], credits: Sequence[Credit]) -> ModelCoverage:
    with_interval = [credit for credit in credits if credit.interval is not None]
    credited = np.array([_aligned(credit, credit.conversions, channels) for credit in credits])
    lower, upper = (
        np.array([_aligned(credit, getattr(credit.interval, bound), channels) for credit in with_interval])
        for bound in ("conversions_lower", "conversions_upper")
    )
    expected = credited.mean(axis=0)
    enough = np.flatnonzero(expected >= FEWEST_CONVERSIONS)
    holds = ((lower <= expected) & (expected <= upper))[:, enough]
    lowest = int(np.argmin(holds.mean(axis=0)))
    return ModelCoverage(
        model=question.model,
        worlds=len(with_interval),
        replicates=question.replicates,
        channels=len(enough),
        covered=float(holds.mean()),
        standard_error=float(holds.mean(axis=1).std(ddof=1) / np.sqrt(len(holds))),
        lowest=(channels[enough[lowest]], float(holds[:, lowest].mean())),
        relative_width=float(((upper - lower)[:, enough] / 2 / expected[enough]).mean()),
    )


def _aligned(credit: Credit, amount: Floats, channels: Sequence[str]) -> Floats:
    """Amounts in the order of these channels; nothing for one that the world did not have."""
    given = dict(zip(credit.channels, amount, strict=True))
    return np.array([given.get(name, 0.0) for name in channels])


def _conversions(credit: Credit) -> float:
    return float(credit.conversions.sum()) + credit.baseline_conversions + credit.unattributed_conversions
