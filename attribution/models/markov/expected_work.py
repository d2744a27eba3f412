"""What a Markov model will take before it starts: states, transitions, memory in bytes, and time in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from attribution.models.markov.markov_chain import (
    DENSE_STATES,
    SMALL_STATES,
    STEPS,
    state_of_touches,
    steps_between,
    too_many_states,
)
from attribution.paths.paths import Paths

# Of one core of 2020 or later; measured in `Chain`, right within a factor of three.
SECONDS_PER_PLACE = 2.5e-9
SECONDS_PER_STEP = 2e-6
SECONDS_PER_FLOP = 2e-10
CARRIED_DIGITS = 53 * math.log(2)


@dataclass(frozen=True)
class ExpectedWork:
    """What fitting will take.

    Attributes:
        states: states of the chain.
        transitions: steps between them that journeys took.
        solves: how often the chain is solved: once a channel, or once a set of channels.
        memory_bytes: the most memory at once.
        seconds: time of one fit.
    """

    states: int
    transitions: int
    solves: int
    memory_bytes: float
    seconds: float


def expected_work(paths: Paths, order: int, *, solves: int | None = None) -> ExpectedWork:
    """What removal effects of a chain of an order take: solves × steps × (states + transitions) sums.

    A chain whose journeys go on with probability d is carried forward ln(2^53) / -ln(d) steps.

    Args:
        paths: what the chain will be fitted to.
        order: touches that a state remembers.
        solves: how many sets of channels are solved for; default: each channel removed.

    Example:
        >>> from attribution import Paths
        >>> from attribution.models.markov.expected_work import expected_work
        >>> work = expected_work(Paths.from_rows(["a > b > a", "b"], [1, 1], nulls=[3, 4]), order=2)
        >>> work.states, work.transitions
        (4, 2)
    """
    channels = len(paths.channels)
    state, key = state_of_touches(paths, order, channels + 1)
    states = len(key)
    transitions = len(steps_between(paths, state, states, np.ones(len(paths)))[0])
    weight = paths.conversions + paths.nulls
    touches = float(weight @ paths.lengths)
    goes_on = 1 - float(weight.sum()) / touches if touches else 0.0
    steps = min(CARRIED_DIGITS / -math.log(goes_on), STEPS) if goes_on > 0 else 1.0
    once = steps * (SECONDS_PER_STEP + SECONDS_PER_PLACE * (states + transitions))
    memory = 8.0 * (3 * len(paths.codes) + 5 * transitions + (6 + order) * states)
    if solves is None:
        solves = channels + 1
        if states <= DENSE_STATES:
            return ExpectedWork(
                states, transitions, solves, memory + 24.0 * states**2, 3 * SECONDS_PER_FLOP * states**3
            )
    if states <= SMALL_STATES:
        once = SECONDS_PER_FLOP * states**3 / 4 + SECONDS_PER_STEP * 10
    return ExpectedWork(states, transitions, solves, memory, solves * once)


def expected_work_of(model: Any, paths: Paths) -> ExpectedWork | None:
    """What a model will take; None where it is no Markov model, or its order is not known before it is fitted."""
    kind, order = str(model.name).partition("(")[0], getattr(model, "order", None)
    if not isinstance(order, int) or not len(paths) or too_many_states(order, len(paths.channels) + 1):
        return None
    if kind in ("markov", f"markov_{order}"):
        return expected_work(paths, order)
    if kind == "shapley_markov":
        players = len(np.unique(paths.codes))
        exact = players <= model.exact_channels
        return expected_work(paths, order, solves=2**players if exact else 2 * model.pairs * (players + 1))
    return None
