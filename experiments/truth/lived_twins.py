"""Twins of a world that is made by blocks: lived beside it in one pass and kept in files (orders, days, micros).

FOLDER/lives/held-00.orders.npy   the orders of a twin, sorted: order_id, time, value_micros
FOLDER/lives/held-00.parted.npy   when each person parts from the world that happened
FOLDER/lives/held-00.cost.npy     what each campaign's ads cost more; written last, so that all three are whole
FOLDER/lives/free-00.…            the same of a twin whose market reacts: its market was run again, from its own checkpoints
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cpalab.whole_output import durable
from experiments.truth.effects import Estimand, Feedback, TwinChange, asked, changes_of, live_free, worlds_of
from experiments.truth.order_labels import Life, Orders
from simulator.by_blocks import Memory, live
from simulator.engines.checkpoints import WarmUp
from simulator.event_log import StoredEvents
from simulator.playing import Workroom
from simulator.shards.workers import Workers
from simulator.world import World

Lived = dict[tuple[TwinChange, Feedback], Life]
ORDER = np.dtype([("order_id", "i8"), ("time", "f8"), ("value_micros", "i8")])


def live_with_twins(
    world: World, folder: Path, log: Path, estimands: Sequence[Estimand], *,
    memory: Memory, threads: int = 1, workers: Workers | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[StoredEvents, Lived]:  # fmt: skip
    """The log of a settled world and the lives of all twins that these estimands ask for; what is done already is kept.

    Args:
        world: from `simulator.by_blocks.settle`.
        folder: twins go to `lives`, what leads to them to `twins` and `market`.
        log: folder for the log.
        estimands: as in `measure_truth`.
        memory: bounds what markets that react may take.
        threads: how many blocks live at once.
        workers: over whom people are spread, instead of over threads.
        progress: told the share of the work that is done.
    """
    questions, free = asked(world, estimands)
    held, reacting = (changes_of(questions, free, feedback) for feedback in ("held", "free"))
    share = 1.0 / (1.0 + len(reacting))
    events = live(
        world, log, folder / "twins", worlds_of(held), threads=threads, workers=workers,
        progress=lambda done: progress(share * done),
    )  # fmt: skip
    kept = folder / "lives"
    kept.mkdir(exist_ok=True)
    lived: Lived = {}
    _sort_out(folder / "twins", kept, len(held))
    for w, change in enumerate(held):
        lived[change, "held"] = _read(kept, f"held-{w:02d}")
    mapped = memory.maps_people(world.scenario, 1 if workers is None else workers.processes)
    in_memory = memory.bytes is None and workers is None
    warm_up = WarmUp(None if in_memory else folder / "market" / "warm-up")
    for w, change in enumerate(reacting):
        name = f"free-{w:02d}"
        market = folder / "market" / name
        if not (kept / f"{name}.cost.npy").is_file():
            market.mkdir(parents=True, exist_ok=True)
            room = Workroom(market, mapped, workers=workers)
            life = live_free(world, worlds_of([change])[1:], warm_up, threads, room)
            _keep(kept, name, life.orders, life.parted, life.cost_change_micros)
        shutil.rmtree(market, ignore_errors=True)
        lived[change, "free"] = _read(kept, name)
        progress(share * (w + 2))
    return events, lived


def _sort_out(parts: Path, kept: Path, twins: int) -> None:
    """Each held twin's orders and partings of all partitions, in files of its own."""
    files = sorted(parts.glob("part-*.npz"))
    for w in range(twins):
        name = f"held-{w:02d}"
        if (kept / f"{name}.cost.npy").is_file():
            continue
        orders, parted, cost = [], [], []
        for path in files:
            with np.load(path, allow_pickle=False) as part:
                own = part["world"] == w + 1
                orders.append([part[field][own] for field in ("order_id", "time", "value_micros")])
                parted.append(part["parted"][w + 1])
                cost.append(part["cost_micros"][w + 1])
        order_id, time, value = (np.concatenate(column) for column in zip(*orders, strict=True))
        rising = np.argsort(order_id, kind="stable")
        _keep(
            kept, name, Orders(order_id[rising], time[rising], value[rising]), np.concatenate(parted),
            np.sum(cost, axis=0),
        )  # fmt: skip


def _keep(kept: Path, name: str, orders: Orders, parted: Any, cost: Any) -> None:
    rows = np.empty(len(orders.order_id), ORDER)
    for field in ORDER.names or ():
        rows[field] = getattr(orders, field)
    for what, array in (("orders", rows), ("parted", parted), ("cost", cost)):
        with durable(kept / f"{name}.{what}.npy") as path, path.open("wb") as file:
            np.save(file, array, allow_pickle=False)


def _read(kept: Path, name: str) -> Life:
    """A twin's life, whose larger arrays stay in their files until they are read."""
    rows = np.load(kept / f"{name}.orders.npy", mmap_mode="r", allow_pickle=False)
    parted = np.load(kept / f"{name}.parted.npy", mmap_mode="r", allow_pickle=False)
    cost = np.load(kept / f"{name}.cost.npy", allow_pickle=False)
    return Life(Orders(rows["order_id"], rows["time"], rows["value_micros"]), parted, cost)
