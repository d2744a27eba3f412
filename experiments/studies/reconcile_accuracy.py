"""Reconcile accuracy: how often normal or bug is rightly said of simulated figures (counts), beside the thumb rule."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cpalab.result import Result
from experiments.own_market.gap_causes import BUGS
from experiments.own_market.reconcile import BEFORE_LOOKING, ClaimedFigures, reconcile
from simulator.record.record import Record, record
from simulator.scenario.faults import find_fault
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

THUMB = 0.20  # over 20 % between platform and analytics "one system is wrong"
HEALTHY = "none"
FEWEST_ORDERS = 20


@dataclass(frozen=True)
class Case:
    """One market's figures under a fault at its usual size, or none.

    Attributes:
        market, fault: which.
        figures: per channel.
        days: length of the period.
    """

    market: str
    fault: str
    figures: tuple[ClaimedFigures, ...]
    days: float


@dataclass(frozen=True)
class ReconcileAccuracy(Result):
    """What was said of each case.

    Attributes:
        rows: market, fault, channel (or `table`), bug (probability that was said), thumb (what the thumb rule says).
    """

    rows: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """One row per case and channel."""
        return self.rows

    def share_wrong(self, *, rule: str = "bug") -> float:
        """Share of judgements that are wrong where as many markets are broken as `reconcile` supposes (one in five).

        Args:
            rule: `bug`, or `thumb` for the thumb rule.
        """
        healthy = self.rows["fault"] == HEALTHY
        wrong = (self.rows[rule] > 0.5) == healthy
        return (1 - BEFORE_LOOKING) * float(wrong[healthy].mean()) + BEFORE_LOOKING * float(wrong[~healthy].mean())

    def false_alarms(self, rule: str = "bug") -> float:
        """Share of healthy markets in which a bug is said to be likelier than not."""
        return float((self.rows.loc[self.rows["fault"] == HEALTHY, rule] > 0.5).mean())

    def summary(self) -> str:
        """Shares wrong, beside the thumb rule's."""
        return (
            f"With one market in {1 / BEFORE_LOOKING:.0f} broken, normal or bug is wrong in {self.share_wrong():.0%} of "
            f"cases and the thumb rule (over {THUMB:.0%} between platform and analytics is a bug) in "
            f"{self.share_wrong(rule='thumb'):.0%}; healthy markets are called broken in {self.false_alarms():.0%} and "
            f"{self.false_alarms('thumb'):.0%}."
        )


def simulated_cases(
    presets: Sequence[str], *, users: int | None = None, seed: int = 1, threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Case]:  # fmt: skip
    """Figures of every preset, healthy and under each bug of the library at its usual size."""
    cases = []
    for number, preset in enumerate(presets):
        world = simulate(
            load_scenario(preset, {"run.seed": seed} | ({} if users is None else {"run.users": users})), threads=threads
        )
        days = world.scenario.run.days
        # A platform that counts qualified leads does not count the same action as analytics.
        rules = {c: p for p in world.scenario.tracking.platforms.values() for c in p.channels}
        channels = [
            name
            for name in world.scenario.paid_channels()
            if rules.get(name, world.scenario.tracking.platform).offline_import == "none"
        ]
        for fault in (HEALTHY, *BUGS):
            tracking = world.scenario.tracking
            known = find_fault(fault)
            if known is not None:
                tracking = tracking.model_copy(update={"faults": {fault: known.usual}})
            try:
                changed = load_scenario(world.scenario.model_dump() | {"tracking": tracking.model_dump()})
                found = record(world.with_scenario(changed))
            except ValueError:
                continue  # a fault that this market cannot have
            cases.append(Case(preset, fault, _figures(found, channels), days))
        progress((number + 1) / len(presets))
    return cases


def _figures(found: Record, channels: Sequence[str]) -> tuple[ClaimedFigures, ...]:
    counts = {system: found.conversions(system) for system in ("platform", "analytics", "crm")}
    claims = found.claims.select(["system", "channel", "view_through", "conversions", "modelled"]).to_pandas()
    claims = claims[claims["system"].astype(str) == "platform"]
    claims["all"] = claims["conversions"] + claims["modelled"]
    by_view = claims[claims["view_through"]].groupby(claims["channel"].astype(str))["all"].sum()
    rows = []
    for channel in channels:
        three = {system: counts[system].get(channel, 0.0) for system in counts}
        if min(three["crm"], three["platform"]) < FEWEST_ORDERS:
            continue
        view = float(by_view.get(channel, 0.0)) / three["platform"]
        rows.append(ClaimedFigures(channel, **three, rates={"view": view}))
    return tuple(rows)


def reconcile_accuracy(cases: Sequence[Case], *, tables: bool, views_known: bool = True) -> ReconcileAccuracy:
    """Judge every case: each channel by its three numbers alone, or the whole table at once.

    Args:
        cases: from `simulated_cases`.
        tables: whether a case's channels are judged together.
        views_known: whether the platforms' share of views is given, as their reports show it.
    """
    rows = []
    for case in cases:
        figures = [f if views_known else replace(f, rates={}) for f in case.figures]
        known = {"read_after_days": 30.0}
        for group in [figures] if tables else [[f] for f in figures]:
            if not group:
                continue
            found = reconcile(group, days=case.days, rates=known)
            if not math.isfinite(found.bug):
                continue
            thumb = max(abs(f.platform / f.analytics - 1) if f.analytics > 0 else math.inf for f in group) > THUMB
            channel = "table" if tables else group[0].channel
            rows.append((case.market, case.fault, channel, found.bug, float(thumb), found.verdicts[0].likeliest))
    return ReconcileAccuracy(pd.DataFrame(rows, columns=["market", "fault", "channel", "bug", "thumb", "likeliest"]))
