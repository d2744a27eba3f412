"""True Shapley values and synergies of channels: orders in all 2^K worlds with some of them on and the others off.

Attribution by Shapley value guesses these worlds from the paths that happened; here they are lived.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from attribution.models.shapley.coalitions import all_coalitions, exact_shapley
from cpalab.micros import MICROS
from cpalab.refusal import Problem, ScenarioError, did_you_mean
from cpalab.result import Result
from experiments.truth.effects import TwinChange, cost_per, orders_of, twin_lives
from experiments.truth.order_labels import orders_lost
from simulator.scenario.schema import Scenario
from simulator.world import World

MOST_CHANNELS = 6


@dataclass(frozen=True)
class Interactions(Result):
    """Orders with every subset of some channels on, all other ads as they were.

    Attributes:
        channels: the K channels.
        orders: orders, the follow-up's included, in each world (2^K,); bit i of the position says whether channel i is on.
        value_micros: their value (2^K,).
        cost_micros: what each channel's ads cost in the world that happened (K,).
    """

    channels: tuple[str, ...]
    orders: npt.NDArray[np.float64]
    value_micros: npt.NDArray[np.float64]
    cost_micros: npt.NDArray[np.int64]

    @property
    def shapley_conversions(self) -> npt.NDArray[np.float64]:
        """φ_i (K,): each channel's mean gain in orders over all orders of switching them on; they sum to that of all."""
        return exact_shapley(self.orders)

    @property
    def shapley_value_micros(self) -> npt.NDArray[np.float64]:
        """The same in order value (K,)."""
        return exact_shapley(self.value_micros)

    @property
    def synergy(self) -> npt.NDArray[np.float64]:
        """I_ij (K, K): what i adds to the gain of j, averaged over the other channels; negative where they do the same job.

        I_ij = Σ over S without i, j of |S|! (K - |S| - 2)! / (K - 1)! × (v(S+i+j) - v(S+i) - v(S+j) + v(S)).

        Source: Grabisch and Roubens (1999), International Journal of Game Theory 28(4), the Shapley interaction index.
        """
        players = len(self.channels)
        found = np.zeros((players, players))
        coalition = np.arange(len(self.orders))
        size = all_coalitions(players).sum(axis=1)
        for i in range(players):
            for j in range(i):
                without = coalition[(coalition >> i & 1 == 0) & (coalition >> j & 1 == 0)]
                weight = 1.0 / ((players - 1) * np.array([math.comb(players - 2, int(s)) for s in size[without]]))
                v, here, there = self.orders, 1 << i, 1 << j
                gain = v[without | here | there] - v[without | here] - v[without | there] + v[without]
                found[i, j] = found[j, i] = weight @ gain
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: what it adds alone, on top of all others, and on average; cost per Shapley conversion."""
        everything = len(self.orders) - 1
        bits = [1 << i for i in range(len(self.channels))]
        shapley = self.shapley_conversions
        return pd.DataFrame(
            {
                "channel": self.channels,
                "cost": self.cost_micros / MICROS,
                "conversions_alone": [self.orders[bit] - self.orders[0] for bit in bits],
                "conversions_on_top": [self.orders[everything] - self.orders[everything ^ bit] for bit in bits],
                "shapley_conversions": shapley,
                "cost_per_shapley_conversion": [
                    cost_per(int(cost), gained) for cost, gained in zip(self.cost_micros, shapley, strict=True)
                ],
            }
        )

    def synergy_frame(self) -> pd.DataFrame:
        """One row per pair of channels: their synergy in orders, the strongest first."""
        pairs = [
            (self.channels[j], self.channels[i], self.synergy[i, j])
            for i in range(len(self.channels))
            for j in range(i)
        ]
        frame = pd.DataFrame(pairs, columns=["channel", "other_channel", "synergy_conversions"])
        return frame.sort_values("synergy_conversions", key=abs, ascending=False, kind="stable", ignore_index=True)

    def summary(self) -> str:
        """What the channels did together, and what they would have done one by one."""
        frame = self.to_frame()
        together = self.orders[-1] - self.orders[0]
        return (
            f"Together these channels caused {together:z,.0f} conversions; each alone would have caused "
            f"{frame['conversions_alone'].sum():z,.0f} in sum, each on top of the others "
            f"{frame['conversions_on_top'].sum():z,.0f}."
        )


def measure_interactions(
    world: World,
    channels: Sequence[str],
    *,
    feedback: Literal["held", "free"] = "held",
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> Interactions:
    """Live everyone's life in all 2^K worlds in which some of the channels are on and the others off.

    Channels that are not named stay as they were.

    Raises:
        ScenarioError: see `check_channels`.
    """
    check_channels(world.scenario, channels)
    bits = [1 << world.names.channels.index(channel) for channel in channels]
    members = all_coalitions(len(channels))
    off = [sum(bit for bit, on in zip(bits, row, strict=True) if not on) for row in members[:-1]]
    lives = twin_lives(world, [TwinChange(off=bits) for bits in off], feedback, threads, progress)
    fact = orders_of(world)
    lost = np.array([orders_lost(fact, life) for life in lives] + [(0, 0)], dtype=np.float64)
    costs = world.cost_micros()
    return Interactions(
        channels=tuple(channels),
        orders=len(fact.order_id) - lost[:, 0],
        value_micros=float(np.sum(fact.value_micros)) - lost[:, 1],
        cost_micros=np.array([costs[channel] for channel in channels], np.int64),
    )


def check_channels(scenario: Scenario, channels: Sequence[str]) -> None:
    """Refuse channels whose worlds cannot be lived, before any work.

    Raises:
        ScenarioError: no channel, more than MOST_CHANNELS, one twice, or one that has no campaigns.
    """
    paid = scenario.paid_channels()
    problems = [
        Problem("interactions", "is no channel with campaigns", channel, did_you_mean(channel, paid))
        for channel in channels
        if channel not in paid
    ]
    if len(set(channels)) < len(channels):
        problems.append(Problem("interactions", "must name each channel once", ", ".join(channels)))
    if not 1 <= len(channels) <= MOST_CHANNELS:
        rule = f"channels must be 1 to {MOST_CHANNELS}"
        problems.append(Problem("interactions", rule, str(len(channels)), "each doubles the worlds to be lived"))
    if problems:
        raise ScenarioError(problems)
