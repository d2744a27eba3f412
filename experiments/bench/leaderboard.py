"""The leaderboard: the error of every attribution model in worlds whose truth is known, under one assumption after another.

Methods that compare exposed with unexposed people (`experiments.bench.observational`) may stand in the same table.
Two rows check the bench itself: the oracle, credited with what each channel caused, has no error, and moves budget by the
true marginal CPA, so it has no regret; the same credit dealt out among the channels at random has the most error. A model
that is wrong about the same channels every time may have more regret than chance.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from attribution.model import MODELS, AttributionModel
from attribution.paths.build import build_paths
from attribution.paths.settings import PathSettings
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, Problem
from cpalab.result import Result
from experiments.bench.cells import Kept, MapCells, recipe_of_models, version_of_law
from experiments.bench.measures import Floats, Measures, ceiling, measures, squared_correlation
from experiments.bench.observational.method import METHODS, ObservationalMethod, observational_estimates
from experiments.bench.quantities import cost_limit
from experiments.bench.regret import marginal_truth, regrets
from experiments.bench.variations import AS_IT_IS, overrides_of, variations_asked
from experiments.comparison.perfect_tracking import touches_and_orders
from experiments.truth.effects import Truth, measure_truth
from simulator.record.systems.analytics_journeys import recorded_journeys
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario
from simulator.world import World, simulate

if TYPE_CHECKING:
    import altair as alt

__all__ = ["DEFAULT_MODELS", "Leaderboard", "leaderboard"]

DEFAULT_MODELS = (
    "last_click", "first_click", "linear", "time_decay", "position_based", "markov", "shapley", "upstream_data_driven",
)  # fmt: skip
ORACLE, DEALT_OUT = "oracle (check)", "dealt out at random (check)"
CHECKS = (
    "Worlds whose truth is known judge every model. The oracle is credited with what each channel caused: its error and "
    "regret are 0. The same credit dealt out at random among channels shows how bad a model can be."
)
SETTINGS = PathSettings(direct="ignored_unless_alone")
NAMES = tuple(Measures.__dataclass_fields__)
Tracking = Literal["perfect", "recorded"]


@dataclass(frozen=True)
class Case:
    """One world of the bench: a scenario under a variation, with a seed."""

    scenario: str
    variation: str
    seed: int
    tracking: Tracking


@dataclass(frozen=True)
class Leaderboard(Result):
    """How far every model is from the truth.

    Attributes:
        rows: one per model and world: scenario, variation, seed, tracking, model, the measures, `ceiling` of r_squared, and
            `regret`, orders lost by moving budget as the model says, as a share of Σ|caused| (nan where not asked for).
        channels: one per model, world and channel: what it cost (currency), credited and caused, and the variance of that.
    """

    rows: pd.DataFrame
    channels: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """One row per model, scenario and variation: means over seeds, with 95 % intervals of `error` (Student)."""
        from scipy.stats import t

        keys = ["scenario", "variation", "tracking", "model"]
        grouped = self.rows.groupby(keys, sort=False)
        table = grouped[[*NAMES, "ceiling", "regret"]].mean()
        count, spread = grouped["error"].count(), grouped["error"].std()
        half = np.where(count > 1, t.ppf(0.975, np.maximum(count - 1, 1)) * spread / np.sqrt(count), np.nan)
        table.insert(1, "error_lower", table["error"] - half)
        table.insert(2, "error_upper", table["error"] + half)
        table.insert(0, "seeds", count)
        ordered = table.reset_index().sort_values(["scenario", "variation", "tracking", "error"], kind="stable")
        return ordered.reset_index(drop=True)

    def summary(self) -> str:
        """Which model is nearest to the truth in each case, and which one is farthest."""
        lines = []
        table = self.to_frame()
        table = table[~table["model"].isin((ORACLE, DEALT_OUT))]
        for (scenario, variation, tracking), own in table.groupby(["scenario", "variation", "tracking"], sort=False):
            case = f"{scenario}, {variation}, {tracking} tracking"
            known = own.dropna(subset="error")
            if known.empty:
                lines.append(f"{case}: ads caused nothing, so there is no share to differ by.")
                continue
            silent = own.loc[own["error"].isna(), "model"].tolist()
            first, last = known.iloc[0], known.iloc[-1]
            lines.append(
                f"{case}: nearest to the truth is {first['model']} (credit differs from "
                f"what was caused by {first['error']:.0%} of it), farthest {last['model']} ({last['error']:.0%})."
                + (f" Some channel has too few people to compare for {', '.join(silent)}." if silent else "")
            )
        return "\n".join(lines)

    def across_campaigns(self) -> pd.DataFrame:
        """One row per tracking and model: R² over the channels of all worlds together, and the ceiling that noise sets it.

        R² of credited against caused conversions per unit of cost, weighted by cost: whether attribution ranks campaigns of
        different markets, as Gordon, Moakler & Zettelmeyer (2026) ask of 2,226 tests.
        """
        found = []
        paid = self.channels[self.channels["cost"] > 0]
        for (tracking, model), own in paid.groupby(["tracking", "model"], sort=False):
            cost, credited, caused, variance = (own[c].to_numpy() for c in ("cost", "credited", "caused", "variance"))
            found.append(
                {
                    "tracking": tracking,
                    "model": model,
                    "campaigns": len(own),
                    "r_squared": squared_correlation(credited / cost, caused / cost, cost),
                    "ceiling": ceiling(caused, variance, cost),
                }
            )
        return pd.DataFrame(found)

    def chart(self, scenario: str | None = None, variation: str | None = None) -> "alt.LayerChart":
        """Each model's error with its interval, in one case (default: the first)."""
        from experiments.report.charts.intervals import interval_chart

        table = self.to_frame()
        case = table.iloc[0]
        own = table[
            (table["scenario"] == (scenario or case["scenario"]))
            & (table["variation"] == (variation or case["variation"]))
        ]
        title = "Σ|credited − caused| ÷ Σ|caused| over channels, 95 % interval over seeds"
        return interval_chart(own, "model", "error", "error_lower", "error_upper", title, span=(0.0, 0.0))

    def to_page(self) -> str:
        """One HTML page without network: per case a sentence, a chart and the table."""
        from experiments.report.charts.intervals import ESTIMATE
        from experiments.report.pages.figure_page import Section, render_figures

        interval = "95% interval over seeds"
        keys = ["scenario", "variation", "tracking"]
        sections = []
        for (scenario, variation, tracking), own in self.to_frame().groupby(keys, sort=False):
            alone = Leaderboard(
                self.rows[(self.rows[keys] == [scenario, variation, tracking]).all(axis=1)], self.channels
            )
            heading = f"{scenario}, {variation}, {tracking} tracking"
            chart = self.chart(str(scenario), str(variation))
            sections.append(Section(heading, alone.summary(), chart, own.drop(columns=keys), (ESTIMATE,), interval))
        pooled = (
            "R² of credited against caused conversions per unit of cost, over the channels of all worlds; its ceiling."
        )
        sections.append(Section("Across campaigns", pooled, None, self.across_campaigns()))
        told = (
            sections[0].sentence
            if len(sections) == 2
            else f"{len(sections) - 1} cases, each with its nearest model below."
        )
        return render_figures(
            "Which attribution model finds the truth", (told, CHECKS), sections,
            kicker="Attribution models judged by simulated markets whose truth is known",
        )  # fmt: skip


