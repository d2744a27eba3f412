"""What a Markov model takes is known before it starts: its size exactly, its time and memory to an order of magnitude."""

import numpy as np
import pytest

from attribution.model import load_model
from attribution.models.markov.expected_work import expected_work, expected_work_of
from attribution.models.markov.markov_chain import Chain
from attribution.paths.paths import Paths


def random_paths(channels, rows=3000, seed=1):
    rng = np.random.default_rng(seed)
    names = [[f"c{code}" for code in rng.integers(channels, size=rng.integers(1, 8))] for _ in range(rows)]
    return Paths.from_rows(names, rng.integers(0, 2, rows), nulls=rng.integers(1, 4, rows))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_states_and_transitions_are_those_of_the_chain(order):
    paths = random_paths(20)
    work, chain = expected_work(paths, order), Chain.of_paths(paths, order)
    assert (work.states, work.transitions) == (len(chain.start), len(chain.source))


def test_more_channels_and_touches_remembered_take_longer_and_more_memory():
    few, many = random_paths(20), random_paths(400)
    assert expected_work(many, 2).seconds > 10 * expected_work(few, 2).seconds
    assert expected_work(many, 2).memory_bytes > expected_work(few, 1).memory_bytes


def test_sampled_sets_of_channels_are_counted():
    paths = random_paths(60)
    work = expected_work_of(load_model("shapley_markov"), paths)
    assert work.solves == 2 * 100 * 61
    assert expected_work_of(load_model("linear"), paths) is None
    assert expected_work_of(load_model("markov(order=20)"), paths) is None  # is refused when it is fitted


def test_nothing_takes_nothing():
    empty = Paths.from_rows([], [])
    assert expected_work_of(load_model("markov"), empty) is None
    one = Paths.from_rows(["a"], [1])
    assert expected_work(one, 1).transitions == 0
