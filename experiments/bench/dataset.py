"""Frozen data sets: named worlds with what was seen of them and what was true, in three schemas, under one hash.

For each world: touches, conversions and costs as they happened and as web analytics recorded them, in our own tables, in the
columns of the Criteo data set and in ChannelAttribution's frame; who was held out of which channel's ads; and the truth, per
channel and per order. The hash is that of the contents, whatever libraries wrote them.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from cpalab import __version__
from cpalab.refusal import InvalidInputError, Problem, did_you_mean
from cpalab.result import Result
from experiments.bench.export import Tracking, export_world, records_of
from experiments.bench.variations import overrides_of
from experiments.truth.effects import measure_truth
from experiments.truth.order_table import order_table
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario
from simulator.storage import fingerprint
from simulator.world import World, simulate

__all__ = ["DATASETS", "Dataset", "DatasetWorld", "write_dataset"]

TRACKINGS: tuple[Tracking, ...] = ("perfect", "recorded")
SCHEMAS = ("criteo", "channelattribution")


@dataclass(frozen=True)
class DatasetWorld:
    """A world of a data set.

    Attributes:
        scenario: name of a preset.
        about: what it is there for.
        variation: an assumption changed (`experiments.bench.variations`).
        overrides: further changes of the scenario, by dotted path.
    """

    scenario: str
    about: str
    variation: str = "as it is"
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Scenario:
        """Its scenario."""
        base = load_scenario(self.scenario, dict(self.overrides))
        return load_scenario(self.scenario, {**self.overrides, **overrides_of(self.variation, base)})


def _small(**more: Any) -> dict[str, Any]:
    return {"run.users": 20_000, **more}


# A name is a promise: its worlds never change; others get another name.
DATASETS: Mapping[str, Mapping[str, DatasetWorld]] = {
    "v1": {
        "apparel": DatasetWorld("dtc-apparel", "a shop with eight channels", overrides=_small()),
        "apparel-direct-only": DatasetWorld(
            "dtc-apparel", "ads act directly only: good models approach the truth", "direct effect only", _small()
        ),
        "apparel-upstream-only": DatasetWorld(
            "dtc-apparel", "ads act through later searches and visits", "upstream effect only", _small()
        ),
        "apparel-targeted": DatasetWorld(
            "dtc-apparel", "delivery follows the propensity to buy", "strong targeting", _small()
        ),
        "placebo": DatasetWorld("placebo", "no ad has any effect: every incremental figure is 0", overrides=_small()),
        "leads": DatasetWorld("b2b-leads", "demo bookings that qualify and close later", overrides=_small()),
        "installs": DatasetWorld("app-install", "installs paid by the action, with fraud", overrides=_small()),
    }
}


@dataclass(frozen=True)
class Dataset(Result):
    """What was written.

    Attributes:
        name: of the data set.
        worlds: one row per world: `world, people, days, touches, conversions, recorded_conversions, caused, sha256`.
        sha256: of everything.
    """

    name: str
    worlds: pd.DataFrame
    sha256: str

    def to_frame(self) -> pd.DataFrame:
        """One row per world."""
        return self.worlds

    def summary(self) -> str:
        """How much there is, and its hash."""
        rows = self.worlds
        return (
            f"cpalab data set {self.name}: {len(rows)} worlds, {rows['touches'].sum():,} touches, "
            f"{rows['conversions'].sum():,} conversions. SHA-256 of the contents: {self.sha256}"
        )


def write_dataset(
    name: str,
    folder: Path,
    *,
    worlds: Mapping[str, DatasetWorld] | None = None,
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> Dataset:
    """Write a frozen data set; the same name gives the same hash on any machine of one platform, with any threads.

    Args:
        name: of the data set.
        folder: where it goes; exists.
        worlds: other worlds than those of the name, for trying out.
        threads: how many threads work.
        progress: called with the share of worlds that are done.

    Raises:
        InvalidInputError: there is no such data set.
    """
    if worlds is None and name not in DATASETS:
        raise InvalidInputError([Problem("NAME", "is no data set", repr(name), did_you_mean(name, DATASETS))])
    chosen = DATASETS[name] if worlds is None else worlds
    rows: list[dict[str, Any]] = []
    hashes: dict[str, str] = {}
    for done, (key, spec) in enumerate(chosen.items(), start=1):
        place = folder / key
        place.mkdir()
        counts, contents = _write_world(spec, place, threads)
        own = _hash_of(contents)
        hashes |= {f"{key}/{file}": digest for file, digest in contents.items()}
        rows.append({"world": key, **counts, "sha256": own})
        progress(done / len(chosen))
    found = Dataset(name, pd.DataFrame(rows), _hash_of(hashes))
    (folder / "CARD.md").write_text(_card(found, chosen), encoding="utf-8")
    listed = {"name": name, "cpalab": __version__, "sha256": found.sha256, "contents": hashes}
    (folder / "dataset.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return found


def _write_world(spec: DatasetWorld, folder: Path, threads: int) -> tuple[dict[str, Any], dict[str, str]]:
    """How much a world holds, and the hash of the contents of every file."""
    scenario = spec.load()
    world = simulate(scenario, threads=threads)
    truth = measure_truth(world, estimands=("average", "joint"), threads=threads)
    contents: dict[str, str] = {}

    def keep(name: str, table: pa.Table) -> None:
        path = folder / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path, compression="zstd")
        contents[f"{name}.parquet"] = fingerprint(_plain(table))

    counts = {"people": world.users.num_rows, "days": world.clock.days}
    for tracking in TRACKINGS:
        records = records_of(world, tracking)
        keep(f"{tracking}/touches", records.touches)
        keep(f"{tracking}/conversions", records.conversions)
        for schema in SCHEMAS:
            place = folder / tracking / schema
            for path in export_world(world, schema, place, tracking=tracking).files:
                file = _zipped(path)
                contents[file.relative_to(folder).as_posix()] = hashlib.sha256(
                    gzip.decompress(file.read_bytes())
                ).hexdigest()
        if tracking == "perfect":
            counts |= {"touches": len(records.touches), "conversions": truth.conversions}
            if records.costs is not None:
                keep("costs", records.costs)
        else:
            counts |= {"recorded_conversions": len(records.conversions)}
    keep("assignments", world.users.select(_columns_of_tests(world)))
    keep("truth_by_order", order_table(world, truth))
    frame = truth.to_frame()
    pacsv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), folder / "truth_by_channel.csv")
    text = scenario.model_dump_json(indent=2) + "\n"
    (folder / "scenario.json").write_text(text, encoding="utf-8")
    for name in ("truth_by_channel.csv", "scenario.json"):
        contents[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    joint = frame[frame["estimand"] == "joint"]["incremental_conversions"]
    return counts | {"caused": int(joint.sum())}, contents


def _columns_of_tests(world: World) -> list[str]:
    """Who each person is to the tests: the id, whether a robot, and whether held out of each channel's ads."""
    held = [name for name in world.users.column_names if name.startswith("holdout_")]
    return ["user_id", "robot", *held]


