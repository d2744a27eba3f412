"""Models are found by name, by `module:Class`, and among installed entry points."""

from importlib.metadata import EntryPoint

import pytest

from attribution.model import MODELS, load_model, model_names
from attribution.models.markov.markov import Markov
from attribution.models.rules.rules import LastClick
from cpalab import plugins
from cpalab.refusal import InvalidInputError

DECLARED: dict[str, dict[str, object]] = {
    "last_paid_click": {"paid_channels": ("search",)},
    "lift_calibrated": {"model": LastClick(), "lifts": ()},
}


@pytest.mark.parametrize("name", model_names())
def test_every_built_in_name_loads_a_model_of_that_name(name):
    found = load_model(name, **DECLARED.get(name, {})).name
    declared = {
        "lift_calibrated": "lift_calibrated_last_click",
        "last_paid_click": "last_paid_click(paid_channels=('search',))",
    }
    assert found == declared.get(name, name)


def test_what_has_no_default_must_be_declared():
    with pytest.raises(InvalidInputError, match=r"last_paid_click.paid_channels: is missing.*; declare it"):
        load_model("last_paid_click")


def test_parameters_are_passed_on():
    assert load_model("markov", order=2) == Markov(order=2)


def test_module_and_class():
    assert load_model("attribution.models.rules.rules:LastClick") == LastClick()


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("last_clik", {}, "model: 'last_clik' is unknown; did you mean last_click?"),
        ("markov", {"ordr": 2}, "markov.ordr: is not a parameter of this model; did you mean order?"),
        ("attribution.models.rules.rules:Nothing", {}, "cannot be loaded"),
        ("no.such.module:Model", {}, "cannot be loaded"),
        ("attribution.paths.settings:PathSettings", {}, "has no `name` and `fit\\(paths\\)`"),
    ],
)
def test_mistakes_are_explained(name, parameters, said):
    with pytest.raises(InvalidInputError, match=said):
        load_model(name, **parameters)


def test_other_distributions_add_models_but_cannot_take_a_built_in_name(monkeypatch):
    group = MODELS.group
    points = [EntryPoint(name, "attribution.models.rules.rules:Linear", group) for name in ("mine", "last_click")]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    assert "mine" in model_names()
    assert load_model("mine").name == "linear"
    assert load_model("last_click") == LastClick()
