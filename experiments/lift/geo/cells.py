"""Several cells of treated geos against one clean control, and against each other, in responses and points of lift."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, Outcome, geo_experiment, unknown_geos
from experiments.lift.geo.result import GeoLiftTest

__all__ = ["CellComparison", "GeoCellsTest", "cell_problems", "geo_cells_test", "without_geos"]


@dataclass(frozen=True)
class CellComparison:
    """Relative lift of one cell less that of another, with limits that hold for all pairs together."""

    first: str
    second: str
    difference: float
    lower: float
    upper: float

    @property
    def significant(self) -> bool:
        """Whether the limits exclude 0."""
        return not self.lower <= 0 <= self.upper


@dataclass(frozen=True, eq=False)
class GeoCellsTest(Result):
    """Every cell read against the geos that are in none.

    Attributes:
        cells: the reading of each cell, by its name.
        levels: confidence levels reported.
    """

    cells: Mapping[str, GeoLiftTest]
    levels: tuple[float, ...]

    def comparisons(self, level: float = 0.95) -> tuple[CellComparison, ...]:
        """D = l_A − l_B for every pair of cells, with limits d − √((l_A − L_A)² + (U_B − l_B)²) and its mirror image.

        L and U are limits of each lift at 1 − (1 − level)/pairs, so that all pairs hold together. The formula is for
        independent estimates; those of two cells share a control, whose error cancels: the limits are wide, if anything.

        Source: Zou and Donner (2008), "Construction of confidence limits about effect measures", Statistics in Medicine 27.
        """
        pairs = list(itertools.combinations(self.cells, 2))
        each = 1 - (1 - level) / max(1, len(pairs))
        lifts = {name: test.lift.relative_lift for name, test in self.cells.items()}
        limits = {name: test.lift.relative_interval(each) for name, test in self.cells.items()}
        found = []
        for one, other in pairs:
            difference = lifts[one] - lifts[other]
            below = math.hypot(lifts[one] - limits[one][0], limits[other][1] - lifts[other])
            above = math.hypot(limits[one][1] - lifts[one], lifts[other] - limits[other][0])
            found.append(CellComparison(one, other, difference, difference - below, difference + above))
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """One row per cell and level: `cell` and the columns of its reading."""
        return pd.concat([test.to_frame().assign(cell=name) for name, test in self.cells.items()], ignore_index=True)

    def comparison_frame(self) -> pd.DataFrame:
        """One row per pair and level: `level, cell, other_cell, difference_in_lift` with limits, and `significant`."""
        return pd.DataFrame(
            [
                {
                    "level": level,
                    "cell": pair.first,
                    "other_cell": pair.second,
                    "difference_in_lift": pair.difference,
                    "difference_in_lift_lower": pair.lower,
                    "difference_in_lift_upper": pair.upper,
                    "significant": pair.significant,
                }
                for level in self.levels
                for pair in self.comparisons(level)
            ]
        )

    def summary(self) -> str:
        """Every cell in its own words, then which cells differ."""
        level = max(self.levels)
        told = [f"Cell {name}: {test.summary()}" for name, test in self.cells.items()]
        apart = [pair for pair in self.comparisons(level) if pair.significant]
        for pair in apart:
            more, less = (pair.first, pair.second) if pair.difference > 0 else (pair.second, pair.first)
            told.append(f"The lift of {more} is larger than that of {less} ({100 * level:g}%, all pairs together).")
        if not apart:
            told.append(f"No two cells differ at {100 * level:g}%, all pairs taken together.")
        return "\n".join(told)

    def against(self, alternative: str) -> "GeoCellsTest":
        """The same cells, each read against this alternative.

        Raises:
            LiftInputError: what a cell's reading refuses.
        """
        return replace(self, cells={name: test.against(alternative) for name, test in self.cells.items()})  # type: ignore[arg-type]


def cell_problems(panel: GeoPanel, cells: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with the cells: unknown geos, a geo in two cells, no geo left as a control."""
    problems = []
    for name, geos in cells.items():
        problems += unknown_geos(panel, geos, f"--cell {name}")
        if not geos:
            problems.append(f"--cell {name}: nothing given must name at least one geo; write {name}=GEO,GEO")
    named = [geo for geos in cells.values() for geo in dict.fromkeys(geos)]
    twice = sorted({geo for geo in named if named.count(geo) > 1})
    if twice:
        problems.append(f"--cell: {', '.join(twice)} must be in one cell only; a geo has one treatment")
    if set(panel.geos) <= set(named):
        problems.append("--cell: every geo is in a cell; at least one must be left as a control")
    return problems


def geo_cells_test(
    panel: GeoPanel,
    cells: Mapping[str, Sequence[str]],
    start: str,
    end: str,
    read: Callable[[GeoExperiment, Sequence[float]], GeoLiftTest],
    levels: Sequence[float] = (0.90, 0.95),
    *,
    cooldown_days: int = 0,
    outcome: Outcome = "conversions",
    force_control: Sequence[str] = (),
) -> GeoCellsTest:
    """Each cell against the geos that are in no cell: those of other cells are no control, for their ads changed too.

    Args:
        panel: response and cost.
        cells: names of the treated geos of every cell, by its name.
        start, end, cooldown_days, outcome, force_control: see `geo_experiment`.
        read: reads out an experiment, as a geo method's `read`.
        levels: confidence levels to report.

    Raises:
        LiftInputError: what `cell_problems`, `geo_experiment` or the reading refuses.
    """
    refuse(cell_problems(panel, cells))
    readings = {}
    for name, geos in cells.items():
        others = [geo for other, names in cells.items() if other != name for geo in names]
        experiment = geo_experiment(
            without_geos(panel, others), geos, start, end,
            cooldown_days=cooldown_days, outcome=outcome, force_control=force_control,
        )  # fmt: skip
        readings[name] = read(experiment, levels)
    return GeoCellsTest(readings, tuple(levels))


def without_geos(panel: GeoPanel, geos: Sequence[str]) -> GeoPanel:
    """The panel without these geos."""
    kept = ~np.isin(np.array(panel.geos), list(geos))
    return replace(
        panel,
        geos=tuple(np.array(panel.geos)[kept].tolist()),
        response=panel.response[kept],
        cost=None if panel.cost is None else panel.cost[kept],
        covariates={name: values[kept] for name, values in panel.covariates.items()},
    )
