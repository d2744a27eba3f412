"""A planned change in every world of an ensemble: the shift of CPA that all of them allow, as robust bands (factors)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cpalab.result import Result
from experiments.rollout.change_file import Plan
from experiments.rollout.contract import Contract, ContractRow, normal_quantile
from experiments.rollout.rollout import LEVEL, Rollout, roll_out
from simulator.scenario.schema import Scenario
from simulator.world import simulate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EnsembleRollout", "ensemble_rollout"]


@dataclass(frozen=True)
class EnsembleRollout(Result):
    """What to expect of a planned change, whichever of the worlds is the true one.

    Attributes:
        rollouts: one per world.
        rows: a band per channel, system and metric: expected is the geometric mean of the worlds, and what they differ in
            counts towards what is unknown about it.
    """

    rollouts: tuple[Rollout, ...]
    rows: tuple[ContractRow, ...]

    def contract(self) -> Contract:
        """The bands, as `cpalab check-rollout` reads them."""
        return replace(self.rollouts[0].contract(), rows=self.rows)

    def to_frame(self) -> "pd.DataFrame":
        """One row per channel and system: expected factor on CPA, lowest and highest of the worlds, robust band."""
        import pandas as pd

        rows = []
        for row in (row for row in self.rows if row.metric == "cpa"):
            factors = [f for r in self.rollouts if (f := r.shift(row.channel, row.system).multiplier) == f]
            ends = (min(factors), max(factors)) if factors else (math.nan, math.nan)
            rows.append((row.channel, row.system, row.expected, *ends, row.lower, row.upper))
        names = ["channel", "system", "multiplier", "lowest", "highest", "alert_lower", "alert_upper"]
        return pd.DataFrame(rows, columns=names)

    def summary(self) -> str:
        """How far the worlds agree."""
        told = [row for row in self.to_frame().to_dict("records") if row["lowest"] > 0]
        if not told:
            return f"In none of {len(self.rollouts)} worlds can a shift be told."
        widest = max(told, key=lambda row: row["highest"] / row["lowest"])
        return (
            f"{len(self.rollouts)} worlds that all show the same table agree to within a factor of "
            f"{widest['highest'] / widest['lowest']:.2f}; "
            f"least on {widest['channel']} · {widest['system']} ({widest['lowest']:.2f} to {widest['highest']:.2f})."
        )


def ensemble_rollout(
    scenarios: Sequence[Scenario],
    plan: Plan,
    *,
    people: int | None = None,
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> EnsembleRollout:
    """Roll a change out in every world.

    A robust band is that of a contract whose unknown variance is the worlds' mean plus the variance of ln expected among
    them.

    Args:
        scenarios: of the worlds.
        plan: what changes.
        people: size of the market; default: the people simulated.
        threads: of each simulation.
        progress: called with the share that is done.
    """
    found = []
    for number, scenario in enumerate(scenarios, start=1):
        world = simulate(scenario, threads=threads)
        found.append(roll_out(world, plan, verify=False, people=people, threads=threads))
        progress(number / len(scenarios))
    own = [{row.key: row for row in rollout.contract().rows} for rollout in found]
    return EnsembleRollout(
        tuple(found), tuple(_robust([rows[key] for rows in own if key in rows], len(own[0])) for key in own[0])
    )


def _robust(rows: Sequence[ContractRow], figures: int) -> ContractRow:
    """One band that holds for all of the worlds."""
    told = [row for row in rows if row.expected > 0 and math.isfinite(row.expected) and math.isfinite(row.unknown)]
    if len(told) < len(rows) or not told:
        return replace(rows[0], expected=math.nan, lower=math.nan, upper=math.nan)
    logs = np.log([row.expected for row in told])
    mean: dict[str, Any] = {
        name: float(np.mean([getattr(row, name) for row in told]))
        for name in ("unknown", "per_action_before", "per_action_after", "spending", "actions_before", "actions_after")
    }
    mean["unknown"] += float(np.var(logs, ddof=1)) if len(logs) > 1 else 0.0
    row = replace(told[0], expected=float(np.exp(logs.mean())), **mean)
    if not min(row.actions_before, row.actions_after) > 0:
        return replace(row, lower=math.nan, upper=math.nan)
    width = math.exp(
        normal_quantile(LEVEL, figures) * math.sqrt(sum(row.variance(row.actions_before, row.actions_after)))
    )
    return replace(row, lower=row.expected / width, upper=row.expected * width)
