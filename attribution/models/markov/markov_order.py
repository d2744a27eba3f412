"""Markov removal effects of the order that predicts best, by the log score (in nats) of unseen journeys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attribution.credit import Credit
from attribution.models.markov.markov import FittedMarkov, Markov
from attribution.models.markov.steps import Steps
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats, Ints, sum_by
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MarkovAutomaticOrder:
    """`Markov(order=k)` with the k that maximises the log score of every journey left out in turn.

    score(k) = mean over journeys of Σ over steps of log p_k(step | latest k touches), where the journey
    itself is taken out of the counts, and the last step is conversion or null. Probabilities are shrunk
    towards the order below by one observation (MacKay & Peto 1995), so that a new history is no
    catastrophe; the removal effects are those of `Markov`, not shrunk. Leaving one out has a closed form:
    no folds, no seed.

    In a bootstrap draw a person drawn twice predicts himself, which favours longer histories. For intervals
    fit once, then bootstrap `Markov(order=fitted.order)`.

    Attributes:
        highest_order: the longest history tried.
        states: the largest chain tried; its removal effects take time in proportion to it.

    Source: Anderl, Becker, von Wangenheim & Schumann (2016), section 3.3 (the order as the trade-off of
    out-of-sample accuracy); Stone (1974), Cross-validatory choice and assessment of statistical predictions.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("markov_automatic")
    highest_order: int = 4
    states: int = 200_000

    def __post_init__(self) -> None:
        """Refuse limits that leave nothing to try."""
        problems = [
            f"{word}: {limit} must be at least 1"
            for word, limit in (("highest_order", self.highest_order), ("states", self.states))
            if limit < 1
        ]
        if problems:
            raise InvalidInputError(problems)

    def fit(self, paths: Paths) -> FittedMarkovAutomaticOrder:
        """Score every order up to the limits (order 1 always), and fit the chain of the best."""
        grouped = paths.grouped()
        scores, states = _scores(grouped, self.highest_order, self.states)
        order = int(np.argmax(scores)) + 1
        return FittedMarkovAutomaticOrder(self.name, Markov(order=order).fit(grouped), order, scores, states)


@dataclass(frozen=True, eq=False)
class FittedMarkovAutomaticOrder(Result):
    """The chosen chain, and how every order scored.

    Attributes:
        name: the method's name.
        markov: the fitted chain and its removal effects.
        order: the chosen order.
        log_score: nats per journey of orders 1, 2, ... that were tried, higher is better.
        states: how many states the chain of each of these orders has.
    """

    name: str
    markov: FittedMarkov
    order: int
    log_score: Floats
    states: Ints

    def credit(self, paths: Paths) -> Credit:
        """The credit of the chosen chain; see `FittedMarkov.credit`."""
        note = f"order {self.order} of {len(self.states)} tried predicts best"
        return replace(self.markov.credit(paths), method=self.name, note=note)

    def to_frame(self) -> pd.DataFrame:
        """One row per order tried: `order, states, log_score`."""
        import pandas as pd

        orders = np.arange(1, len(self.states) + 1)
        return pd.DataFrame({"order": orders, "states": self.states, "log_score": self.log_score})

    def summary(self) -> str:
        """The order and its margin."""
        text = f"Order {self.order} of {len(self.states)} predicts best"
        if len(self.states) > 1:
            second = float(np.sort(self.log_score)[-2])
            margin = float(self.log_score.max()) - second
            text += f", by {margin:.2g} nats per journey"
        return f"{text}. {self.markov.summary()}"


def _scores(paths: Paths, highest_order: int, most_states: int) -> tuple[Floats, Ints]:
    """The mean log score of orders 1, 2, ... [n_tried], and their states."""
    steps = Steps.of_paths(paths)
    base = len(paths.channels) + 1
    probability = _shrunk(steps, np.zeros(len(steps.next), dtype=np.int64), np.full(len(steps.next), 1 / (base + 1)))
    scores, states = [], []
    for order in range(1, highest_order + 1):
        if base**order >= 2**62:
            break
        history = steps.history(order, base)
        count = len(np.unique(history[steps.step > 0]))
        if order > 1 and count > most_states:
            break
        probability = _shrunk(steps, history, probability)
        journeys = max(float((paths.conversions + paths.nulls).sum()), 1.0)
        told = np.where(steps.weight > 0, np.log(np.where(steps.weight > 0, probability, 1)), 0)
        scores.append(float(steps.weight @ told) / journeys)
        states.append(count)
    return np.array(scores), np.array(states, dtype=np.int64)


def _shrunk(steps: Steps, history: Ints, lower: Floats) -> Floats:
    """p(next | history) = (n(history, next) + lower) / (n(history) + 1), without the journey itsteps."""
    _, state = np.unique(history, return_inverse=True)
    outcomes = int(steps.next.max(initial=0)) + 1
    _, pair = np.unique(state * outcomes + steps.next, return_inverse=True)
    in_pair, in_state = sum_by(pair, steps.weight, 1)[pair], sum_by(state, steps.weight, 1)[state]
    # One journey ends once, so of a path's two last steps one counts towards its own visits.
    visit = (steps.next < outcomes - 1).astype(np.float64)
    own_pair = _within(steps.path, pair, np.ones(len(pair)))
    own_state = _within(steps.path, state.astype(np.int64), visit)
    others = np.maximum(in_pair - own_pair, 0)
    return np.asarray((others + lower) / (np.maximum(in_state - own_state, 0) + 1), dtype=np.float64)


def _within(path: Ints, group: Ints, amount: Floats) -> Floats:
    """Return, for every row, the amount of the rows of its path and group."""
    _, cell = np.unique(path * (int(group.max(initial=0)) + 1) + group, return_inverse=True)
    return sum_by(cell, amount, 1)[cell]
