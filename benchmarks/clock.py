"""Time of a run in seconds: the median on the clock, or the fastest on the clock and of the processor."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def seconds(run: Callable[[], Any], repeats: int) -> float:
    """Return the median time of some runs, after one that imports and compiles."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def fastest(run: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Return the least processor and wall seconds of some runs; whoever calls has warmed up."""
    taken = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        run()
        taken.append((time.process_time() - processor, time.perf_counter() - wall))
    processors, walls = zip(*taken, strict=True)
    return min(processors), min(walls)
