"""What a person costs in each part of the main job, what a round of shards costs, and 10⁸ people on 8 machines on paper.

python -m benchmarks.shards_speed [PEOPLE]

Parts are in microseconds of one core per person; a round is in milliseconds on the clock beyond what people take in it. The
sum at the end is arithmetic on the lines above it.
"""

import importlib.util
import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.clock import fastest
from experiments.comparison.comparison import compare
from experiments.truth.effects import ESTIMANDS, asked, changes_of, live_free, measure_truth, worlds_of
from experiments.truth.lived_twins import live_with_twins
from simulator.by_blocks import PERSON_BYTES, Memory, settle
from simulator.engines.checkpoints import WarmUp
from simulator.engines.mapped_people import bytes_per_person
from simulator.engines.replacement import DEFAULT_KERNELS
from simulator.event_log import rows_in
from simulator.market.market import no_change
from simulator.playing import Workroom, play
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario
from simulator.shards.cluster import cluster
from simulator.shards.on_dask import OnDask
from simulator.shards.shard import Order, published, recipes
from simulator.shards.workers import Threads, Workers

PRESET, DAYS = "dtc-apparel", 90.0
PEOPLE = 30_000
FEW = 200
MANY = 200_000  # of which two workers are compared with one
TARGET, MACHINES, CORES = 100_000_000, 8, 16
NETWORK_BYTES_PER_SECOND = 1e9  # assumed: ten gigabits, with what is lost on the way


def scenario_of(people: int, days: float = DAYS) -> Scenario:
    """The preset with so many people, for so long."""
    return load_scenario(PRESET, {"run.users": people, "run.days": days})


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of one call, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main_job(people: int) -> dict[str, float]:
    """Processor seconds of each part of the main job by blocks, on one core; and what it leaves."""
    scenario = scenario_of(people)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "market").mkdir()
        market, world = timed(lambda: settle(scenario, DEFAULT_KERNELS, Workroom(folder / "market")))
        questions, free = asked(world, ESTIMANDS)
        reacting = changes_of(questions, free, "free")
        warm_up = WarmUp()
        live_free(world, worlds_of(reacting[:1])[1:], warm_up)  # which lives the warm-up for all
        again = timed(lambda: live_free(world, worlds_of(reacting[:1])[1:], warm_up))[0]
        held = tuple(estimand for estimand in ESTIMANDS if estimand != "marginal_bid")
        lives, (events, lived) = timed(
            lambda: live_with_twins(world, folder, folder / "log", held, memory=Memory(1e12))
        )
        size = sum(path.stat().st_size for path in (folder / "log").iterdir())
        vars(world)["events"] = events
        rest, _ = timed(lambda: compare(world, truth=measure_truth(world, estimands=held, lived=lived)))
        return {
            "market": market, "reacting market": again, "lives": lives, "rest": rest, "rows": float(rows_in(world)),
            "log": float(size), "state": float(bytes_per_person(world.law, world.names)),
            "markets": float(len(reacting)), "ticks": float(len(world.board.starts) - 1),
            "reacting ticks": float(len(world.board.starts) - 1 - world.board.first_tick),
        }  # fmt: skip


def round_of(workers: Workers) -> float:
    """Seconds on the clock that a round takes beyond the lives of a few people, and beyond a market in this process."""
    scenario = scenario_of(FEW)

    def in_shards() -> Any:
        with tempfile.TemporaryDirectory() as place:
            return play(scenario, no_change(), kept="nothing", room=Workroom(Path(place), workers=workers))

    rounds: int = in_shards().engine.rounds
    alone = fastest(lambda: play(scenario, no_change(), kept="nothing"), 3)[1]
    return (fastest(in_shards, 3)[1] - alone) / rounds


def size_of_order() -> int:
    """Bytes of the order for one tick."""
    scenario = scenario_of(FEW)
    board = play(scenario, no_change(), kept="nothing").board
    (recipe,) = recipes("0" * 16, scenario, no_change(), FEW, 1, "nothing", (Path("/shared/result/market"),), False)
    return len(pickle.dumps(Order(recipe, 50, 50, 51, published(board, 50, 51))))


