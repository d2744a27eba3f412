"""Speed of the record: time to record a world over the time to simulate it, and the memory that recording adds.

python -m benchmarks.record_speed [PEOPLE]
"""

import resource
import sys
import time
from dataclasses import replace

from simulator.record.record import record
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

PEOPLE = 1_000_000


def main(people: int = PEOPLE) -> None:
    """Simulate and record the default scenario, both on one core."""
    small = simulate(load_scenario("dtc-apparel", {"run.users": 2_000}))
    record(small)  # compiled code is not what is measured
    scenario = load_scenario("dtc-apparel", {"run.users": people})
    start = time.perf_counter()
    world = simulate(scenario)
    simulated = time.perf_counter() - start
    before = peak_megabytes()
    start = time.perf_counter()
    found = record(world)
    recorded = time.perf_counter() - start
    start = time.perf_counter()
    again = record(replace(world))
    repeated = time.perf_counter() - start
    print(
        f"{people:,} people, {scenario.run.days:g} days, {world.events.num_rows:,} events, {found.claims.num_rows:,} claims"
    )
    print(f"record / simulation: {recorded / simulated:.2f} (again: {repeated / simulated:.2f})")
    print(
        f"event log {world.events.nbytes / 2**20:,.0f} MB; peak memory + {peak_megabytes() - before:,.0f} MB while recording"
    )
    if not again.claims.equals(found.claims):
        raise SystemExit("two records of one world differ")


def peak_megabytes() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