def leaderboard(
    models: Sequence[AttributionModel | type | str] = DEFAULT_MODELS,
    scenarios: Sequence[str] = ("dtc-apparel",),
    seeds: Iterable[int] = range(1, 6),
    *,
    observational: Sequence[ObservationalMethod | type | str] = (),
    variations: Sequence[str] = (AS_IT_IS,),
    tracking: Tracking = "perfect",
    users: int | None = None,
    regret: bool = False,
    keep: Path | None = None,
    map_: MapCells = map,
    progress: Callable[[float], None] = lambda share: None,
) -> Leaderboard:
    """Every model's error against the truth, over scenarios, variations and seeds.

    Args:
        models: each as an object, a class, a name, or a name with parameters: `[MyModel(), "markov(order=2)"]`.
        scenarios: names of presets, or files.
        seeds: one world each.
        observational: methods that compare people whom a channel's ads reached with people whom they did not
            (`experiments.bench.observational.method.METHODS`), beside the models; under perfect tracking alone.
        variations: assumptions changed (`experiments.bench.variations.VARIATIONS`), one at a time or joined by ` + `; every
            pair of some: `experiments.bench.variations.crossed`.
        tracking: what the models see: every visit of a person (`perfect`), or what web analytics recorded (`recorded`).
        users: people of each world; default: as the scenario says, its budgets with it.
        regret: also move budget as each model says, run the world again, and count the orders lost against the truth's
            move (`experiments.bench.regret`): a further world for each different move.
        keep: a folder in which finished worlds are kept as small files: after a killed run none is computed twice.
        map_: runs worlds; one over threads or processes gives the same rows.
        progress: called with the share of worlds that are done.

    Raises:
        Refused: unknown models, methods, variations or scenarios; all problems of a kind at once.

    Example:
        >>> from experiments import leaderboard
        >>> found = leaderboard(["last_click", "linear"], ["dropshipping"], seeds=[1], users=500)
        >>> sorted(found.to_frame()["model"])
        ['dealt out at random (check)', 'last_click', 'linear', 'oracle (check)']
    """
    found = MODELS.find_all(models)
    methods = _methods_asked(observational, found, tracking)
    asked, seeds = variations_asked(tuple(variations), tracking), tuple(seeds)
    if not seeds or not scenarios or not asked:
        raise InvalidInputError([Problem("scenarios, variations, seeds", "must each hold at least one")])
    sizes = {} if users is None else {"run.users": users}
    for name in scenarios:
        load_scenario(name, sizes)  # refused before any work
    cases = [Case(name, variation, seed, tracking) for name in scenarios for variation in asked for seed in seeds]

    recipe = partial(_recipe, sizes=sizes, rest=f"{regret} {recipe_of_models((*found, *methods))} {version_of_law()}")
    work = partial(_judged_case, models=found, methods=methods, sizes=sizes, regret=regret)
    judged: Kept[Case] = Kept(work, recipe, keep)
    rows: list[dict[str, Any]] = []
    for done, part in enumerate(map_(judged, cases), start=1):
        rows += part
        progress(done / len(cases))
    whole, parts = ([row for row in rows if ("channel" in row) == is_part] for is_part in (False, True))
    return Leaderboard(pd.DataFrame(whole), pd.DataFrame(parts))


