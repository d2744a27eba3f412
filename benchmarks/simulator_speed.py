"""Sessions per second of the engines, as multiples of a plain SimPy market and of the limit; cost of the truth and of size.

Every line is measured in a process of its own, so that its peak memory is its own. Speeds on one core are per second of
processor time, which other work on the machine hardly disturbs; the gain from more cores is in time on the clock.
"""

import itertools
import os
import resource
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numba
import numpy as np
import simpy

from benchmarks.plain_simpy import PlainMarket
from experiments.truth.effects import measure_truth
from simulator.draws import SESSION, exponential, normal, uniforms
from simulator.law.log import CLICK, CONVERSION, IMPRESSION, VISIT
from simulator.market.market import no_change
from simulator.playing import EngineName, Played, play, thread_map
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario
from simulator.world import simulate

PRESET = "dtc-apparel"
PEOPLE = 50_000
FEW_PEOPLE = 10_000
DAYS = 30.0
MANY_PEOPLE = 200_000
SIZES = (10_000, 100_000, 1_000_000, 2_000_000)
REPEATS = 3


@dataclass(frozen=True)
class Draws:
    """What a run cannot do without: blocks of four draws, logarithms, normal quantiles, exponentials."""

    blocks: int
    logarithms: int
    normals: int
    exponentials: int


@dataclass(frozen=True)
class Measurement:
    """What one piece of work took: processor and clock time in seconds, what it did, and the process's peak memory in MB."""

    cpu_seconds: float
    clock_seconds: float
    people: int
    sessions: int
    draws: "Draws | None" = None
    peak_mb: float = 0.0

    @property
    def sessions_per_second(self) -> float:
        """Sessions per second of processor time."""
        return self.sessions / self.cpu_seconds


