"""The contract of an attribution model, and how models are found by name, entry point or `module:Class`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, runtime_checkable

import numpy as np

from attribution.credit import Credit
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.refusal import InvalidInputError, did_you_mean

ENTRY_POINT_GROUP = "cpalab.attribution_models"

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
    "lift_calibrated": "attribution.models.lift_calibrated:LiftCalibrated",
    "linear": "attribution.models.rules.rules:Linear",
    "linear_per_channel": "attribution.models.rules.rules:LinearPerChannel",
    "markov": "attribution.models.markov.markov:Markov",
    "markov_automatic": "attribution.models.markov.markov_order:MarkovAutomaticOrder",
    "platform": "attribution.models.rules.platform:PlatformClaims",
    "poisson_intensity": "attribution.models.regression.intensity:PoissonIntensity",
    "position_based": "attribution.models.rules.position:PositionBased",
    "shapley": "attribution.models.shapley.shapley:Shapley",
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


def model_names() -> tuple[str, ...]:
    """The names of all models: built in, and installed under the entry point group of this module."""
    return tuple(sorted({*BUILT_IN, *_installed()}))


def model_lines() -> list[tuple[str, str]]:
    """Every model as it is written with its defaults, `time_decay(half_life_days=7.0)`, and what it computes.

    A parameter without a default stands with `…`. What it computes is the first line of the model's docstring.
    """
    lines = []
    for name in model_names():
        model_class = _model_class(name)
        parameters = inspect.signature(model_class).parameters.values()
        given = ", ".join(f"{parameter.name}={_default(parameter)}" for parameter in parameters)
        text = inspect.getdoc(model_class) or ""
        lines.append((f"{name}({given})" if given else name, text.partition("\n")[0]))
    return lines


def _default(parameter: inspect.Parameter) -> str:
    """The default of a parameter as it is typed; a default that is made anew each time is empty."""
    if parameter.default is parameter.empty:
        return "…"
    text = repr(parameter.default)
    return "{}" if text.startswith("<") else text


def load_model(name: str, **parameters: Any) -> AttributionModel:
    """A new model from its name or its `module:Class`, with these parameters.

    Raises:
        InvalidInputError: if no such model exists, it is no model, or it does not take these parameters or
            needs others.
    """
    model_class = _model_class(name)
    known = inspect.signature(model_class).parameters
    problems = [
        f"{name}.{word}: is not a parameter of this model; {did_you_mean(word, known)}"
        for word in parameters
        if word not in known
    ]
    problems += [
        f"{name}.{word}: is missing, and has no default; declare it"
        for word, parameter in known.items()
        if parameter.default is parameter.empty and word not in parameters
    ]
    if problems:
        raise InvalidInputError(problems)
    model = model_class(**parameters)
    if not isinstance(model, AttributionModel):
        raise InvalidInputError([f"model {name!r}: has no `name` and `fit(paths)`; see attribution.model"])
    return model


def _model_class(name: str) -> Any:
    place = BUILT_IN.get(name, name)
    try:
        if ":" not in place:
            if (installed := _installed().get(name)) is not None:
                return installed.load()
            raise InvalidInputError([f"model: {name!r} is unknown; {did_you_mean(name, model_names())}"])
        module, _, attribute = place.partition(":")
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError([f"model: {name!r} cannot be loaded ({error}); write module:Class"]) from error


def _installed() -> dict[str, EntryPoint]:
    """The entry points of other distributions; built-in names cannot be taken."""
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in BUILT_IN}
