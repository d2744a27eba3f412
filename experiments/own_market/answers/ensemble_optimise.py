"""Budgets that follow a signal, in every world of an ensemble: real orders gained, as the range of what fits (orders)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cpalab.result import Result
from experiments.bench.optimise.optimise import AS_IT_IS, Optimised, optimise
from experiments.bench.optimise.signals import Signal
from experiments.own_market.answers.over_worlds import over_worlds, part_of
from simulator.scenario.schema import Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EnsembleOptimised", "ensemble_optimise"]


@dataclass(frozen=True)
class EnsembleOptimised(Result):
    """What following each signal brings, whichever of the worlds is the true one.

    Attributes:
        optimised: one per world.
        volumes: per world, people of the market over people simulated: orders and cost are given for the whole market.
    """

    optimised: tuple[Optimised, ...]
    volumes: tuple[float, ...]

    def to_frame(self) -> "pd.DataFrame":
        """One row per signal: cost, orders and gain over the budgets as they are (means over seeds), over the worlds.

        `better_off` is the share of worlds in which the mean gain is above zero, `worse_off` below.
        """
        import pandas as pd

        frames = [
            (found.to_frame().set_index("by"), volume)
            for found, volume in zip(self.optimised, self.volumes, strict=True)
        ]
        rows = []
        for by in frames[0][0].index:
            row: dict[str, object] = {"by": by}
            for name in ("cost", "orders", "gain"):
                row |= over_worlds(float(frame.loc[by, name]) * volume for frame, volume in frames).named(name)
            gains = np.array([float(frame.loc[by, "gain"]) for frame, _ in frames])
            rows.append(row | {"better_off": float(np.mean(gains > 0)), "worse_off": float(np.mean(gains < 0))})
        return pd.DataFrame(rows)

    def by_world(self) -> "pd.DataFrame":
        """The rows of each world, after the world's number, from 1 on; at the volume simulated."""
        import pandas as pd

        frames = [found.rows.assign(world=i) for i, found in enumerate(self.optimised, start=1)]
        return pd.concat(frames, ignore_index=True)

    def summary(self) -> str:
        """Per signal: who is better off in how many worlds, and by how much."""
        n = len(self.optimised)
        seeds = self.optimised[0].rows["seed"].nunique()
        lines = [
            f"{n} worlds that all show the same table, {seeds} {'seed' if seeds == 1 else 'seeds'} each; orders of the whole "
            "market."
        ]
        for row in self.to_frame().to_dict("records"):
            low, middle, high = row["gain_lowest"], row["gain"], row["gain_highest"]
            if row["by"] == AS_IT_IS:
                lines.append(
                    f"Budgets as they are bring {row['orders_lowest']:,.0f} to {row['orders_highest']:,.0f} orders."
                )
                continue
            better = round(row["better_off"] * n)
            lines.append(
                f"By {row['by']}: {low:+z,.0f} to {high:+z,.0f} orders (median {middle:+z,.0f}), more than as it is in "
                f"{better} of {n} worlds."
            )
        if seeds < 5:
            lines.append("Few seeds: part of what the worlds differ in is chance; --seeds lessens it.")
        if short := [told for found in self.optimised if (told := found.unequal_money())]:
            lines.append(f"{len(short)} of the {n} worlds say so: {short[0]}")
        return "\n".join(lines)


def ensemble_optimise(
    scenarios: Sequence[Scenario],
    by: Sequence[Signal | str] = ("last_click", "truth"),
    *,
    every: int = 14,
    seeds: Iterable[int] = range(1, 6),
    progress: Callable[[float], None] = lambda share: None,
) -> EnsembleOptimised:
    """Let budgets follow each signal in every world.

    Args:
        scenarios: of the worlds.
        by, every, seeds: as `optimise` takes them.
        progress: called with the share that is done.

    Raises:
        ScenarioError: what `optimise` refuses.
    """
    numbers = tuple(seeds)
    found = []
    for number, scenario in enumerate(scenarios):
        told = part_of(progress, number / len(scenarios), 1 / len(scenarios))
        found.append(optimise(scenario, by, every=every, seeds=numbers, progress=told))
    volumes = tuple(s.market.people / s.run.users for s in scenarios)
    return EnsembleOptimised(tuple(found), volumes)
