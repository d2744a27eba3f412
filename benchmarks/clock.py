"""The median time of some runs, in seconds on the clock."""

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
