"""Predicted incrementality (PIE): how well attributed figures and campaign features foretell what campaigns cause.

Many advertisers test many campaigns. A map from what their accounts show to what the tests found, fitted to all advertisers
but one, foretells what that one's campaigns cause per unit of cost. Here the truth is known too: so the map is judged
without the tests' noise, and so are the tests.

Source: Gordon, Moakler & Zettelmeyer (2026), "Predicted incrementality by experimentation (PIE)", NBER 35044.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attribution.model import MODELS, AttributionModel
from cpalab.refusal import InvalidInputError, Problem
from cpalab.result import Result
from experiments.bench.cells import Kept, MapCells, recipe_of_models, version_of_law
from experiments.bench.measures import Floats, ceiling, squared_correlation
from experiments.bench.observational.method import needs_scikit_learn
from experiments.bench.predicted.advertisers import drawn_advertiser
from experiments.bench.predicted.campaigns import campaigns_of
from experiments.bench.predicted.maps import MAPS, foretold

if TYPE_CHECKING:
    import altair as alt

__all__ = ["DEFAULT_MODELS", "PredictedIncrementality", "predicted_incrementality"]

DEFAULT_MODELS = ("last_click", "first_click", "linear", "time_decay", "markov")
TEST = "the test itself"
REPLICATES = 200  # resampled sets of advertisers
THRESHOLDS = (0.25, 0.5, 0.75)  # shares of the spend below the yield from which a campaign pays


@dataclass(frozen=True)
class PredictedIncrementality(Result):
    """Campaigns with their truth, tests and predictions.

    Attributes:
        rows: one per campaign: advertiser, campaign, kind, cost, label (what its test found, incremental conversions), noise
            (standard error of that), caused (the truth), credited_MODEL, features, and what each map foretells.
        models: names of the models.
    """

    rows: pd.DataFrame
    models: tuple[str, ...]

    @property
    def ceiling(self) -> float:
        """R² with the tests' figures that even the truth cannot pass: 1 − noise ÷ spread of what the tests found."""
        label, noise, cost = (self.rows[name].to_numpy() for name in ("label", "noise", "cost"))
        return ceiling(label, noise**2, cost)

    def to_frame(self) -> pd.DataFrame:
        """One row per predictor: R² with the truth and with the tests, level, wrong decisions.

        `r_squared` is the squared correlation with the truth per unit of cost, weighted by cost, with a 95 % interval from a
        bootstrap over advertisers (the maps are not fitted anew); `explained` is
        1 − Σ(foretold − true)² ÷ Σ(true − mean)², which also punishes a wrong level; `wrong_decisions` the share of campaigns
        for which predictor and truth disagree whether they pay, the mean over three prices of a conversion.
        """
        cost, true = self.rows["cost"].to_numpy(), (self.rows["caused"] / self.rows["cost"]).to_numpy()
        label = (self.rows["label"] / self.rows["cost"]).to_numpy()
        spread = float(np.average((true - np.average(true, weights=cost)) ** 2, weights=cost))
        draws = self._draws()
        table = []
        for name, own in self.predictors().items():
            again = [squared_correlation(own[d], true[d], cost[d]) for d in draws]
            table.append(
                {
                    "predictor": name,
                    "campaigns": len(own),
                    "r_squared": squared_correlation(own, true, cost),
                    "r_squared_lower": float(np.quantile(again, 0.025)),
                    "r_squared_upper": float(np.quantile(again, 0.975)),
                    "r_squared_with_tests": squared_correlation(own, label, cost) if name != TEST else math.nan,
                    "explained": 1 - float(np.average((own - true) ** 2, weights=cost)) / spread
                    if spread
                    else math.nan,
                    "foretold_per_caused": float((own * cost).sum() / (true * cost).sum()),
                    "wrong_decisions": _wrong(own, true, cost),
                }
            )
        return pd.DataFrame(table)

    def predictors(self) -> dict[str, Floats]:
        """What each model, each map and the test itself say that a campaign causes, per unit of cost [campaigns]."""
        cost = self.rows["cost"].to_numpy()
        said = {model: self.rows[f"credited_{model}"].to_numpy() / cost for model in self.models}
        return said | {name: self.rows[name].to_numpy() for name in MAPS} | {TEST: self.rows["label"].to_numpy() / cost}

    def summary(self) -> str:
        """R² and wrong decisions of the first model, the best map and the tests, and the ceiling."""
        table = self.to_frame().set_index("predictor")
        first, best = table.loc[self.models[0]], table.loc[list(MAPS)].sort_values("r_squared").iloc[-1]
        test = table.loc[TEST]
        return (
            f"{len(self.rows):,} campaigns of {self.rows['advertiser'].nunique()} advertisers. R² with what campaigns caused "
            f"per unit of cost: {self.models[0]} {first['r_squared']:.2f}, {best.name} fitted to others' tests "
            f"{best['r_squared']:.2f}, a campaign's own test {test['r_squared']:.2f}. Wrong decisions: "
            f"{first['wrong_decisions']:.0%}, {best['wrong_decisions']:.0%} and {test['wrong_decisions']:.0%} of the "
            f"campaigns. Tests are noisy: with their figures even the truth has an R² of {self.ceiling:.2f} at most."
        )

    def chart(self) -> "alt.LayerChart":
        """R² of each predictor with the truth, with its interval."""
        from experiments.report.charts.intervals import interval_chart

        title = "R² with incremental conversions per unit of cost, 95 % interval over advertisers"
        names = ("predictor", "r_squared", "r_squared_lower", "r_squared_upper")
        return interval_chart(self.to_frame(), *names, title, span=(0.0, 1.0))

    def _draws(self) -> list[np.typing.NDArray[np.int64]]:
        """Campaigns of advertisers drawn with replacement, as positions."""
        rng = np.random.default_rng(1)
        places = list(self.rows.reset_index(drop=True).groupby("advertiser").indices.values())
        return [
            np.concatenate([places[k] for k in rng.integers(0, len(places), len(places))]) for _ in range(REPLICATES)
        ]


