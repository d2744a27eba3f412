"""Sign flips of pair differences: all or a sample, and the statistic of every flip against its definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import trim_mean
from scipy.stats.mstats import winsorize

from experiments.lift.geo.methods.sign_flips import LARGEST_TRIM_SHARE, sign_flips, studentised_trimmed_means


def test_few_pairs_take_all_sign_flips_and_many_a_sample():
    few = sign_flips(4, seed=1)
    assert few.shape == (16, 4)
    assert len({tuple(row) for row in few}) == 16
    many = sign_flips(40, seed=1)
    assert many.shape == (1_000, 40)
    assert (few[0] == 1).all()
    assert (many[0] == 1).all()
    assert set(np.unique(many)) == {-1.0, 1.0}


def by_definition(values):
    """The studentised trimmed mean at the trim with the smallest error, with SciPy's trimmed and winsorised values."""
    n = values.size
    found = []
    for m in range(int(LARGEST_TRIM_SHARE * n) + 1):
        spread = np.asarray(winsorize(values, limits=(m / n + 1e-12, m / n + 1e-12))).std(ddof=1)
        error = spread / ((1 - 2 * m / n) * math.sqrt(n))
        found.append((error, abs(trim_mean(values, m / n + 1e-12)) / error))
    return min(found)[1]


@given(
    errors=arrays(float, st.integers(4, 40), elements=st.floats(-100, 100).map(lambda x: round(x, 3)), unique=True),
    seed=st.integers(1, 1_000),
)
def test_every_flip_has_the_statistic_of_its_flipped_errors(errors, seed):
    flips = np.random.default_rng(seed).choice([-1.0, 1.0], (5, errors.size))
    flips[0], flips[1] = 1.0, np.where(errors < 0, -1.0, 1.0)  # all on one side: nothing is below
    expected = [by_definition(errors * row) for row in flips]
    assert studentised_trimmed_means(errors, flips) == pytest.approx(expected, rel=1e-6)


def test_errors_that_do_not_vary_still_have_an_order():
    flips = sign_flips(6, seed=1)
    statistics = studentised_trimmed_means(np.full(6, 2.0), flips)
    assert np.isfinite(statistics).all()
    assert statistics[0] == statistics.max()
    assert not studentised_trimmed_means(np.zeros(6), flips).any()
