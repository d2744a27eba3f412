"""Time from tables to paths and intervals, as a multiple of one pandas sort of the same touches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from attribution.bootstrap import bootstrap_credits
from attribution.model import load_model
from attribution.paths.build import build_paths
from benchmarks.clock import seconds

TOUCHES, CONVERSIONS, PEOPLE, DAYS = 3_000_000, 150_000, 1_000_000, 90
CHANNELS = ["affiliate", "direct", "display", "email", "search", "shopping", "social", "video"]
MODELS = ["first_click", "last_click", "last_non_direct", "linear", "markov"]
REPLICATES = 20


def tables(seed: int = 1) -> tuple[pa.Table, pa.Table]:
    """Return touches in order of time and conversions of random people at random times."""
    rng = np.random.default_rng(seed)
    channel = pa.array(rng.integers(0, len(CHANNELS), TOUCHES).astype(np.int8))
    touches = pa.table(
        {
            "user_id": rng.integers(0, PEOPLE, TOUCHES, dtype=np.uint32),
            "time": np.sort(rng.random(TOUCHES) * DAYS),
            "channel": pa.DictionaryArray.from_arrays(channel, CHANNELS),
        }
    )
    conversions = pa.table(
        {
            "user_id": rng.integers(0, PEOPLE, CONVERSIONS, dtype=np.uint32),
            "time": rng.random(CONVERSIONS) * DAYS,
            "order_id": np.arange(CONVERSIONS),
            "value_micros": rng.integers(1_000_000, 100_000_000, CONVERSIONS),
        }
    )
    return touches, conversions


def main() -> None:
    """Print the table."""
    touches, conversions = tables()
    frame = touches.to_pandas()
    text = touches.set_column(0, "user_id", touches["user_id"].cast(pa.string()))
    text_conversions = conversions.set_column(0, "user_id", conversions["user_id"].cast(pa.string()))
    paths = build_paths(touches, conversions)
    models = [load_model(name) for name in MODELS]
    runs: dict[str, Callable[[], Any]] = {
        "pandas: sort touches by user and time": lambda: frame.sort_values(["user_id", "time"]),
        "build_paths, users as numbers": lambda: build_paths(touches, conversions),
        "build_paths, users as text": lambda: build_paths(text, text_conversions),
        f"one bootstrap draw of {len(models)} models": lambda: bootstrap_credits(
            models, paths, seed=1, replicates=REPLICATES
        ),
    }
    print(f"{TOUCHES:,} touches, {CONVERSIONS:,} conversions, {PEOPLE:,} people, {len(paths):,} distinct paths")
    base = None
    for name, run in runs.items():
        took = seconds(run, repeats=3) / (REPLICATES if "bootstrap" in name else 1)
        base = base or took
        print(f"{name:40} {took:8.3f} s   × {took / base:.2f}")


if __name__ == "__main__":
    main()
