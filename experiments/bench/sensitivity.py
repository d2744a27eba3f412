"""First-order Sobol indices: the share of a quantity's variance over a sweep that one parameter alone accounts for.

S = Var(E[Y | parameter]) ÷ Var(Y). Of a Sobol design by Saltelli's (2010) estimator with a bootstrap over its samples;
of a grid exactly from the means along each parameter, with a bootstrap over seeds. Every point has the same seeds,
so what differs between points is the parameters' doing, and the interactions of these with luck.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cpalab.result import Result
from experiments.bench.sweep_design import Point

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Sensitivity", "sensitivity_of_grid", "sensitivity_of_samples"]

Floats = npt.NDArray[np.float64]
LEVEL, REPLICATES = 0.95, 999


@dataclass(frozen=True)
class Sensitivity(Result):
    """Which parameter moves a quantity most.

    Attributes:
        quantity: what is moved, in words.
        rows: one per parameter: `parameter, index, lower, upper`, the greatest index first; nan where nothing can be told.
        reason: why nothing can be told; empty where it can.
    """

    quantity: str
    rows: pd.DataFrame
    reason: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row per parameter: its first-order index and a 95 % interval."""
        return self.rows

    def summary(self) -> str:
        """Which parameter moves the quantity most, and whether that is sure."""
        if self.reason:
            return f"Which parameter moves {self.quantity} most cannot be told: {self.reason}."
        first, *others = self.rows.to_dict("records")
        known = math.isfinite(first["lower"])
        text = f"{first['parameter']} moves {self.quantity} most: it alone accounts for {first['index']:.0%} of its variance"
        text += (
            f" (95 % interval {first['lower']:.0%} to {first['upper']:.0%})" if known else " (one seed: no interval)"
        )
        if others:
            text += "; " + ", ".join(f"{row['parameter']} for {row['index']:.0%}" for row in others)
        rival = [row["parameter"] for row in others if known and row["upper"] > first["lower"]]
        return f"{text}." + (
            f" The intervals of {', '.join(rival)} overlap with it, so the order is not sure." if rival else ""
        )

    def chart(self) -> "alt.LayerChart":
        """The indices with their intervals, a row per parameter."""
        from experiments.report.charts.intervals import Mark, mark_chart
        from experiments.report.numerals import percent

        shown = self.rows.assign(remark=[percent(index) for index in self.rows["index"]])
        title = f"share of the variance of {self.quantity}"
        return mark_chart(
            shown, "parameter", (Mark("index", "share"),), title, interval=("lower", "upper"), remark="remark",
            span=(0.0, 1.0), number_format=".0%",
        )  # fmt: skip


def sensitivity_of_samples(quantity: str, points: Sequence[Point], values: Floats) -> Sensitivity:
    """Indices of a Sobol design.

    Args:
        quantity: what the values are, in words.
        points: of the design.
        values: the quantity at each point (points,).
    """
    parameters = [path for path, _ in points[0].values]
    if (reason := _reason(values)) is not None:
        return _untold(quantity, parameters, reason)
    by_sample = {name: values[[p.sample == name for p in points]] for name in dict.fromkeys(p.sample for p in points)}
    a, b = by_sample["A"], by_sample["B"]
    mixed = np.stack([by_sample[f"AB:{path}"] for path in parameters])
    draws = np.random.default_rng(1).integers(0, len(a), (REPLICATES, len(a)))
    again = np.array([_first_order(a[draw], b[draw], mixed[:, draw]) for draw in draws])
    low, high = np.nanquantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Sensitivity(quantity, _rows(parameters, _first_order(a, b, mixed), low, high))


def _first_order(a: Floats, b: Floats, mixed: Floats) -> Floats:
    """Saltelli's (2010) estimator, mean of f(B) (f(AB) − f(A)) ÷ Var, about the common mean (parameters,)."""
    both = np.concatenate([a, b])
    if np.ptp(both) == 0:
        return np.full(len(mixed), math.nan)
    return np.asarray(np.mean((b - both.mean()) * (mixed - a), axis=1) / both.var())


def sensitivity_of_grid(quantity: str, points: Sequence[Point], values: Any) -> Sensitivity:
    """Indices of a full grid.

    Args:
        quantity: what the values are, in words.
        points: of the design.
        values: a function of drawn seeds (their places, with repetition) that gives the quantity at each point (points,);
            and their number: `(function, seeds)`.
    """
    at, seeds = values
    parameters = [path for path, _ in points[0].values]
    whole = at(np.arange(seeds))
    if (reason := _reason(whole)) is not None:
        return _untold(quantity, parameters, reason)
    levels = []
    for column in range(len(parameters)):
        words = [repr(point.values[column][1]) for point in points]
        levels.append(pd.factorize(np.array(words, dtype=object))[0])
    index = _indices(whole, levels)
    if seeds < 2:
        nothing = np.full(len(parameters), math.nan)
        return Sensitivity(quantity, _rows(parameters, index, nothing, nothing))
    draws = np.random.default_rng(1).integers(0, seeds, (REPLICATES, seeds))
    again = np.array([_indices(at(draw), levels) for draw in draws])
    low, high = np.nanquantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Sensitivity(quantity, _rows(parameters, index, low, high))


def _indices(values: Floats, levels: Sequence[npt.NDArray[np.intp]]) -> Floats:
    """Var of the means along each parameter over the whole variance (parameters,)."""
    variance = float(values.var())
    if not math.isfinite(variance) or variance == 0.0:
        return np.full(len(levels), math.nan)
    means = [np.bincount(own, values) / np.bincount(own) for own in levels]
    return np.array([float(np.var(mean[own])) for mean, own in zip(means, levels, strict=True)]) / variance


def _reason(values: Floats) -> str | None:
    """Why these values have no indices."""
    unknown = int(np.count_nonzero(~np.isfinite(values)))
    if unknown:
        return f"at {unknown} of {len(values)} points it is unbounded or undefined; more people or seeds may help"
    return "it is the same at every point" if np.ptp(values) == 0 else None


def _untold(quantity: str, parameters: Sequence[str], reason: str) -> Sensitivity:
    nothing = np.full(len(parameters), math.nan)
    return Sensitivity(quantity, _rows(parameters, nothing, nothing, nothing), reason)


def _rows(parameters: Sequence[str], index: Floats, lower: Floats, upper: Floats) -> pd.DataFrame:
    table = pd.DataFrame({"parameter": list(parameters), "index": index, "lower": lower, "upper": upper})
    return table.sort_values("index", ascending=False, kind="stable", ignore_index=True)