def scenario_of(people: int) -> Scenario:
    """The preset with so many people."""
    return load_scenario(PRESET, {"run.users": people})


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Processor and clock time of one call, and its result."""
    clock, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.process_time() - cpu, time.perf_counter() - clock, result


def best(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, float, Any]:
    """The least processor time and the least clock time of some calls."""
    runs = [timed(work) for _ in range(repeats)]
    return min(run[0] for run in runs), min(run[1] for run in runs), runs[-1][2]


def engine(people: int, name: EngineName, threads: int) -> Measurement:
    """A market played through: population, sessions, market; the log in memory."""
    play(scenario_of(100), no_change(), engine=name)  # reads or makes the compiled code
    scenario = scenario_of(people)

    def work() -> Any:
        with thread_map(threads) as map_:
            return play(scenario, no_change(), engine=name, map_=map_)

    cpu, clock, played = best(work)
    draws = draws_of(played, scenario)
    return Measurement(
        cpu, clock, people, int(played.engine.population.itineraries["session"].sum(dtype=np.int64)), draws
    )


def draws_of(played: Played, scenario: Scenario) -> Draws:
    """What the people and their sessions asked for.

    A person: four blocks for traits, habits and the first session, one per surface and test that only some have; three
    log-normals. A session: two blocks, a logarithm, a quantile, and an exponential for every goodwill that fades. An
    impression or a click that is paid for: an exponential. A visit: a block. An order: three blocks, a log-normal, and
    a logarithm.
    """
    population = played.engine.population
    people, sessions = len(population.people), population.itineraries["session"].astype(np.int64)
    shares = [surface.reach_share for surface in scenario.surfaces.values()]
    shares += [channel.holdout.share for channel in scenario.channels.values() if channel.campaigns]
    partial = sum(0.0 < share < 1.0 for share in shares)
    rows = np.concatenate(list(played.engine.take_rows()))
    visits, orders = np.sum(rows["kind"] == VISIT), np.sum(rows["kind"] == CONVERSION)
    priced = np.sum((rows["cost_micros"] > 0) & ((rows["kind"] == IMPRESSION) | (rows["kind"] == CLICK)))
    fading = np.sum(np.count_nonzero(population.goodwill, axis=1) * sessions)
    total = int(sessions.sum())
    return Draws(
        blocks=2 * total + (4 + partial) * people + int(visits + 3 * orders),
        logarithms=total + people + int(orders),
        normals=total + 3 * people + int(orders),
        exponentials=int(fading + priced + orders) + 3 * people,
    )


def plain(people: int) -> Measurement:
    """The market one would write in an afternoon."""
    market = PlainMarket(scenario_of(people), people, seed=1)
    cpu, clock, _ = timed(market.run)
    return Measurement(cpu, clock, people, market.sessions)


def waiting(people: int) -> Measurement:
    """What SimPy alone takes: as many processes that only wait for their next session, as often as people come."""
    itineraries = play(scenario_of(people), no_change()).engine.population.itineraries
    sessions = int(itineraries["session"].astype(np.int64).sum())
    gap_days = DAYS * people / sessions

    def wait(environment: simpy.Environment, gaps: Iterator[float]) -> Generator[simpy.Event, None, None]:
        while environment.now < DAYS:
            yield environment.timeout(next(gaps))

    environment = simpy.Environment()
    gaps = itertools.cycle(np.random.default_rng(1).exponential(gap_days, 1_000_003).tolist())
    for _ in range(people):
        environment.process(wait(environment, gaps))
    cpu, clock, _ = timed(environment.run)
    return Measurement(cpu, clock, people, sessions)


@numba.njit(error_model="numpy")
def draws_and_functions(blocks: int, logarithms: int, normals: int, exponentials: int) -> float:
    """So many of each, and nothing else."""
    total = 0.0
    for i in range(blocks):
        first, second, third, fourth = uniforms(1, i, 0, SESSION, 0)
        total += first + second + third + fourth
        if i < logarithms:
            total += exponential(first)
        if i < normals:
            total += normal(second)
    for i in range(exponentials):
        total += np.exp(-0.01 * (i & 1023))
    return total


def limit(people: int, sessions: int, draws: Draws) -> Measurement:
    """The draws, logarithms, exponentials and quantiles of so many sessions alone."""
    draws_and_functions(10, 10, 10, 10)
    cpu, clock, _ = best(lambda: draws_and_functions(draws.blocks, draws.logarithms, draws.normals, draws.exponentials))
    return Measurement(cpu, clock, people, sessions)


def logged_run(people: int, warm_up_days: int | None = None, follow_up_days: int | None = None) -> Measurement:
    """A world with all its tables, with so many days before and after its own month (None: the preset's)."""
    simulate(scenario_of(100))
    around = {"run.warm_up_days": warm_up_days, "run.follow_up_days": follow_up_days}
    given = {path: days for path, days in around.items() if days is not None}
    scenario = load_scenario(PRESET, {"run.users": people} | given)
    cpu, clock, _ = best(lambda: simulate(scenario), 1 if people > MANY_PEOPLE else REPEATS)
    return Measurement(cpu, clock, people, 0)


def truth(people: int) -> Measurement:
    """Every channel off, one by one and together, in one pass."""
    measure_truth(simulate(scenario_of(100)))
    world = simulate(scenario_of(people))
    cpu, clock, _ = best(lambda: measure_truth(world))
    return Measurement(cpu, clock, people, 0)


def _with_peak(work: Callable[..., Measurement], arguments: tuple[Any, ...]) -> Measurement:
    found = work(*arguments)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return Measurement(**{**vars(found), "peak_mb": peak_mb})


def measure(work: Callable[..., Measurement], *arguments: Any) -> Measurement:
    """A measurement in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_with_peak, work, arguments).result()


def main() -> None:
    """Print the tables."""
    cores = len(os.sched_getaffinity(0))
    cohort = measure(engine, PEOPLE, "cohort", 1)
    agents = measure(engine, PEOPLE, "agents", 1)
    few_agents = measure(engine, FEW_PEOPLE, "agents", 1)
    idle = measure(waiting, PEOPLE)
    slow = measure(plain, PEOPLE)
    bound = measure(limit, PEOPLE, cohort.sessions, cohort.draws)
    print(f"\nEngines on {PRESET}, {PEOPLE:,} people, {cohort.sessions:,} sessions, one core")
    print(f"{'':34}{'sessions/s':>13}{'× plain':>10}{'× limit':>10}{'peak MB':>10}")
    lines = {
        "plain SimPy, a process per person": slow,
        "agents": agents,
        f"agents, {FEW_PEOPLE:,} people": few_agents,
        "SimPy processes that only wait": idle,
        "cohort": cohort,
        "draws and functions alone (limit)": bound,
    }
    for name, found in lines.items():
        speed = found.sessions_per_second
        times_plain, times_limit = speed / slow.sessions_per_second, bound.sessions_per_second / speed
        print(f"{name:34}{speed:13,.0f}{times_plain:10.1f}{times_limit:10.2f}{found.peak_mb:10,.0f}")

    one, all_cores = measure(engine, MANY_PEOPLE, "cohort", 1), measure(engine, MANY_PEOPLE, "cohort", cores)
    run, twins = measure(logged_run, MANY_PEOPLE), measure(truth, MANY_PEOPLE)
    print(f"\nRatios at {MANY_PEOPLE:,} people")
    print(f"cohort on {cores} cores over one core (clock):{one.clock_seconds / all_cores.clock_seconds:10.2f}")
    print(f"truth of all channels over one logged run:{twins.cpu_seconds / run.cpu_seconds:10.2f}")
    print(f"peak memory of the truth over that of a run:{twins.peak_mb / run.peak_mb:8.2f}")

    month, around = measure(logged_run, MANY_PEOPLE, 0, 0), measure(logged_run, MANY_PEOPLE, 45, 30)
    print(f"45 + 30 days around a month over the month alone:{around.cpu_seconds / month.cpu_seconds:5.2f}")

    print("\nCost of a person in a logged run")
    print(f"{'people':>12}{'µs/person':>12}{'× 100,000':>12}{'peak MB':>10}{'bytes/person':>14}")
    sizes = {people: measure(logged_run, people) for people in SIZES}
    reference = sizes[100_000].cpu_seconds / 100_000
    floor = sizes[SIZES[0]].peak_mb
    for people, found in sizes.items():
        cost = found.cpu_seconds / people
        per_person = (found.peak_mb - floor) * 1024.0**2 / (people - SIZES[0]) if people > SIZES[0] else float("nan")
        print(f"{people:12,}{1e6 * cost:12.2f}{cost / reference:12.2f}{found.peak_mb:10,.0f}{per_person:14,.0f}")


if __name__ == "__main__":
    main()
