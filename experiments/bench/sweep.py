"""Sweeps: any quantity of the main job over many worlds that differ in some parameters, as one tidy table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attribution.model import MODELS, AttributionModel
from cpalab.refusal import InvalidInputError, Problem
from cpalab.result import Result
from experiments.bench.cells import Kept, MapCells, recipe_of_models, version_of_law
from experiments.bench.quantities import measured, quantities_asked
from experiments.bench.sensitivity import Sensitivity, sensitivity_of_grid, sensitivity_of_samples
from experiments.bench.sweep_design import DesignName, Point, Variation, check_points, points_of, scenario_of
from experiments.truth.effects import ALL
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Sweep", "sweep"]

Floats = npt.NDArray[np.float64]
GAP = "gap"
MOST_POINTS_SHOWN = 400  # rows of the page's table
BEHIND_THE_GAP = ("credited", "caused")


@dataclass(frozen=True)
class Sweep(Result):
    """What a sweep found.

    Attributes:
        rows: one per world and value: `point`, `sample` (of the design), the parameters by their paths, `seed`, `metric`,
            `channel` (`all`: together), `model` (empty where none is asked), `value`.
        points: of the design.
        seeds: of every point.
        models: names of the models, the first of which the gap is about.
    """

    rows: pd.DataFrame
    points: tuple[Point, ...]
    seeds: tuple[int, ...]
    models: tuple[str, ...]

    @property
    def parameters(self) -> list[str]:
        """The paths of what varies."""
        return [path for path, _ in self.points[0].values]

    def to_frame(self) -> pd.DataFrame:
        """One row per point and value: its mean over seeds and the standard error of that.

        The gap is that of all seeds together: ln(Σ credited ÷ Σ caused); a mean over seeds of which one is unbounded is nan
        or inf.
        """
        keys = ["point", *self.parameters, "metric", "channel", "model"]
        grouped = self.rows.groupby(keys, sort=False, dropna=False)["value"]
        table = grouped.agg(
            mean=lambda own: own.mean(skipna=False),
            standard_error=lambda own: own.std() / np.sqrt(len(own)) if len(own) > 1 else np.nan,
        ).reset_index()
        gaps = table["metric"] == GAP
        if gaps.any():
            every = np.arange(len(self.seeds))
            rows = [(str(row["channel"]), str(row["model"]), row["point"]) for row in table[gaps].to_dict("records")]
            of = {(c, m): self._at(GAP, c, m)(every) for c, m in dict.fromkeys((c, m) for c, m, _ in rows)}
            table.loc[gaps, "mean"] = [of[channel, model][point] for channel, model, point in rows]
            table.loc[gaps, "standard_error"] = np.nan
        return table

    def summary(self) -> str:
        """How many worlds there were, and which parameter moves the gap of attributed and incremental CPA most."""
        return self._told(self.sensitivity())

    def _told(self, found: Sensitivity) -> str:
        count = (
            f"{len(self.points):,} points × {len(self.seeds):,} seeds = {len(self.points) * len(self.seeds):,} worlds."
        )
        return f"{count} {found.summary()}"

    def chart(self) -> "alt.LayerChart":
        """The parameters' first-order indices for the gap, with their intervals."""
        return self.sensitivity().chart()

    def to_page(self) -> str:
        """One HTML page without network: which parameter matters most, and the quantity at every point."""
        from experiments.report.charts.intervals import Mark
        from experiments.report.pages.figure_page import Section, render_figures

        found, points = self.sensitivity(), self.to_frame()
        mark, more = Mark("index", "its share of the variance"), len(points) > MOST_POINTS_SHOWN
        names = {path: path.removeprefix("channels.").replace(".", " ") for path in self.parameters}
        sections = [
            Section(
                f"What moves {found.quantity}", found.summary(), found.chart(), found.to_frame(), (mark,), "95% interval"
            ),
            Section(
                "Every point", "Means over seeds and their standard errors"
                + (f"; the first {MOST_POINTS_SHOWN} of {len(points):,} rows, sweep.parquet has all." if more else "."), None,
                points.head(MOST_POINTS_SHOWN).rename(columns=names), folded=True,
            ),
        ]  # fmt: skip
        return render_figures(
            "Which assumption matters most", [self._told(found)], sections,
            kicker="Many simulated markets that differ in a few assumptions",
            assumed="A share is a first-order Sobol index: the part of the quantity’s variance over these points that one "
            "assumption alone accounts for. It holds for the ranges that were varied, and for no wider ones.",
        )  # fmt: skip

    def sensitivity(self, metric: str | None = None, channel: str = ALL, model: str | None = None) -> Sensitivity:
        """Which parameter moves a quantity most, by first-order Sobol indices.

        Args:
            metric: which; default the gap, if it was asked for, and else the first that was.
            channel: whose; `all` for all together.
            model: of which attribution model; default the first.

        Raises:
            InvalidInputError: that was not computed.
        """
        known = list(dict.fromkeys(self.rows["metric"]))
        metric = metric or (GAP if GAP in known else known[0])
        own = self.rows[self.rows["metric"] == metric]
        models = list(dict.fromkeys(own["model"]))
        model = model if model is not None else models[0] if models else ""
        own = own[(own["channel"] == channel) & (own["model"] == model)]
        if own.empty:
            told = f"{metric} of {channel}" + (f" under {model}" if model else "")
            raise InvalidInputError(
                [Problem("metric", "was not computed", told, "name it and its channel as in the rows")]
            )
        at = self._at(metric, channel, model)
        quantity = {GAP: "the gap between attributed and incremental CPA"}.get(metric, metric.replace("_", " "))
        quantity += f" of {channel}" if channel != ALL else ""
        quantity += f" ({model})" if model else ""
        if self.points[0].sample == "grid":
            return sensitivity_of_grid(quantity, self.points, (at, len(self.seeds)))
        return sensitivity_of_samples(quantity, self.points, at(np.arange(len(self.seeds))))

    def _at(self, metric: str, channel: str, model: str) -> Callable[[npt.NDArray[np.intp]], Floats]:
        """The quantity at every point, for seeds by their places (with repetition)."""

        def table(name: str, of_model: str) -> Floats:
            own = self.rows[(self.rows["metric"] == name) & (self.rows["channel"] == channel)]
            own = own[own["model"] == of_model]
            wide = own.pivot(index="point", columns="seed", values="value")
            whole = wide.reindex(index=range(len(self.points)), columns=self.seeds)
            return np.asarray(whole.to_numpy(dtype=np.float64))

        if metric != GAP:
            values = table(metric, model)
            return lambda seeds: np.asarray(values[:, seeds].mean(axis=1))
        credited, caused = table("credited", model), table("caused", "")

        def gap(seeds: npt.NDArray[np.intp]) -> Floats:
            above, below = credited[:, seeds].sum(axis=1), caused[:, seeds].sum(axis=1)
            defined = (above > 0) & (below > 0)
            return np.where(defined, np.log(np.where(defined, above, 1.0) / np.where(defined, below, 1.0)), np.nan)

        return gap