def _methods_asked(
    given: Sequence[ObservationalMethod | type | str], models: Sequence[AttributionModel], tracking: Tracking
) -> tuple[ObservationalMethod, ...]:
    """The observational methods that are meant.

    Raises:
        InvalidInputError: some are unknown, cannot run here, or bear the name of a model; or tracking is not perfect.
    """
    found = METHODS.find_all(given) if given else ()
    problems = []
    if found and tracking != "perfect":
        rule = "compares people, whom recorded journeys do not know, nor which ads they saw"
        problems.append(Problem("observational", rule, hint="ask for tracking='perfect', or leave it out"))
    taken = {str(model.name) for model in models} | {ORACLE, DEALT_OUT}
    problems += [Problem("observational", "is the name of a model too", own.name) for own in found if own.name in taken]
    if problems:
        raise InvalidInputError(problems)
    return found


def _judged_case(
    case: Case,
    models: Sequence[AttributionModel],
    methods: Sequence[ObservationalMethod],
    sizes: Mapping[str, Any],
    regret: bool,
) -> list[dict[str, Any]]:
    """All models and methods in the world of a case."""
    return _judge(case, simulate(_scenario_of(case, sizes)), models, methods, regret)


def _scenario_of(case: Case, sizes: Mapping[str, Any]) -> Scenario:
    changes = overrides_of(case.variation, load_scenario(case.scenario, dict(sizes)))
    return load_scenario(case.scenario, {**sizes, **changes, "run.seed": case.seed})


def _recipe(case: Case, sizes: Mapping[str, Any], rest: str) -> str:
    """The scenario of a world, value by value, and everything else that its rows depend on."""
    return f"{case} {_scenario_of(case, sizes).model_dump_json()} {rest}"


def _judge(
    case: Case,
    world: World,
    models: Sequence[AttributionModel],
    methods: Sequence[ObservationalMethod],
    regret: bool,
) -> list[dict[str, Any]]:
    """All models and methods in one world, beside the two checks of the bench: a row each, and one per channel of each."""
    truth = measure_truth(world, estimands=("average",))
    touches, orders = touches_and_orders(world) if case.tracking == "perfect" else recorded_journeys(world)
    paths = build_paths(touches, orders, SETTINGS)
    channels = world.scenario.paid_channels()
    effects = [truth.effect(channel) for channel in channels]
    caused = np.array([effect.incremental_conversions for effect in effects], dtype=np.float64)
    cost = np.array([effect.cost_micros / MICROS for effect in effects])
    limit = cost_limit(world.scenario)
    variance = _variance(truth, channels)
    best = ceiling(caused, variance, cost)
    credits = {}
    for model in models:
        credit = model.fit(paths).credit(paths)
        given = dict(zip(credit.channels, credit.conversions.tolist(), strict=True))
        credits[model.name] = np.array([given.get(channel, 0.0) for channel in channels])
    for name, said in (observational_estimates(world, methods, channels) if methods else {}).items():
        credits[name] = np.array([said[channel] for channel in channels])
    credits[ORACLE] = caused
    credits[DEALT_OUT] = np.random.default_rng(case.seed).permutation(caused)
    lost = _regrets(world, channels, credits, cost) if regret else {}
    whole = float(np.abs(caused).sum())
    key, rows = asdict(case), []
    for name, credited in credits.items():
        judged = asdict(measures(credited, caused, cost, limit))
        share = lost[name] / whole if name in lost and whole else math.nan
        rows.append(key | {"model": name} | judged | {"ceiling": best, "regret": share})
        rows += [
            key
            | {"model": name, "channel": channel, "cost": paid, "credited": given, "caused": true, "variance": noise}
            for channel, paid, given, true, noise in zip(
                channels, cost.tolist(), credited.tolist(), caused.tolist(), variance.tolist(), strict=True
            )
        ]
    return rows


def _regrets(world: World, channels: Sequence[str], credits: Mapping[str, Floats], cost: Floats) -> dict[str, float]:
    """Orders that each model's move of budget loses; the oracle moves by the true marginal CPA."""
    best = marginal_truth(world)
    paid = np.where(cost > 0, cost, math.nan)
    yields = {name: dict(zip(channels, (own / paid).tolist(), strict=True)) for name, own in credits.items()}
    return regrets(world, yields | {ORACLE: best}, best)


def _variance(truth: Truth, channels: Sequence[str]) -> Floats:
    """Variance of what each channel caused among people like these: caused and prevented orders, one person each."""
    counts = [truth.labels[channel].counts() for channel in channels]
    return np.array([own["caused"] + own["prevented"] for own in counts], dtype=np.float64)
