"""Diagnosis accuracy: how often the fault that was there is named, over simulated incidents in fresh worlds (counts)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cpalab.result import Result
from experiments.rollout.change_file import Plan, PlannedChange, apply
from experiments.rollout.diagnosis import NO_FAULT, expectations, judge, separations
from experiments.rollout.observed_file import observe
from experiments.rollout.reported_cpa import reported_cpas, spending
from simulator.engines.replacement import Kernels
from simulator.record.record import record
from simulator.scenario.faults import FAULTS
from simulator.scenario.schema import Scenario
from simulator.world import World, simulate

APART = 3.0


@dataclass(frozen=True)
class DiagnosisAccuracy(Result):
    """What was ranked first, for every fault that was there.

    Attributes:
        incidents: simulated per fault.
        ranked: per true fault (or `no fault`), how often each explanation came first.
        named: how often the true fault was among those named as alike.
        distance: per fault, standard deviations to what looks most like it; nearest: what that is.
    """

    incidents: int
    ranked: Mapping[str, Counter[str]]
    named: Mapping[str, int]
    distance: Mapping[str, float]
    nearest: Mapping[str, str]

    @property
    def distinct(self) -> list[str]:
        """Faults that lie at least three standard deviations from every other explanation."""
        return [fault for fault, apart in self.distance.items() if apart >= APART]

    @property
    def share_right(self) -> float:
        """Share of incidents, among faults that differ in signature, in which the true fault came first."""
        right = sum(self.ranked[fault][fault] for fault in self.distinct)
        return right / (self.incidents * len(self.distinct)) if self.distinct else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """One row per true fault."""
        return pd.DataFrame(
            {
                "fault": list(self.ranked),
                "nearest": [self.nearest.get(fault, "") for fault in self.ranked],
                "distance": [self.distance.get(fault, float("nan")) for fault in self.ranked],
                "first": [found[fault] for fault, found in self.ranked.items()],
                "named": [self.named[fault] for fault in self.ranked],
                "ranked first": [
                    ", ".join(f"{name} {count}" for name, count in found.most_common())
                    for found in self.ranked.values()
                ],
            }
        )

    def summary(self) -> str:
        """How often the true fault comes first."""
        total = self.incidents * len(self.distinct)
        return (
            f"Among the {len(self.distinct)} faults that lie {APART:g} standard deviations or more from every other "
            f"explanation, the true one came first in {self.share_right:.0%} of {total} incidents."
        )


def diagnosis_accuracy(
    scenario: Scenario, plan: Plan, seeds: Sequence[int], *, threads: int = 1, kernels: Kernels | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> DiagnosisAccuracy:  # fmt: skip
    """Let every fault, at its usual size, happen on top of a planned change, once per seed, and diagnose it.

    Each incident compares two periods with people and seeds of their own, neither of them that of the frozen world.
    `kernels` is the law with own steps; None: as the scenario says.
    """
    expected = expectations(simulate(scenario, threads=threads, kernels=kernels), plan)
    table = separations(expected).set_index("fault")
    ranked: dict[str, Counter[str]] = {name: Counter() for name in (*(fault.name for fault in FAULTS), NO_FAULT)}
    named: Counter[str] = Counter()
    for done, seed in enumerate(seeds):
        before, after = (_world(scenario, s, threads, kernels) for s in (2 * seed, 2 * seed + 1))
        spent = [spending(world, expected.keys) for world in (before, after)]
        today = reported_cpas(before, record(before), expected.keys, spent[0])
        for name, first in ranked.items():
            fault = [PlannedChange("fault", {f"tracking.faults.{name}": f.usual}) for f in FAULTS if f.name == name]
            changed = apply(after.scenario, [*plan.changes, *fault])
            incident = replace(after, scenario=changed)
            found = judge(expected, observe(today, reported_cpas(incident, record(incident), expected.keys, spent[1])))
            first[found.suspects[0].fault] += 1
            named[name] += name in {suspect.fault for suspect in found.look_alike}
        progress((done + 1) / len(seeds))
    distance = {str(fault): float(value) for fault, value in table["distance"].items()}
    nearest = {str(fault): str(value) for fault, value in table["nearest"].items()}
    return DiagnosisAccuracy(len(seeds), ranked, named, distance, nearest)


def _world(scenario: Scenario, seed: int, threads: int, kernels: Kernels | None) -> World:
    run = scenario.run.model_copy(update={"seed": seed})
    return simulate(scenario.model_copy(update={"run": run}), threads=threads, kernels=kernels)
