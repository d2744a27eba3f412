"""The CPAs of an ensemble: what systems claim and what ads cause in every world that fits, as ranges (orders, currency)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cpalab.micros import MICROS
from cpalab.result import Result
from experiments.own_market.answers.over_worlds import Over, over_worlds
from experiments.truth.effects import measure_truth
from simulator.record.record import record
from simulator.scenario.schema import Scenario
from simulator.world import simulate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EnsembleTruth", "WorldsChannel", "ensemble_truth"]

SYSTEMS = ("platform", "analytics", "crm")


@dataclass(frozen=True)
class WorldsChannel:
    """One channel in every world, at the volume of the whole market: a number per world each.

    Attributes:
        channel: its name; cost: in currency; caused: incremental orders.
        platform, analytics, crm: actions that each system gives it.
    """

    channel: str
    cost: tuple[float, ...]
    caused: tuple[float, ...]
    platform: tuple[float, ...]
    analytics: tuple[float, ...]
    crm: tuple[float, ...]

    def prices(self, counts: Sequence[float]) -> Over:
        """Cost per action over the worlds; nothing counted: unbounded."""
        return over_worlds(c / n if n > 0 else math.inf for c, n in zip(self.cost, counts, strict=True))


@dataclass(frozen=True)
class EnsembleTruth(Result):
    """What is claimed and what is caused in each of `worlds` worlds."""

    worlds: int
    channels: tuple[WorldsChannel, ...]

    def to_frame(self) -> "pd.DataFrame":
        """One row per channel: medians of cost and of each system's CPA, and lowest, median, highest of what is caused."""
        import pandas as pd

        rows = []
        for channel in self.channels:
            row: dict[str, object] = {"channel": channel.channel, "cost": over_worlds(channel.cost).median}
            row |= {f"{system}_cpa": channel.prices(getattr(channel, system)).median for system in SYSTEMS}
            row |= over_worlds(channel.caused).named("incremental_orders")
            rows.append(row | channel.prices(channel.caused).named("cost_per_incremental_order"))
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """What the ranges mean."""
        return (
            f"{self.worlds} worlds that all show the same table; each of these truths is consistent with it. A lift test "
            "narrows a channel's range."
        )


def ensemble_truth(
    scenarios: Sequence[Scenario], *, threads: int = 1, progress: Callable[[float], None] = lambda share: None
) -> EnsembleTruth:
    """Live every world of an ensemble, record it, and live it again without each channel.

    Args:
        scenarios: of its worlds.
        threads: of each simulation.
        progress: called with the share that is done.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for number, scenario in enumerate(scenarios, start=1):
        world = simulate(scenario, threads=threads)
        volume = scenario.market.people / scenario.run.users
        seen = record(world)
        counts = {system: seen.conversions(system) for system in SYSTEMS}
        for effect in measure_truth(world, estimands=("average",), threads=threads).effects:
            own = found.setdefault(effect.channel, {name: [] for name in ("cost", "caused", *SYSTEMS)})
            own["cost"].append(effect.cost_micros / MICROS * volume)
            own["caused"].append(effect.incremental_conversions * volume)
            for system in SYSTEMS:
                own[system].append(counts[system].get(effect.channel, 0.0) * volume)
        progress(number / len(scenarios))
    channels = tuple(WorldsChannel(name, **{k: tuple(v) for k, v in own.items()}) for name, own in found.items())
    return EnsembleTruth(len(scenarios), channels)
