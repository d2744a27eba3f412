"""Time and memory from path strings to credits, beside other libraries, as ratios; and 100 million touches streamed.

    python -m benchmarks.attribution_speed [--paths 5000000] [--touches 20000000]

Every model has a process of its own, so that peak memory is its own; data are the same. Other libraries are used if they are
installed (`pip install -e .[peers]`); none is needed to use or test cpalab.
"""

import argparse
import contextlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.clock import fastest
from benchmarks.packages import installed

CHANNELS = (
    "affiliate", "direct", "display", "email", "organic search", "paid search", "referral", "retargeting", "social",
    "video",
)  # fmt: skip
WEIGHTS = np.array([0.05, 0.18, 0.12, 0.08, 0.20, 0.15, 0.04, 0.06, 0.08, 0.04])
TOUCHES_PER_PERSON, CONVERSION_RATE, DAYS = 5, 0.1, 90
REPEATS = 2
STREAMED_MODELS = ("last_click", "linear", "markov", "shapley")


def path_frame(paths: int, seed: int = 1) -> pd.DataFrame:
    """Paths of four touches in the mean (1 + Poisson(3)), a tenth of which convert, as ChannelAttribution takes them."""
    rng = np.random.default_rng(seed)
    offsets = np.append(0, np.cumsum(1 + rng.poisson(3, paths))).astype(np.int32)
    codes = rng.choice(len(CHANNELS), offsets[-1], p=WEIGHTS).astype(np.int8)
    names = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(CHANNELS)).cast(pa.string())
    converted = (rng.random(paths) < CONVERSION_RATE).astype(np.int64)
    return pd.DataFrame(
        {
            "path": pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), names), " > ").to_pandas(),
            "total_conversions": converted,
            "total_conversion_value": converted * rng.integers(1, 100, paths).astype(np.float64),
            "total_null": 1 - converted,
        }
    )