def gain_of_two_workers() -> tuple[float, float]:
    """A market on one Dask worker over that on two: on the clock, and in processor time of the busier worker."""
    scenario = scenario_of(MANY, 30.0)
    clocks, busiest = [], []
    for name in ("local:1", "local:2"):
        with cluster(name) as workers, tempfile.TemporaryDirectory() as place:
            assert isinstance(workers, OnDask)
            list(workers.run(abs, [1] * workers.size, homes=range(workers.size)))
            before, start = workers.client.run(time.process_time), time.perf_counter()
            play(scenario, no_change(), kept="nothing", room=Workroom(Path(place), workers=workers))
            clocks.append(time.perf_counter() - start)
            after = workers.client.run(time.process_time)
            busiest.append(max(after[address] - before[address] for address in before))
    return clocks[0] / clocks[1], busiest[0] / busiest[1]


def on_paper(parts: dict[str, float], fixed: float, people: int, a_round: float, order: int) -> None:
    """The arithmetic for 10⁸ people."""
    cores = MACHINES * CORES
    each = {name: parts[name] / people for name in ("market", "reacting market", "lives")}
    rest = max(0.0, parts["rest"] - fixed) / people
    markets = TARGET * (each["market"] + parts["markets"] * each["reacting market"]) / cores / 3600
    rounds = parts["ticks"] + parts["markets"] * parts["reacting ticks"]
    waiting = rounds * (a_round + cores * order / NETWORK_BYTES_PER_SECOND) / 3600
    lives = TARGET * each["lives"] / cores / 3600
    after = TARGET * rest / 3600
    print(f"\nOn paper: {TARGET:,} people × {DAYS:g} days on {MACHINES} machines of {CORES} cores, {cores} shards")
    for name, hours in (
        (f"markets: 1 + {parts['markets']:g} that react, on all cores", markets),
        (f"{rounds:,.0f} rounds, one per tick (budgets bind)", waiting),
        ("lives and twins, on all cores", lives),
        ("record, models, lift, report: one core of one machine", after),
        ("in all", markets + waiting + lives + after),
    ):
        print(f"{name:58}{hours:8.2f} hours")
    print(f"{'machine hours of the cluster':58}{MACHINES * (markets + waiting + lives):8.1f}")
    state = TARGET * parts["state"] / MACHINES / 1e9
    print(f"{'state of the people, per machine':58}{state:8.1f} GB")
    print(f"{'tables of everyone, on the machine that asks':58}{TARGET * PERSON_BYTES / 1e9:8.1f} GB")
    print(f"{'log, all events, on shared storage':58}{TARGET * parts['log'] / people / 1e12:8.2f} TB")


def main(people: int = PEOPLE) -> None:
    """Print the parts, then the sum."""
    main_job(2_000)  # compiled code and imports are not what is measured
    small, parts = main_job(people // 3), main_job(people)
    fixed = max(0.0, 1.5 * small["rest"] - 0.5 * parts["rest"])  # of a straight line through both
    print(f"\nParts of the main job, {PRESET} × {DAYS:g} days, {people:,} people, one core, µs per person")
    for name, seconds in (
        ("market", parts["market"]),
        ("one market that reacts, after the shared warm-up", parts["reacting market"]),
        ("lives, with the twins of all channels, to disk", parts["lives"]),
        (f"the rest (less {fixed:.1f} s whatever the people)", parts["rest"] - fixed),
    ):
        print(f"{name:58}{1e6 * seconds / people:8.1f}")
    print(f"{'state, bytes per person':58}{parts['state']:8,.0f}")
    print(f"{'log, bytes per person':58}{parts['log'] / people:8,.0f}")
    order = size_of_order()
    print(f"{'order of a round, bytes per shard':58}{order:8,}")

    print("\nA round, ms on the clock beyond its people")
    places: dict[str, AbstractContextManager[Workers]] = {
        "threads of this process": nullcontext(Threads(1)),
        "a process": cluster("processes:1"),
    }
    if importlib.util.find_spec("distributed") is not None:
        places["a Dask worker"] = cluster("local:1")
    a_round = 0.0
    for name, place in places.items():
        with place as workers:
            a_round = round_of(workers)
        print(f"{name:58}{1e3 * a_round:8.1f}")
    if importlib.util.find_spec("distributed") is not None:
        clock, busiest = gain_of_two_workers()
        print(f"{f'one Dask worker over two, market of {MANY:,}, clock':58}{clock:8.2f}")
        print(f"{'the same, processor time of the busier worker':58}{busiest:8.2f}")
    on_paper(parts, fixed, people, a_round, order)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
