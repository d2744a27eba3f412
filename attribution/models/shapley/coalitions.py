"""The Shapley value of any game, in the unit of its worth: exactly, or sampled with error bars."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import NDArray

from attribution.paths.ragged import Bools, Floats
from cpalab.refusal import InvalidInputError

EXACT_PLAYERS = 20  # 2^20 coalitions take 8 MB per game

Worth = Callable[[Bools], Floats]  # worth of coalitions [n_coalitions, n_players] -> [n_coalitions]


def all_coalitions(players: int) -> Bools:
    """The members of every coalition [2^players, players]: row `r` holds `i` if bit `i` of `r` is set.

    Raises:
        InvalidInputError: if there are more coalitions than fit in memory.
    """
    if players > EXACT_PLAYERS:
        raise InvalidInputError([f"players: {players} have too many coalitions; at most {EXACT_PLAYERS}, or sample"])
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(np.bool_)


def exact_shapley(worth: NDArray[np.float64]) -> Floats:
    """φ_i = Σ over S without i of |S|! (n - |S| - 1)! / n! × (worth(S + i) - worth(S)).

    Args:
        worth: worth of every coalition in the order of `all_coalitions` [2^n]; further axes are
            further games.

    Returns:
        The value of every player [n]; it sums to the worth of all minus the worth of none.

    Source: Shapley (1953), A value for n-person games.
    """
    players = len(worth).bit_length() - 1
    if len(worth) != 2**players:
        raise InvalidInputError([f"worth: {len(worth)} coalitions; there must be 2^n, one for every subset"])
    coalition = np.arange(len(worth))
    size = all_coalitions(players).sum(axis=1)
    values = np.empty((players, *worth.shape[1:]))
    for player in range(players):
        without = coalition[coalition >> player & 1 == 0]
        weight = np.array([1 / (players * comb(players - 1, s)) for s in range(players)])[size[without]]
        values[player] = np.tensordot(weight, worth[without | 1 << player] - worth[without], axes=1)
    return values


def sampled_shapley(worth: Worth, players: int, pairs: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Estimate φ_i as the mean of player i's marginal worth over random orders of arrival.

    Every order comes with its reverse, which cancels much of the noise; the standard error is that of the
    mean over such pairs. Every single order hands out worth(all) - worth(none), so the estimate does too.

    Args:
        worth: takes coalitions [n_coalitions, n_players] and returns their worth [n_coalitions];
            further axes are further games.
        players: how many players.
        pairs: how many pairs of orders, at least 2.
        rng: the generator of the orders.

    Returns:
        The value of every player and its standard error [n_players] each, with the further axes of `worth`.

    Source: Mitchell, Cooper, Frank & Holmes (2022), Sampling permutations for Shapley value estimation,
    J. of Machine Learning Research 23, section 3 (antithetic sampling).
    """
    if pairs < 2:
        raise InvalidInputError([f"pairs: {pairs} of orders give no error bar; at least 2"])
    total, squares = np.zeros(1), np.zeros(1)
    triangle = np.tri(players + 1, players, -1, dtype=np.bool_)
    for _ in range(pairs):
        order = rng.permutation(players)
        gains = []
        for arrival in (order, order[::-1]):
            coalitions = np.zeros((players + 1, players), dtype=np.bool_)
            coalitions[:, arrival] = triangle
            gains.append(np.diff(worth(coalitions), axis=0)[np.argsort(arrival)])
        drawn = (gains[0] + gains[1]) / 2
        total = total + drawn
        squares = squares + drawn**2
    mean = total / pairs
    variance = np.maximum(squares / pairs - mean**2, 0) * pairs / (pairs - 1)
    return mean, np.sqrt(variance / pairs)
