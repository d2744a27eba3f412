"""Range coverage: how often the range that a channel table leaves open holds its market's truth (shares)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from cpalab.result import Result
from experiments.own_market.channel_table import ChannelRow, MarketTable
from experiments.own_market.ensemble import caused_ranges
from experiments.own_market.kinds import kind_of
from experiments.truth.effects import measure_truth
from simulator.record.record import record
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

FEWEST_ORDERS = 10


@dataclass(frozen=True)
class RangeCoverage(Result):
    """What was supposed and what was true.

    Attributes:
        rows: market, seed, channel, kind, lower, upper, truth (incremental orders), held.
    """

    rows: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """One row per market, seed and channel."""
        return self.rows

    def share_held(self) -> float:
        """Share of truths within their 90 % range."""
        return float(self.rows["held"].mean())

    def summary(self) -> str:
        """How many, and which kinds are missed most."""
        by_kind = self.rows.groupby("kind")["held"].agg(["sum", "count"])
        kinds = ", ".join(f"{kind} {row['sum']} of {row['count']}" for kind, row in by_kind.iterrows())
        return f"90 % ranges hold {self.share_held():.0%} of {len(self.rows)} truths ({kinds})."


def range_coverage(
    presets: Sequence[str], seeds: Sequence[int], *, users: int | None = None, threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> RangeCoverage:  # fmt: skip
    """The table of every simulated market as its team would have it, the ranges from it, and its truth.

    Args:
        presets: scenarios.
        seeds: each market is lived once per seed.
        users: people; None: the presets' own.
        threads: of each simulation.
        progress: called with the share that is done.
    """
    rows = []
    runs = [(preset, seed) for preset in presets for seed in seeds]
    for done, (preset, seed) in enumerate(runs, start=1):
        world = simulate(
            load_scenario(preset, {"run.seed": seed} | ({} if users is None else {"run.users": users})), threads=threads
        )
        seen, shown = record(world), {row["channel"]: row for row in world.to_frame().to_dict("records")}
        counts = {system: seen.conversions(system) for system in ("platform", "analytics", "crm")}
        names = [n for n in world.scenario.paid_channels() if counts["crm"].get(n, 0.0) >= FEWEST_ORDERS]
        table = MarketTable(
            tuple(
                ChannelRow(
                    name, name, kind_of(name), float(shown[name]["cost"]), float(shown[name]["impressions"]),
                    float(shown[name]["clicks"]), *(counts[s].get(name, 0.0) for s in ("platform", "analytics", "crm")),
                )
                for name in names
            ),
            float(world.orders().num_rows), 100.0, "USD", world.scenario.run.days,
        )  # fmt: skip
        truth = measure_truth(world, estimands=("average",), threads=threads)
        for found in caused_ranges(table):
            caused = truth.effect(found.name).incremental_conversions
            held = found.lower <= caused <= found.upper
            rows.append((preset, seed, found.name, kind_of(found.name), found.lower, found.upper, caused, held))
        progress(done / len(runs))
    names = ["market", "seed", "channel", "kind", "lower", "upper", "truth", "held"]
    return RangeCoverage(pd.DataFrame(rows, columns=names))