def sweep(
    scenario: str | Path | Mapping[str, Any] = "dtc-apparel",
    vary: Mapping[str, Variation] | None = None,
    *,
    seeds: Iterable[int] = range(1, 21),
    design: DesignName = "grid",
    samples: int = 64,
    metrics: Sequence[str] = (GAP,),
    models: Sequence[AttributionModel | type | str] = ("last_click",),
    overrides: Mapping[str, Any] | None = None,
    keep: Path | None = None,
    map_: MapCells = map,
    progress: Callable[[float], None] = lambda share: None,
) -> Sweep:
    """Quantities of many worlds that differ in some parameters; every point of the design has the same seeds.

    Args:
        scenario: name of a preset, file, or mapping: the point of departure.
        vary: parameters by dotted path, each with values or a `Span`: `{"channels.video.half_life_days": [1, 3, 9]}`.
        seeds: one world each, at every point.
        design: `grid` crosses all values; `sobol` spreads points over the ranges, `samples` × (parameters + 2) of them.
        samples: of a Sobol design, a power of two.
        metrics: which quantities (`experiments.bench.quantities.QUANTITIES`); the gap brings what it is made of.
        models: attribution models, each as an object, a class, a name, or a name with parameters; the first is judged.
        overrides: changes of the scenario at every point: `{"run.users": 20_000}`.
        keep: a folder in which finished worlds are kept as small files: after a killed run none is computed twice.
        map_: runs worlds: `map`, or that of a pool of threads, processes or machines; the rows are the same.
        progress: called with the share of worlds that are done.

    Raises:
        Refused: before any world runs, with all problems of a kind.

    Example:
        >>> from experiments import sweep
        >>> found = sweep("dropshipping", {"order.value.mean": [30, 60]}, seeds=[1], metrics=["conversions"],
        ...               overrides={"run.users": 500, "run.days": 2})
        >>> found.rows["metric"].unique().tolist()
        ['conversions']
    """
    found, seeds = MODELS.find_all(models), tuple(dict.fromkeys(seeds))
    asked = quantities_asked(metrics)
    asked = tuple(dict.fromkeys((*asked, *(BEHIND_THE_GAP if GAP in asked else ()))))
    if not seeds:
        raise InvalidInputError([Problem("seeds", "must be at least one")])
    given = dict(overrides or {})
    points = points_of(load_scenario(scenario, given), vary or {}, design, samples)
    check_points(scenario, given, points)
    source = str(scenario) if isinstance(scenario, Path) else scenario
    cases = [(point, seed) for point in points for seed in seeds]
    work = partial(_values, source=source, overrides=given, metrics=asked, models=found)
    recipe = partial(
        _recipe, source=source, overrides=given, rest=f"{asked} {recipe_of_models(found)} {version_of_law()}"
    )
    kept: Kept[tuple[Point, int]] = Kept(work, recipe, keep)
    rows: list[dict[str, Any]] = []
    for done, ((point, seed), values) in enumerate(zip(cases, map_(kept, cases), strict=True), start=1):
        own = {"point": point.number, "sample": point.sample, **dict(point.values), "seed": seed}
        rows += [own | value for value in values]
        progress(done / len(cases))
    return Sweep(pd.DataFrame(rows), points, seeds, tuple(str(model.name) for model in found))


def _values(
    case: tuple[Point, int], source: Any, overrides: Mapping[str, Any], metrics: Sequence[str],
    models: Sequence[AttributionModel],
) -> list[dict[str, Any]]:  # fmt: skip
    """The quantities of one world."""
    point, seed = case
    world = simulate(scenario_of(source, {**overrides, "run.seed": seed}, point))
    return measured(world, metrics, models)


def _recipe(case: tuple[Point, int], source: Any, overrides: Mapping[str, Any], rest: str) -> str:
    """The scenario of a world, value by value, and everything else that its rows depend on."""
    point, seed = case
    return f"{scenario_of(source, {**overrides, 'run.seed': seed}, point).model_dump_json()} {rest}"