def write_log(folder: Path, touches: int, seed: int = 1) -> None:
    """A simulated log of so many touches of people with five each, sorted by person, in files of about 5 million rows."""
    rng = np.random.default_rng(seed)
    people_per_file = 1_000_000
    word = pa.dictionary(pa.int16(), pa.string())
    for part, first in enumerate(range(0, touches // TOUCHES_PER_PERSON, people_per_file)):
        people = min(people_per_file, touches // TOUCHES_PER_PERSON - first)
        user = np.repeat(np.arange(first, first + people, dtype=np.uint32), TOUCHES_PER_PERSON)
        day = rng.random(len(user)) * DAYS
        buyers = np.flatnonzero(rng.random(people) < CONVERSION_RATE).astype(np.uint32) + np.uint32(first)
        users, rows = np.append(user, buyers), len(user) + len(buyers)
        order = np.argsort(users, kind="stable")
        bought = np.arange(rows) >= len(user)
        channel = np.append(rng.choice(len(CHANNELS), len(user), p=WEIGHTS), np.zeros(len(buyers))).astype(np.int16)
        table = pa.table(
            {
                "user_id": pa.array(users[order]),
                "time": pa.array(np.append(day, np.full(len(buyers), float(DAYS)))[order]),
                "kind": pa.DictionaryArray.from_arrays(
                    pa.array(bought[order].astype(np.int16)), pa.array(["click", "conversion"])
                ),
                "channel": pa.DictionaryArray.from_arrays(pa.array(channel[order]), pa.array(CHANNELS)),
                "campaign": pa.nulls(rows, word),
                "order_id": pa.array(np.arange(rows), mask=~bought[order]),
                "cost_micros": pa.array(np.where(bought[order], 0, 100_000)),
                "value_micros": pa.array(np.where(bought[order], 50_000_000, 0)),
            }
        )
        pq.write_table(table, folder / f"part-{part:05d}.parquet", compression="zstd", compression_level=1)


def counted(frame: pd.DataFrame) -> Any:
    """The paths that cpalab reads from the frame."""
    from attribution import read_data
    from attribution.formats.records import CountedPaths

    data = read_data(frame)
    if not isinstance(data, CountedPaths):
        raise TypeError("the frame of path strings was not read as counted paths")
    return data.paths


def ours(model: str, **parameters: Any) -> Callable[[pd.DataFrame], Callable[[], Any]]:
    """From the frame of path strings to credits."""
    from attribution import load_model

    def prepare(frame: pd.DataFrame) -> Callable[[], Any]:
        def run() -> Any:
            paths = counted(frame)
            models = [load_model(name, **parameters) for name in model.split(" + ")]
            return [chosen.fit(paths).credit(paths) for chosen in models]

        return run

    return prepare


def ours_coded(model: str, **parameters: Any) -> Callable[[pd.DataFrame], Callable[[], Any]]:
    """From coded paths to credits."""
    from attribution import load_model

    def prepare(frame: pd.DataFrame) -> Callable[[], Any]:
        paths = counted(frame)
        chosen = load_model(model, **parameters)
        return lambda: chosen.fit(paths).credit(paths)

    return prepare


def channelattribution(order: int | None) -> Callable[[pd.DataFrame], Callable[[], Any]]:
    """ChannelAttribution with its defaults (one thread): three heuristics (no order), or Markov by simulated walks."""
    from ChannelAttribution import heuristic_models, markov_model

    def prepare(frame: pd.DataFrame) -> Callable[[], Any]:
        columns = ("path", "total_conversions")
        value = {"var_value": "total_conversion_value"}
        if order is None:
            return lambda: heuristic_models(frame, *columns, **value)
        return lambda: markov_model(frame, *columns, **value, var_null="total_null", order=order)

    return prepare


def shapley_attribution() -> Callable[[pd.DataFrame], Callable[[], Any]]:
    """shapley-attribution's three heuristics, which take lists of names."""
    from shapley_attribution.baselines import heuristic

    names = ("FirstTouchAttribution", "LastTouchAttribution", "LinearAttribution")

    def prepare(frame: pd.DataFrame) -> Callable[[], Any]:
        def run() -> Any:
            journeys = frame["path"].str.split(" > ").tolist()
            converted = frame["total_conversions"].to_numpy()
            models = [getattr(heuristic, name)(normalize=False) for name in names]
            return [model.fit(journeys, converted).get_attribution() for model in models]

        return run

    return prepare


def marketing_attribution_models(markov: bool) -> Callable[[pd.DataFrame], Callable[[], Any]]:
    """marketing-attribution-models (2.x, on polars): three heuristics, or Markov."""
    from mam import MAM

    def prepare(frame: pd.DataFrame) -> Callable[[], Any]:
        def run() -> Any:
            rows = pd.DataFrame({"path": frame["path"], "won": frame["total_conversions"] > 0, "count": 1})
            models = MAM(
                rows,
                format_type="grouped_journey",
                channels_colname="path",
                journey_with_conv_colname="won",
                occurrences_colname="count",
            )
            if markov:
                return models.run_markov().to_pandas()
            runs = models.run_first_click(), models.run_last_click(), models.run_linear()
            return [run.to_pandas() for run in runs]

        return run

    return prepare


HEURISTICS = "first_click + last_click + linear"
CHANNEL_ATTRIBUTION, SHAPLEY, MAM = "ChannelAttribution", "shapley-attribution", "marketing-attribution-models"
RUNS: dict[str, tuple[str, Callable[[], Callable[[pd.DataFrame], Callable[[], Any]]]]] = {
    f"{CHANNEL_ATTRIBUTION}: three heuristics": ("heuristics", lambda: channelattribution(None)),
    "cpalab: three heuristics": ("heuristics", lambda: ours(HEURISTICS)),
    f"{SHAPLEY}: three heuristics": ("heuristics", shapley_attribution),
    f"{MAM}: three heuristics": ("heuristics", lambda: marketing_attribution_models(markov=False)),
    f"{CHANNEL_ATTRIBUTION}: Markov 1": ("markov 1", lambda: channelattribution(1)),
    "cpalab: Markov 1": ("markov 1", lambda: ours("markov")),
    "cpalab: Markov 1, coded paths": ("markov 1", lambda: ours_coded("markov")),
    f"{MAM}: Markov 1": ("markov 1", lambda: marketing_attribution_models(markov=True)),
    f"{CHANNEL_ATTRIBUTION}: Markov 2": ("markov 2", lambda: channelattribution(2)),
    "cpalab: Markov 2": ("markov 2", lambda: ours("markov", order=2)),
    "cpalab: Markov 2, coded paths": ("markov 2", lambda: ours_coded("markov", order=2)),
}
PEERS = (CHANNEL_ATTRIBUTION, SHAPLEY, MAM)


def measure(name: str, paths: int) -> dict[str, float]:
    """CPU and wall seconds of the best of `REPEATS` runs (after one on little data, which compiles), and peak memory."""
    warm, frame = path_frame(1_000), path_frame(paths)
    with contextlib.redirect_stdout(io.StringIO()):
        prepare = RUNS[name][1]()
        prepare(warm)()
        run = prepare(frame)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, wall = fastest(run, REPEATS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"wall": wall, "cpu": cpu, "peak_gb": peak / 1e6, "frame_gb": before / 1e6}


def measure_stream(folder: str) -> dict[str, Any]:
    """Seconds from files to the credits of every model, and peak memory."""
    from attribution import load_model, model_names, stream_paths

    wall = time.perf_counter()
    paths = stream_paths(folder).paths
    read = time.perf_counter() - wall
    models = [name for name in STREAMED_MODELS if name in model_names()]
    for name in models:
        load_model(name).fit(paths).credit(paths)
    return {
        "read": read,
        "wall": time.perf_counter() - wall,
        "models": models,
        "distinct": len(paths),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def in_process(*arguments: str) -> Any:
    """The JSON that this module prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.attribution_speed", *arguments], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paths", type=int, default=5_000_000)
    parser.add_argument("--touches", type=int, default=20_000_000)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--stream", help=argparse.SUPPRESS)
    asked, _ = parser.parse_known_args()
    if asked.run:
        print(json.dumps(measure(asked.run, asked.paths)))
    elif asked.stream:
        print(json.dumps(measure_stream(asked.stream)))
    else:
        compare(asked.paths)
        stream(asked.touches)


def compare(paths: int) -> None:
    """Every library on the same frame; × is how many times faster than the first of its kind."""
    packages = ("cpalab", *PEERS, "numpy", "pandas", "pyarrow", "numba")
    print(", ".join(f"{name} {installed(name)}" for name in packages))
    print(f"{paths:,} paths, {len(CHANNELS)} channels, from a pandas frame of path strings (Arrow's) to credits")
    print(f"best of {REPEATS} runs; cpalab and ChannelAttribution use one thread")
    base: dict[str, dict[str, float]] = {}
    for name, (kind, _) in RUNS.items():
        try:
            found = in_process("--run", name, "--paths", str(paths))
        except subprocess.CalledProcessError as error:
            print(f"{name:48} does not run: {(error.stderr.strip() or 'ended by the system').splitlines()[-1][:100]}")
            continue
        first = base.setdefault(kind, found)
        print(
            f"{name:48} {found['cpu']:7.2f} s CPU × {first['cpu'] / found['cpu']:5.1f} {found['wall']:7.2f} s wall "
            f"× {first['wall'] / found['wall']:5.1f}   peak {found['peak_gb']:.2f} GB "
            f"(with the data: {found['frame_gb']:.2f} GB)"
        )


def stream(touches: int) -> None:
    """One pass over a log on disk."""
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), touches)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        found = in_process("--stream", folder)
    print(
        f"{touches:,} touches on disk ({size / 1e9:.2f} GB) → {found['distinct']:,} distinct paths → "
        f"{', '.join(found['models'])}: {found['wall']:.0f} s (reading {found['read']:.0f} s), peak {found['peak_gb']:.2f} GB"
    )


if __name__ == "__main__":
    main()
