"""Draws: Philox4x32-10 with its published answers, quantiles, and addresses that are independent of each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from simulator import draws

ANSWERS = [
    # Salmon, Moraes, Dror, Shaw (2011): counter, key → output (Random123, tests/kat_vectors, philox4x32 10).
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "answer"), ANSWERS)
def test_philox_gives_the_published_answers_compiled_and_plain(counter, key, answer, plain):
    arguments = words(counter) + words(key)
    assert list(map(int, draws.philox4x32(*arguments))) == list(map(int, words(answer)))
    assert list(map(int, plain(draws.philox4x32)(*arguments))) == list(map(int, words(answer)))


def test_an_address_is_the_counter_and_the_seed_is_the_key():
    seed = 0x299F31D0_A4093822  # low word first
    four = draws.uniforms_at(seed, 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert four == tuple((int(word) + 0.5) / 2**32 for word in words(ANSWERS[2][2]))


@given(st.integers(0, 2**32 - 1))
def test_uniforms_lie_strictly_between_0_and_1(word):
    assert 0.0 < draws._unit.py_func(np.uint64(word)) < 1.0


def test_the_normal_quantile_agrees_with_scipy_to_fifteen_digits(plain):
    # Both central and tail formulas of AS 241, the far tail (below 1e-11) included, which no 32-bit draw reaches.
    normal = plain(draws.normal)
    tail = np.logspace(-300, -1, 3_000)
    probabilities = np.concatenate([tail, np.linspace(1e-3, 0.999, 4_001), 1.0 - np.logspace(-15, -1, 500)])
    ours = np.array([normal(float(p)) for p in probabilities])
    assert np.allclose(ours, ndtri(probabilities), rtol=2e-15, atol=1e-15)


def test_the_exponential_quantile_is_minus_the_logarithm(plain):
    assert plain(draws.exponential)(math.exp(-2.5)) == pytest.approx(2.5)


def test_purposes_have_addresses_of_their_own():
    names = "ARRIVAL SESSION AUCTION LAPSE AROUSAL FUNNEL ORDER QUALITY DELAY TRAITS HABITS REACH ASSIGNMENT ROBOT"
    numbers = [int(getattr(draws, name)) for name in [*names.split(), "COMPETITION"]]
    assert numbers == list(range(1, 16))


def test_names_have_fixed_addresses_of_their_own():
    assert draws.address_of("123456789") == 0xCBF43926  # the check value of CRC-32
    assert len({draws.address_of(f"channel_{i}") for i in range(1_000)}) == 1_000


# Each of the following compares 1 - 4 statistics at p > 1e-5: a false alarm in one of 25,000 choices of the seed each.


@pytest.fixture(scope="module")
def sample():
    return np.array([draws.uniforms_at(11, user, 3, 2, 0) for user in range(20_000)])


def test_draws_are_uniform(sample):
    for word in sample.T:
        assert stats.kstest(word, "uniform").pvalue > 1e-5


def test_the_four_words_of_an_address_are_uncorrelated(sample):
    correlation = np.corrcoef(sample.T) - np.eye(4)
    assert np.abs(correlation).max() < 4.8 / math.sqrt(len(sample))  # six pairs, normal tail 1.6e-6 each


@pytest.mark.parametrize(
    ("seed", "user", "session", "purpose", "block"),
    [(12, 0, 3, 2, 0), (11, 1, 3, 2, 0), (11, 0, 4, 2, 0), (11, 0, 3, 3, 0), (11, 0, 3, 2, 1)],
    ids=["seed", "user", "session", "purpose", "block"],
)
def test_neighbouring_addresses_are_independent(sample, seed, user, session, purpose, block):
    other = np.array([draws.uniforms_at(seed, user + i, session, purpose, block) for i in range(len(sample))])
    for word in range(4):
        assert abs(np.corrcoef(sample[:, word], other[:, word])[0, 1]) < 4.8 / math.sqrt(len(sample))


def test_normal_draws_are_normal():
    sample = [draws.normal_at(5, user, 0, 15, 7) for user in range(20_000)]
    assert stats.kstest(sample, "norm").pvalue > 1e-5
