"""The contract of an attribution model, and how models are found by name, entry point or `module:Class`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from attribution.credit import Credit
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import Registry
from cpalab.refusal import InvalidInputError, Problem

BUILT_IN: Mapping[str, str] = {
    "additive_hazard": "attribution.models.regression.hazard:AdditiveHazard",
    "bagged_logistic": "attribution.models.regression.bagged_logistic:BaggedLogistic",
    "doubly_robust": "attribution.models.regression.doubly_robust:DoublyRobust",
    "first_click": "attribution.models.rules.rules:FirstClick",
    "inverse_j_shaped": "attribution.models.rules.position:InverseJShaped",
    "j_shaped": "attribution.models.rules.position:JShaped",
    "last_click": "attribution.models.rules.rules:LastClick",
    "last_non_direct": "attribution.models.rules.rules:LastNonDirect",
    "last_paid_click": "attribution.models.rules.rules:LastPaidClick",
    "leave_one_touch_out": "attribution.models.leave_one_touch_out:LeaveOneTouchOut",
    "lift_calibrated": "attribution.models.lift_calibrated:LiftCalibrated",
    "linear": "attribution.models.rules.rules:Linear",
    "linear_per_channel": "attribution.models.rules.rules:LinearPerChannel",
    "markov": "attribution.models.markov.markov:Markov",
    "markov_automatic": "attribution.models.markov.markov_order:MarkovAutomaticOrder",
    "platform": "attribution.models.rules.platform:PlatformClaims",
    "poisson_intensity": "attribution.models.regression.intensity:PoissonIntensity",
    "position_based": "attribution.models.rules.position:PositionBased",
    "shapley": "attribution.models.shapley.shapley:Shapley",
    "shapley_exact_conversions": "attribution.models.shapley.exact_sets:ExactSetsConversions",
    "shapley_exact_rate": "attribution.models.shapley.exact_sets:ExactSetsRate",
    "shapley_incremental": "attribution.models.shapley.shapley_response:ShapleyIncremental",
    "shapley_markov": "attribution.models.shapley.shapley_markov:ShapleyMarkov",
    "shapley_response": "attribution.models.shapley.shapley_response:ShapleyResponse",
    "simple_probabilistic": "attribution.models.shapley.probabilistic:SimpleProbabilistic",
    "time_decay": "attribution.models.rules.time_decay:TimeDecay",
    "upstream_data_driven": "attribution.models.upstream:UpstreamDataDriven",
    "w_shaped": "attribution.models.rules.position:WShaped",
}


@runtime_checkable
class FittedModel(Protocol):
    """What `AttributionModel.fit` returns: frozen, and able to credit any paths."""

    def credit(self, paths: Paths) -> Credit:
        """The credit of every channel of `paths`."""
        ...


@runtime_checkable
class AttributionModel(Protocol):
    """A frozen object holding the model's parameters; `fit` learns from paths and changes nothing in it."""

    @property
    def name(self) -> str:
        """The method's name in tables."""
        ...

    def fit(self, paths: Paths) -> FittedModel:
        """The model fitted to paths. A rule, which learns nothing, returns itself."""
        ...


@runtime_checkable
class TouchModel(Protocol):
    """A fitted model that can also say what each touch of a path gets."""

    def touch_shares(self, paths: Paths) -> Floats:
        """The share of its path that each touch gets [n_touches]; shares of a path sum to 1."""
        ...


@runtime_checkable
class UncertainModel(Protocol):
    """A model with inputs that are uncertain themselves, which its intervals have to carry through."""

    def drawn(self, rng: np.random.Generator) -> AttributionModel:
        """The model with its uncertain inputs drawn anew."""
        ...


def credits_of(
    models: Iterable[AttributionModel], paths: Paths, *, progress: Callable[[str, float], None] | None = None
) -> list[Credit]:
    """Each model's credit, fitted to the paths that it credits.

    Args:
        models: in the order of the result.
        paths: journeys and what came of them.
        progress: told the name of each model before it is fitted, and the share of models done.

    Raises:
        InvalidInputError: what any model cannot use of the paths, each by the name of the model; all at once.

    Example:
        >>> from attribution import build_paths, load_model
        >>> touches = {"user_id": ["ann", "ann"], "time": [1.0, 2.0], "channel": ["search", "email"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> [credit.conversions.tolist() for credit in credits_of([load_model("linear"), load_model("last_click")], paths)]
        [[0.5, 0.5], [1.0, 0.0]]
    """
    found: list[Credit] = []
    problems: list[Problem] = []
    every = list(models)
    for done, model in enumerate(every):
        if progress is not None:
            progress(str(model.name), done / len(every))
        try:
            found.append(model.fit(paths).credit(paths))
        except InvalidInputError as error:
            problems += [replace(problem, place=f"{model.name}, {problem.place}") for problem in error.problems]
    if problems:
        raise InvalidInputError(problems)
    return found


MODELS: Registry[AttributionModel] = Registry(
    kind="model",
    place="model",
    group="cpalab.attribution_models",
    built_in=BUILT_IN,
    needs=("fit(paths)",),
    refusal=InvalidInputError,
)


def model_names() -> tuple[str, ...]:
    """The names of all models: built in, and installed under the entry point group of `MODELS`.

    Example:
        >>> from attribution import model_names
        >>> "markov" in model_names()
        True
    """
    return tuple(sorted(MODELS.names()))


def load_model(given: AttributionModel | type | str, **parameters: Any) -> AttributionModel:
    """A model from its name, `name(parameter=value)`, `module:Class`, `FILE.py:Class`, its class or itself.

    Args:
        given: what was asked for: `"markov"`, `"markov(order=2)"`, `"mine:MyModel"`, `MyModel` or `MyModel()`.
        parameters: of the model, checked against the annotations of its class.

    Raises:
        InvalidInputError: if no such model exists, it is no model, or it does not take these parameters or
            needs others.

    Example:
        >>> from attribution import build_paths, load_model
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> load_model("linear").fit(paths).credit(paths).to_frame()["conversions"].tolist()
        [0.5, 0.5]
    """
    return MODELS.find(given, **parameters)
