"""Maps from what is seen of campaigns to what they cause, per unit of cost, fitted to tests of other advertisers."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from experiments.bench.measures import Floats

__all__ = ["MAPS", "foretold", "seen"]

NUMBERS = ("log_cost", "log_cpm", "click_rate", "frequency", "optimisation", "orders_per_person")
WORDS = ("surface", "audience")


def seen(campaigns: pd.DataFrame, models: Sequence[str]) -> Floats:
    """The features of each campaign [campaigns, features]: credited per cost by each model, numbers, words as columns.

    `orders_per_person` is the advertiser's; everything stands in its account, nothing comes from a test.
    """
    credited = pd.DataFrame({model: campaigns[f"credited_{model}"] / campaigns["cost"] for model in models})
    words = pd.get_dummies(campaigns[list(WORDS)], dtype=float)
    return pd.concat([credited, campaigns[list(NUMBERS)], words], axis=1).to_numpy(np.float64)


def foretold(campaigns: pd.DataFrame, models: Sequence[str]) -> dict[str, Floats]:
    """What each map foretells of every campaign, incremental conversions per unit of cost, by the name of the map.

    Each advertiser's campaigns are foretold by a map that was fitted to the tests of all others. Campaigns weigh as they
    cost: the variance of a test's figure per unit of cost falls about as cost rises.
    """
    features = seen(campaigns, models)
    label, cost = (campaigns["label"] / campaigns["cost"]).to_numpy(), campaigns["cost"].to_numpy()
    owner = campaigns["advertiser"].to_numpy()
    found = {name: np.empty(len(campaigns)) for name in MAPS}
    for one in np.unique(owner):
        own = owner == one
        for name, fitted in MAPS.items():
            found[name][own] = fitted(features[~own], label[~own], cost[~own], features[own])
    return found


def _scaled_last_click(known: Floats, label: Floats, weight: Floats, asked: Floats) -> Floats:
    """The first model's credit times one factor, which makes it right in sum for the others."""
    credited = np.average(known[:, 0], weights=weight)
    factor = np.average(label, weights=weight) / credited if credited > 0 else 0.0
    return np.asarray(factor * asked[:, 0])


def _ridge(known: Floats, label: Floats, weight: Floats, asked: Floats) -> Floats:
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 16)))
    model.fit(known, label, ridgecv__sample_weight=weight / weight.mean())
    return np.asarray(model.predict(asked))


def _boosted(known: Floats, label: Floats, weight: Floats, asked: Floats) -> Floats:
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=80, learning_rate=0.06, max_depth=3, min_samples_leaf=10, subsample=0.7, random_state=0
    )
    return np.asarray(model.fit(known, label, sample_weight=weight).predict(asked))


# Name → what it foretells: (features, label, weight of the others, features of those asked about).
MAPS: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    "first model, scaled": _scaled_last_click,
    "ridge": _ridge,
    "gradient boosting": _boosted,
}