def predicted_incrementality(
    advertisers: Iterable[int] = range(1, 91),
    models: Sequence[AttributionModel | type | str] = DEFAULT_MODELS,
    *,
    users: int = 30_000,
    days: float = 21.0,
    unlike: float = 0.3,
    keep: Path | None = None,
    map_: MapCells = map,
    progress: Callable[[float], None] = lambda share: None,
) -> PredictedIncrementality:
    """Campaigns of advertisers drawn from priors, each with its test and its truth, foretold from the other advertisers.

    Args:
        advertisers: their numbers; each is one world of up to 24 campaigns (`experiments.bench.predicted.advertisers`).
        models: whose credit is a figure to predict from; the first is the one that the maps are held against.
        users: people of each advertiser's market.
        days: of its campaigns.
        unlike: standard deviation of the logarithm of what an impression adds, among campaigns of a kind: what no account
            shows. [M]
        keep: a folder in which finished advertisers are kept as small files.
        map_: runs worlds; one over threads or processes gives the same rows.
        progress: called with the share of advertisers that are done.

    Raises:
        Refused: fewer than three advertisers, unknown models, numbers that make no scenario, no scikit-learn.

    Source: Gordon, Moakler & Zettelmeyer (2026), NBER 35044.
    """
    found = MODELS.find_all(models)
    numbers = tuple(dict.fromkeys(advertisers))
    if len(numbers) < 3:
        rule, hint = "must be three different ones at least", "one is foretold from the others"
        raise InvalidInputError([Problem("advertisers", rule, str(len(numbers)), hint)])
    needs_scikit_learn("predicted_incrementality")
    drawn_advertiser(numbers[0], users=users, days=days, unlike=unlike)  # refused before any work
    work = partial(campaigns_of, models=found, users=users, days=days, unlike=unlike)
    settings = f"{users} {days} {unlike} {recipe_of_models(found)} {version_of_law()}"
    kept: Kept[int] = Kept(work, partial(_recipe, users=users, days=days, unlike=unlike, rest=settings), keep)
    rows: list[dict[str, Any]] = []
    for done, part in enumerate(map_(kept, numbers), start=1):
        rows += part
        progress(done / len(numbers))
    campaigns = pd.DataFrame(rows)
    if campaigns.empty or campaigns["advertiser"].nunique() < 3:
        rule, hint = "give fewer than three advertisers with a readable test", "take more people or days"
        raise InvalidInputError([Problem("users, days", rule, f"{users}, {days:g}", hint)])
    names = tuple(str(model.name) for model in found)
    return PredictedIncrementality(campaigns.assign(**foretold(campaigns, names)), names)


def _recipe(number: int, users: int, days: float, unlike: float, rest: str) -> str:
    scenario = drawn_advertiser(number, users=users, days=days, unlike=unlike)
    return f"predicted {number} {scenario.model_dump_json()} {rest}"


def _wrong(own: Floats, true: Floats, cost: Floats) -> float:
    """Share of campaigns where the two disagree whether a yield is enough, the mean over `THRESHOLDS`."""
    order = np.argsort(true)
    below = np.cumsum(cost[order]) / cost.sum()
    limits = [float(true[order][np.searchsorted(below, share)]) for share in THRESHOLDS]
    return float(np.mean([((own >= limit) != (true >= limit)).mean() for limit in limits]))
