"""A model too large says so before it starts, with its states, its time and its memory."""

import numpy as np

from attribution.model import load_model
from attribution.paths.paths import Paths
from experiments.cli.attribute.fitted_once import FittedOnce
from experiments.cli.attribute.size_notes import size_notes


def test_large_models_are_told_and_small_ones_are_not():
    rng = np.random.default_rng(1)
    rows = [[f"c{code}" for code in rng.integers(500, size=6)] for _ in range(20_000)]
    paths = Paths.from_rows(rows, np.ones(len(rows)))
    models = [FittedOnce(load_model(name)) for name in ("linear", "markov", "markov(order=2)", "shapley_markov")]
    order_2, sets = size_notes(models, paths)
    assert order_2.startswith("markov_2: ")
    assert "500 channels at order 2 are" in order_2
    assert "states and" in order_2
    assert " MB; order 1, or fewer channels (--map), take less" in order_2
    assert sets.startswith("shapley_markov: ")
    assert any("fewer draws" in note and note.startswith("markov: ") for note in size_notes(models, paths, fits=2_000))
    assert size_notes(models, Paths.from_rows(["a > b"], [1])) == []


def test_a_model_is_fitted_once_to_one_set_of_paths_and_again_to_others():
    class Counting:
        name, fits = "counting", 0

        def fit(self, paths):
            Counting.fits += 1
            return paths

    first, other = Paths.from_rows(["a"], [1]), Paths.from_rows(["b"], [1])
    model = FittedOnce(Counting())
    assert [model.fit(paths) for paths in (first, first, other, first)] == [first, first, other, first]
    assert Counting.fits == 2
    assert model.name == "counting"
