"""The Markov chain of paths, of any order: P(conversion) of a journey, with and without each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.paths.paths import Paths
from attribution.paths.ragged import Bools, Floats, Ints, sum_by
from cpalab.refusal import InvalidInputError

DENSE_STATES = 1_500  # below, one dense inverse serves all channels; above, one sparse sum of visits per channel
SMALL_STATES = 200  # below, solving for one set of channels is faster than carrying its journeys forward
STEPS = 5_000  # after so many steps of a chain that hardly ever ends, factorising it is faster
ROUNDING = 2.0**-53
TABLE_ENTRIES = 4_000_000  # below, keys are counted in a table; above, they are sorted


@dataclass(frozen=True, eq=False)
class Chain:
    """Transition probabilities between states; a state is the latest touches, at most `order` of them.

    The first touches of a path have shorter states of their own, which gives the same credits as padding.

    Attributes:
        channels: channel names [n_channels].
        touches: channel codes of each state's touches, the latest first, -1 where there are fewer [n_states,
            order].
        start: P(first state) [n_states].
        source: state left by each transition [n_transitions].
        target: state entered by each transition [n_transitions].
        probability: P(target | source) [n_transitions].
        conversion: P(conversion | state) [n_states].
        null: P(no conversion, ever | state) [n_states].
        value_micros: expected value in micros of ending here, per visit of the state [n_states].
    """

    channels: tuple[str, ...]
    touches: NDArray[np.int32]
    start: Floats
    source: Ints
    target: Ints
    probability: Floats
    conversion: Floats
    null: Floats
    value_micros: Floats

    @staticmethod
    def of_paths(paths: Paths, order: int) -> Chain:
        """Estimate the chain by relative frequencies over all journeys, converting or not.

        Raises:
            InvalidInputError: if there are more possible states than 64-bit keys.
        """
        base = len(paths.channels) + 1
        if too_many_states(order, base):
            raise InvalidInputError(
                [f"order: {order} with {base - 1} channels has too many states; choose a lower one"]
            )
        weight = paths.conversions + paths.nulls
        state, key = state_of_touches(paths, order, base)
        states = len(key)
        first, last = state[paths.offsets[:-1]], state[paths.offsets[1:] - 1]
        source, target, count = steps_between(paths, state, states, weight)
        started = sum_by(first, weight, states)
        visits = started + sum_by(target, count, states)

        def per_visit(at: NDArray[np.integer], amount: Floats) -> Floats:
            total = sum_by(at, amount, states)
            return np.divide(total, visits, out=np.zeros(states), where=visits > 0)

        journeys = weight.sum()
        return Chain(
            channels=paths.channels,
            touches=np.stack([key // base**back % base - 1 for back in range(order)], axis=1).astype(np.int32),
            start=started / (journeys or 1),
            source=source,
            target=target,
            probability=count / visits[source],
            conversion=per_visit(last, paths.conversions),
            null=per_visit(last, paths.nulls),
            value_micros=per_visit(last, paths.value_micros.astype(np.float64)),
        )

    @property
    def outcome(self) -> Floats:
        """What a visit of each state yields at once: P(conversion) and expected value [n_states, 2]."""
        return np.stack([self.conversion, self.value_micros], axis=1)

    def outcome_without(self) -> tuple[Floats, Floats]:
        """P(conversion) and expected value: with all channels [2], without each [n_channels, 2].

        Without a channel, every transition into it leads to "no conversion" (Anderl et al. 2016, section
        3.3); a state that contains the channel can only be entered through one whose latest touch it is.
        """
        solve = self._without_dense if len(self.start) <= DENSE_STATES else self._without_sparse
        return solve()

    def _without_dense(self) -> tuple[Floats, Floats]:
        """Subtract the journeys that enter the channel: Σ P(first enters it in state b) × outcome from b on.

        With N = (I - Q)⁻¹ and s the start, first entrances are s N[:, B] N[B, B]⁻¹ and outcomes from b on are
        N r (Kemeny & Snell 1976, chapter 3).
        """
        states = len(self.start)
        matrix = np.eye(states)
        matrix[self.source, self.target] -= self.probability
        visits = np.linalg.solve(matrix, np.eye(states))
        onward, reached = visits @ self.outcome, self.start @ visits
        with_all = self.start @ onward
        without = np.tile(with_all, (len(self.channels), 1))
        for channel in range(len(self.channels)):
            inside = np.flatnonzero(self.touches[:, 0] == channel)
            entrance = np.linalg.solve(visits[np.ix_(inside, inside)].T, reached[inside])
            without[channel] -= entrance @ onward[inside]
        return with_all, without

    def _without_sparse(self) -> tuple[Floats, Floats]:
        """Sum the expected visits of the states that remain, and what those visits yield."""
        from scipy.sparse import coo_array

        states = len(self.start)
        flow = coo_array((self.probability, (self.target, self.source)), shape=(states, states)).tocsr()
        latest = self.touches[:, 0]
        without = [_visits(flow, self.start, latest != channel) @ self.outcome for channel in self._codes]
        with_all = _visits(flow, self.start, np.ones(states, dtype=np.bool_)) @ self.outcome
        return with_all, np.array(without).reshape(-1, 2)

    def outcome_with(self, players: Ints, coalitions: Bools) -> Floats:
        """P(conversion) and expected value with some channels only [n_coalitions, 2].

        Every transition into a channel that is left out leads to "no conversion".

        Args:
            players: codes of the channels in question [n_players]; others are left out.
            coalitions: which of them remain [n_coalitions, n_players].
        """
        from scipy.sparse import coo_array

        states = len(self.start)
        flow = coo_array((self.probability, (self.target, self.source)), shape=(states, states)).tocsr()
        matrix = np.eye(states) - flow.toarray() if states <= SMALL_STATES else None
        remaining = np.zeros((len(coalitions), len(self.channels)), dtype=np.bool_)
        remaining[:, players] = coalitions
        outcome = np.zeros((len(coalitions), 2))
        for coalition, remains in enumerate(remaining[:, self.touches[:, 0]]):
            kept = np.flatnonzero(remains)
            if matrix is None:
                outcome[coalition] = _visits(flow, self.start, remains) @ self.outcome
            elif len(kept):
                visits = np.linalg.solve(matrix[np.ix_(kept, kept)], self.start[kept])
                outcome[coalition] = visits @ self.outcome[kept]
        return outcome

    @property
    def _codes(self) -> range:
        return range(len(self.channels))


def _visits(flow: Any, start: Floats, remains: Bools) -> Floats:
    """The solution of (I - Q) visits = start over the states that remain, to rounding [n_states].

    Journeys are carried forward step by step until what is still under way cannot change the sum: all terms
    are positive, so nothing cancels. Factorising Q would fill it in. A chain that hardly ever ends is
    factorised all the same.
    """
    under_way = np.where(remains, start, 0.0)
    visits = under_way.copy()
    for _ in range(STEPS):
        before = under_way.sum()
        under_way = np.where(remains, flow @ under_way, 0.0)
        visits += under_way
        mass = under_way.sum()
        # What is left to come is about mass × (1 + d + d² + …) with the decay d = mass / before.
        if mass <= ROUNDING * visits.sum() * max(1 - mass / (before or 1), 0):
            return visits
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import spsolve

    kept = np.flatnonzero(remains)
    visits[:] = 0
    visits[kept] = spsolve((eye_array(len(start)) - flow).tocsc()[kept][:, kept], start[kept])
    return visits


def state_of_touches(paths: Paths, order: int, base: int) -> tuple[NDArray[np.integer], Ints]:
    """The state of every touch, and each state's key: Σ (code `back` touches ago + 1) × base^back."""
    from attribution.paths.kernels import state_keys

    if order == 1:
        return paths.codes, np.arange(1, base)
    key = state_keys(paths.codes, paths.offsets, order, base)
    if base**order > TABLE_ENTRIES:
        keys, state = np.unique(key, return_inverse=True)
        return state, keys
    seen = np.bincount(key, minlength=1) > 0
    return (np.cumsum(seen) - 1)[key], np.flatnonzero(seen)


def too_many_states(order: int, base: int) -> bool:
    """Whether there are more possible states than 64-bit keys."""
    return bool(base ** min(order, 62) >= 2**62)


def steps_between(paths: Paths, state: NDArray[np.integer], states: int, weight: Floats) -> tuple[Ints, Ints, Floats]:
    """The steps with a positive weight, by source and target, and that weight."""
    from attribution.paths.kernels import count_steps

    if states * len(paths.channels) <= TABLE_ENTRIES:
        count, target = count_steps(state, paths.codes, paths.offsets, weight, states, len(paths.channels))
        taken = np.flatnonzero(target >= 0)
        source = taken // max(len(paths.channels), 1)
        return source, target[taken], count[taken]
    inner = np.ones(len(state), dtype=np.bool_)
    inner[paths.offsets[:-1]] = False
    entered = np.flatnonzero(inner)
    pairs, place = np.unique(state[entered - 1].astype(np.int64) * states + state[entered], return_inverse=True)
    count = sum_by(place, np.repeat(weight, paths.lengths - 1), len(pairs))
    taken = np.flatnonzero(count > 0)
    return pairs[taken] // states, pairs[taken] % states, count[taken]
