"""Exposed against unexposed people, outcome and exposure both learnt by gradient boosting (conversions)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError, Problem
from experiments.bench.observational.method import needs_scikit_learn
from experiments.bench.observational.people import PeopleSeen
from experiments.bench.observational.propensity import HIGHEST

__all__ = ["DoubleMachineLearning"]

FEWEST = 20  # people of each kind in every fold


@dataclass(frozen=True)
class DoubleMachineLearning:
    """Σ (D − (1 − D) e(x) ÷ (1 − e(x))) (y − m(x)): m foretells orders without ads, e the chance of exposure D.

    Both are gradient-boosted trees, each fitted to the folds that a person is not in (cross-fitting). It is near the truth
    where either of them is right, and where nothing that is not seen drives both exposure and orders.

    Attributes:
        folds: of the cross-fitting.
        trees: of each boosted model.

    Source: Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey & Robins (2018), Econometrics Journal 21(1), the score
    of the effect on the treated; Gordon, Moakler & Zettelmeyer (2023) try it on 663 experiments.
    """

    folds: int = 3
    trees: int = 40
    name: ClassVar[NameWithParameters] = NameWithParameters("double_machine_learning")

    def __post_init__(self) -> None:
        """Scikit-learn is there, and the numbers make sense.

        Raises:
            InvalidInputError: they do not.
        """
        needs_scikit_learn("double_machine_learning")
        problems = [Problem("folds", "must be at least 2", str(self.folds))] if self.folds < 2 else []
        problems += [Problem("trees", "must be at least 1", str(self.trees))] if self.trees < 1 else []
        if problems:
            raise InvalidInputError(problems)

    def estimate(self, people: PeopleSeen) -> float:
        """Conversions that the ads caused; nan where too few people are exposed, or are not, to learn from."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from sklearn.model_selection import StratifiedKFold
        from threadpoolctl import threadpool_limits

        if not people.exposed.any():
            return 0.0
        if min(people.exposed.sum(), (~people.exposed).sum()) < FEWEST * self.folds or not people.covariates.size:
            return math.nan
        settings = {"max_iter": self.trees, "max_leaf_nodes": 8, "early_stopping": False, "random_state": 0}
        total = 0.0
        splits = StratifiedKFold(self.folds, shuffle=True, random_state=0)
        with threadpool_limits(1):  # fits of a tenth of a second wait for one another's threads longer than they work
            for learnt, judged in splits.split(people.covariates, people.exposed):
                chance = HistGradientBoostingClassifier(**settings)
                chance.fit(people.covariates[learnt], people.exposed[learnt])
                unexposed = learnt[~people.exposed[learnt]]
                without = HistGradientBoostingRegressor(loss="squared_error", **settings)
                without.fit(people.covariates[unexposed], people.orders[unexposed])
                own, reached = people.covariates[judged], people.exposed[judged]
                e = np.minimum(chance.predict_proba(own)[:, 1], HIGHEST)
                residual = people.orders[judged] - without.predict(own)
                total += float((np.where(reached, 1.0, -e / (1 - e)) * residual).sum())
        return total
