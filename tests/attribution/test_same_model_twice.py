"""Two settings of one model, credited side by side: each has a name, value, return and bounds of its own.

The nine journeys are those of `cases/reference/same_model_twice`: 3.0 of value each, ten of cost per channel.
"""

import numpy as np
import pytest

from attribution.bootstrap import bootstrap_credits
from attribution.costs.performance import performance_table
from attribution.model import MODELS, load_model
from attribution.paths.build import build_paths
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError

JOURNEYS = ("A", "AB", "ABC", "B", "BA", "BCA", "C", "CA", "CBA")


@pytest.fixture(scope="module")
def paths():
    rows = [
        (user, 10.0 - (len(way) - 1 - i), channel) for user, way in enumerate(JOURNEYS) for i, channel in enumerate(way)
    ]
    user, time, channel = zip(*rows, strict=True)
    return build_paths(
        {"user_id": user, "time": time, "channel": channel},
        {"user_id": range(9), "time": [10.0] * 9, "value_micros": [3 * MICROS] * 9},
    )


@pytest.mark.parametrize(
    "written",
    [
        ("time_decay", "time_decay(half_life_days=1)"),
        ("markov", "markov(order=2)"),
        ("position_based", "position_based(first=0.1, last=0.9)"),
        ("last_paid_click(paid_channels=('A',))", "last_paid_click(paid_channels=('B',))"),
        ("shapley_markov(seed=1)", "shapley_markov(order=2)"),
    ],
)
def test_value_return_and_bounds_are_each_model_s_own(paths, written):
    models = MODELS.find_all(written)
    cost = dict.fromkeys("ABC", 10 * MICROS)
    together = performance_table(bootstrap_credits(models, paths, seed=1, replicates=20), cost)
    assert together["method"].nunique() == 2
    for model, (_, rows) in zip(models, together.groupby("method", sort=False), strict=True):
        alone = performance_table(bootstrap_credits([model], paths, seed=1, replicates=20), cost)
        assert rows.reset_index(drop=True).equals(alone)
        assert np.allclose(rows["value"], 3.0 * rows["conversions"]), "each order is worth 3"
        assert np.allclose(rows["roas"], rows["value"] / 10)
        assert (rows["conversions_lower"] <= rows["conversions_upper"]).all()


def test_even_credits_of_one_name_are_joined_by_position(paths):
    models = [load_model("linear"), load_model("first_click")]
    credits = [model.fit(paths).credit(paths) for model in models]
    table = performance_table([credits[0], credits[1], credits[0]], {})
    assert table["value"].tolist() == pytest.approx((3.0 * table["conversions"]).tolist())


def test_a_true_repeat_is_refused():
    with pytest.raises(InvalidInputError, match="'time_decay' is given more than once"):
        MODELS.find_all(["time_decay", "time_decay(half_life_days=7.0)"])


@pytest.mark.parametrize("written", ["time_decay(half_life_days=3)", "shapley_markov(order=2)", "j_shaped(last=0.7)"])
def test_a_credit_bears_the_parameters_of_its_model(paths, written):
    model = load_model(written)
    assert model.fit(paths).credit(paths).method == model.name == written