def _plain(table: pa.Table) -> pa.Table:
    """The table in types that a fingerprint knows: words as strings, yes and no as 1 and 0."""
    plain = {pa.large_string(): pa.string(), pa.bool_(): pa.int8()}
    return table.cast(pa.schema([field.with_type(plain.get(field.type, field.type)) for field in table.schema]))


def _zipped(path: Path) -> Path:
    """The file compressed, without the time in its head."""
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes(), compresslevel=6, mtime=0))
    path.unlink()
    return target


def _hash_of(contents: Mapping[str, str]) -> str:
    lines = "".join(f"{contents[name]}  {name}\n" for name in sorted(contents))
    return hashlib.sha256(lines.encode()).hexdigest()


CARD = """# cpalab data set {name}

Simulated worlds of people, ads and purchases whose truth is known, for judging attribution models and lift tests.

SHA-256 of the contents: `{sha256}`

## How it was made

`cpalab dataset {name} --out DIR`, cpalab {version}. Every world is a scenario (`scenario.json`, all assumptions and the seed)
run once, and again without each channel's ads, with the same people, needs and luck: what differs is what the ads caused.
Nothing in it comes from real people.

{table}

## What each world holds

| file | rows |
|---|---|
| `perfect/touches.parquet` | every click, view and visit, by person; people who never convert too |
| `perfect/conversions.parquet` | every action, and whether it was qualified, closed or refunded |
| `recorded/touches.parquet`, `recorded/conversions.parquet` | what web analytics recorded of them, by visitor |
| `costs.parquet` | what was paid, per channel and time, in micros (1,000,000 are one unit of currency) |
| `TRACKING/criteo/` | the same touches in the columns of the Criteo attribution data set |
| `TRACKING/channelattribution/` | the same as counted paths, as the package ChannelAttribution takes them |
| `assignments.parquet` | the randomised tests: who is held out of which channel's ads (`holdout_CHANNEL`), who is a robot |
| `truth_by_channel.csv` | cost, incremental conversions and what one of them cost, of each channel and of all |
| `truth_by_order.parquet` | every order and channel: `always`, `moved`, `caused`; `prevented` without its ads only |

Times are days; day 0 begins the counted window, negative times are the warm-up before it. Orders count in the truth until the
ads' effect has faded (`run.follow_up_days` in `scenario.json`). Incremental conversions are caused less prevented orders.

## What it must not be used for

- Not for what a channel costs or brings in any real market: the values are assumptions, marked as such in the scenarios.
- Not for ranking vendors or platforms: channels are kinds of ads, not companies.
- Not as a test set for a model that was tuned on its truth; keep worlds apart, or simulate others (`cpalab simulate`).
- A difference between two models in one world may be luck: `cpalab leaderboard` has intervals over seeds.
"""


def _card(found: Dataset, worlds: Mapping[str, DatasetWorld]) -> str:
    head = "| world | scenario | people | days | conversions | caused by ads | about |\n|---|---|---|---|---|---|---|\n"
    lines = [
        f"| {row['world']} | {spec.scenario}, {spec.variation} | {row['people']:,} | {row['days']:g} | "
        f"{row['conversions']:,} | {row['caused']:,} | {spec.about} |"
        for row, spec in zip(found.worlds.to_dict("records"), worlds.values(), strict=True)
    ]
    return CARD.format(name=found.name, sha256=found.sha256, version=__version__, table=head + "\n".join(lines))
