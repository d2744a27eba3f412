"""Designs side by side: what each finds on the same market, beside its truth; over seeds, bias, coverage, width and cost."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cpalab.micros import MICROS
from cpalab.refusal import LiftInputError, ScenarioError
from cpalab.result import Result
from experiments.designs.design import LEVEL, Design, DesignReading
from experiments.designs.power import seeded
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.estimate.small_counts import score_limits
from experiments.lift.user.user_test import with_bounds
from experiments.truth.effects import Effect
from simulator.engines.replacement import Kernels
from simulator.playing import EngineName
from simulator.scenario.schema import Scenario
from simulator.world import World, simulate

__all__ = ["DesignResult", "SideBySide", "designs_that_fit", "run_designs"]

NOTHING_KNOWN = (0.0, 1.0)


@dataclass(frozen=True)
class DesignResult:
    """One reading beside its truth.

    Attributes:
        seed: of the world.
        design, channel: what was tested, and how.
        reading: what the test found; None where the world holds no reading.
        truth: what the ads it is about caused.
        refusal: why there is no reading; empty where there is one.
    """

    seed: int
    design: str
    channel: str
    reading: DesignReading | None
    truth: Effect
    refusal: str = ""

    def row(self) -> dict[str, object]:
        """The reading's columns, and the truth's."""
        read: dict[str, object] = {}
        if self.reading is not None:
            read = self.reading.to_frame().to_dict("records")[0]  # type: ignore[assignment]  # its keys are words
        return {
            "seed": self.seed,
            "design": self.design,
            "channel": self.channel,
            **read,
            "true_cost": self.truth.cost_micros / MICROS,
            "true_incremental_conversions": self.truth.incremental_conversions,
            "true_cost_per_incremental_conversion": self.truth.cost_per_incremental_conversion,
            "notes": self.refusal if self.reading is None else " ".join(self.reading.notes),
        }


@dataclass(frozen=True)
class SideBySide(Result):
    """Every design's result on every channel, seed by seed.

    Attributes:
        title, currency: of the scenario.
        results: in the order of seeds, designs and channels.
    """

    title: str
    currency: str
    results: tuple[DesignResult, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row per seed, design and channel."""
        return pd.DataFrame([result.row() for result in self.results])

    def over_seeds(self) -> pd.DataFrame:
        """One row per channel and design: how far off the readings are, and how often their intervals hold the truth.

        `bias` is the mean of estimate minus truth, in conversions, `bias_standard_error` its Monte Carlo error;
        `relative_bias` is in units of the mean truth; `covered` counts intervals at LEVEL that hold the truth, `coverage` is
        their share, with its binomial error (zero where all do) and Wilson's 95 % limits (never a point);
        `conversions_forgone` is the mean of the tests' own estimates.
        """
        from scipy.special import ndtri

        rows, quantile = [], -float(ndtri(significance(LEVEL) / 2))
        for (channel, design), own in self._groups().items():
            found = [(result.reading, result.truth.incremental_conversions) for result in own if result.reading]
            errors = np.array([reading.lift.difference - truth for reading, truth in found])
            covered = np.array([reading.covers(truth) for reading, truth in found])
            repeats = len(found)
            share = float(covered.mean()) if repeats else math.nan
            truth = float(np.mean([truth for _, truth in found])) if repeats else math.nan
            bias = float(errors.mean()) if repeats else math.nan
            rows.append(
                {
                    "channel": channel,
                    "design": design,
                    "repeats": repeats,
                    "true_incremental_conversions": truth,
                    "bias": bias,
                    "bias_standard_error": float(errors.std(ddof=1)) / math.sqrt(repeats) if repeats > 1 else math.nan,
                    "relative_bias": bias / truth if truth else math.nan,
                    "covered": int(covered.sum()),
                    "coverage_standard_error": math.sqrt(share * (1 - share) / repeats) if repeats else math.nan,
                    **with_bounds(
                        "coverage", share, score_limits(share, repeats, quantile) if repeats else NOTHING_KNOWN
                    ),
                    "width": _mean([reading.width for reading, _ in found]),
                    "conversions_forgone": _mean([reading.conversions_forgone for reading, _ in found]),
                    "test_cost": _mean([reading.test_cost for reading, _ in found]),
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """Which intervals miss the truth in the first world, design by design."""
        first = [r for r in self.results if r.seed == self.results[0].seed and r.reading is not None]
        missed: dict[str, list[str]] = {}
        for result in first:
            if result.reading is not None and not result.reading.covers(result.truth.incremental_conversions):
                missed.setdefault(result.design, []).append(result.channel.replace("_", " "))
        if not missed:
            return f"All {len(first)} intervals hold the truth."
        by_design = "; ".join(f"{design} ({', '.join(channels)})" for design, channels in missed.items())
        count = sum(map(len, missed.values()))
        return f"{count} of {len(first)} intervals miss the truth: {by_design}."

    def _groups(self) -> dict[tuple[str, str], list[DesignResult]]:
        groups: dict[tuple[str, str], list[DesignResult]] = {}
        channels = dict.fromkeys(result.channel for result in self.results)
        for channel in channels:
            for result in self.results:
                if result.channel == channel:
                    groups.setdefault((channel, result.design), []).append(result)
        return groups


def run_designs(
    scenario: Scenario,
    designs: Sequence[Design],
    channels: Sequence[str],
    *,
    repeats: int = 1,
    engine: EngineName = "cohort",
    threads: int = 1,
    kernels: Kernels | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> SideBySide:
    """Put each design into the scenario, run its world, read it, and compute its truth; again with further seeds.

    Designs that allow it test all channels in one world at once, in independent holdouts; the others have a world for each
    channel. Everything is arranged before anything runs, so a scenario that cannot hold a test is refused at once.

    Args:
        scenario: the market; its own holdouts stay where they are not rearranged.
        designs: which tests.
        channels: whose ads.
        repeats: number of seeds, counted up from the scenario's.
        engine, threads: of the simulation; they change no result.
        kernels: the law with own steps; None: as the scenario says.
        progress: told the share of the worlds that is done.
    """
    worlds = [
        (design, together, _arranged(scenario, design, together))
        for design in designs
        for together in _together(design, channels)
    ]
    results = []
    for repeat in range(repeats):
        for place, (design, together, arranged) in enumerate(worlds):
            world = simulate(seeded(arranged, repeat), engine=engine, threads=threads, kernels=kernels)
            results += _read(design, together, world, threads)
            progress((repeat * len(worlds) + place + 1) / (repeats * len(worlds)))
    return SideBySide(scenario.title, scenario.market.currency, tuple(results))


def designs_that_fit(scenario: Scenario, designs: Sequence[Design], channels: Sequence[str]) -> tuple[Design, ...]:
    """The designs that the scenario can hold, for all of these channels; all designs where none fits, to be refused."""
    fit = []
    for design in designs:
        try:
            for together in _together(design, channels):
                _arranged(scenario, design, together)
        except ScenarioError:
            continue
        fit.append(design)
    return tuple(fit) or tuple(designs)


def _read(design: Design, channels: Sequence[str], world: World, threads: int) -> list[DesignResult]:
    truths = design.truth(world, channels, threads)
    results = []
    for channel in channels:
        reading, refusal = None, ""
        try:
            reading = design.read(world, channel)
        except LiftInputError as error:
            refusal = "; ".join(error.lines)
        results.append(DesignResult(world.scenario.run.seed, design.name, channel, reading, truths[channel], refusal))
    return results


def _together(design: Design, channels: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(channels)] if design.factorial else [(channel,) for channel in channels]


def _arranged(scenario: Scenario, design: Design, channels: Sequence[str]) -> Scenario:
    for channel in channels:
        scenario = design.arrange(scenario, channel)
    return scenario


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
