"""Shapley values of the removal game: analytically on a known chain, and by definition on random ones."""

from itertools import permutations

import numpy as np
import pytest

from attribution.models.markov import markov_chain
from attribution.models.shapley.shapley_markov import ShapleyMarkov
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

# A world of two channels: journeys start at `a` with probability START, go to the other channel with A_TO_B
# or B_TO_A, convert with A_WINS or B_WINS, and end otherwise.
START, A_TO_B, B_TO_A, A_WINS, B_WINS = 0.7, 0.5, 0.3, 0.1, 0.2


def paths_of_the_world(longest=120):
    """Return every possible path with its expected share of journeys; what is longer has no weight."""
    rows, won, lost = [], [], []
    for first, share in (("a", START), ("b", 1 - START)):
        path, reached = [first], share
        for _ in range(longest):
            wins, moves = (A_WINS, A_TO_B) if path[-1] == "a" else (B_WINS, B_TO_A)
            rows.append(list(path))
            won.append(reached * wins)
            lost.append(reached * (1 - wins - moves))
            reached *= moves
            path.append("b" if path[-1] == "a" else "a")
    return Paths.from_rows(rows, won, nulls=lost)


def test_analytic_values_of_a_known_world():
    visits_a = (START + (1 - START) * B_TO_A) / (1 - A_TO_B * B_TO_A)
    visits_b = (1 - START + START * A_TO_B) / (1 - A_TO_B * B_TO_A)
    alone_a, alone_b, both = START * A_WINS, (1 - START) * B_WINS, visits_a * A_WINS + visits_b * B_WINS
    expected = [(alone_a + both - alone_b) / 2, (alone_b + both - alone_a) / 2]
    paths = paths_of_the_world()
    fitted = ShapleyMarkov().fit(paths)
    assert fitted.shapley == pytest.approx(expected, rel=1e-12)
    assert fitted.shapley.sum() == pytest.approx(both, rel=1e-12)
    assert fitted.credit(paths).conversions == pytest.approx(expected, rel=1e-12)


def random_paths(seed, channels=4, rows=60):
    rng = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(channels)]
    paths = [rng.choice(names, size=rng.integers(1, 6)).tolist() for _ in range(rows)]
    won = rng.integers(0, 4, rows)
    return Paths.from_rows(paths, won, nulls=rng.integers(1, 9, rows), value_micros=won * 7)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("small", [True, False])
def test_it_is_the_mean_loss_over_every_order_of_removal(order, small, monkeypatch):
    if not small:
        monkeypatch.setattr(markov_chain, "SMALL_STATES", 0)
    paths = random_paths(3)
    chain = markov_chain.Chain.of_paths(paths, order)
    total = np.zeros(4)
    for sequence in permutations(range(4)):
        left = set(sequence)
        for channel in sequence:
            before = converts(chain, left)
            left.remove(channel)
            total[channel] += before - converts(chain, left)
    fitted = ShapleyMarkov(order=order).fit(paths)
    assert fitted.shapley == pytest.approx(total / 24, rel=1e-10)
    assert fitted.shapley_on_value == pytest.approx(7 * fitted.shapley)


def converts(chain, left):
    """P(conversion) by a thousand steps of the chain through the states whose latest touch is left."""
    remains = np.isin(chain.touches[:, 0], list(left))
    mass, won = np.where(remains, chain.start, 0), 0.0
    for _ in range(1000):
        won += mass @ chain.conversion
        moved = np.bincount(chain.target, weights=mass[chain.source] * chain.probability, minlength=len(mass))
        mass = np.where(remains, moved, 0)
    return won


def test_many_channels_are_sampled_within_their_error():
    # 8 channels × 10 seeds of standardised errors; see the same test of `sampled_shapley` for its limits.
    paths = random_paths(5, channels=8, rows=120)
    exact = ShapleyMarkov().fit(paths)
    assert not exact.sampling_error.any()
    errors = []
    for seed in range(10):
        sampled = ShapleyMarkov(exact_channels=3, pairs=30, seed=seed).fit(paths)
        assert sampled.shapley.sum() == pytest.approx(exact.shapley.sum())
        errors.append((sampled.shapley - exact.shapley) / sampled.sampling_error)
    assert 0.3 < np.mean(np.square(errors)) < 2.2
    assert (sampled.to_frame()["sampling_error"] > 0).all()


def test_limits_must_make_sense():
    with pytest.raises(InvalidInputError) as error:
        ShapleyMarkov(order=0, exact_channels=0, pairs=1)
    assert len(error.value.lines) == 3
