"""Storage: a world as files (Parquet and a manifest) in a folder, and read back.

DIR/manifest.json     scenario, seed, versions, row counts, checksums; its presence says the folder is finished
DIR/events/*.parquet  the event log, partitioned by blocks of users
DIR/users.parquet     one row per person
DIR/market.parquet    one row per tick and campaign
DIR/timeline.parquet  one row per change of the scenario
DIR/board.npz         what the market published, tick by tick: with it twins live again exactly as here
DIR/own_steps.json    which parts of the law were a researcher's own; only where some were
DIR/processes.json    which processes acted beside those that the scenario declares; only where some did
"""

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cpalab.refusal import Problem, ScenarioError
from cpalab.whole_output import MANIFEST, OutputError, durable
from simulator.engines.replacement import Kernels, kernels_of
from simulator.event_log import StoredEvents, people_in
from simulator.law.board import Board
from simulator.lives import PARTITION_USERS, Stage, live_partitions
from simulator.market.processes.registry import Acting, Given, find_process
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.clock import Clock
from simulator.scenario.rules.validation import validate
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions
from simulator.world import World

BOARD = "board.npz"
TABLES = ("users", "market", "timeline")
EVENTS_KEPT = "events_kept"  # in the manifest, where not all were
OWN_STEPS = "own_steps.json"
PROCESSES = "processes.json"


def write_world(world: World, folder: Path) -> None:
    """Write the tables of a world into an existing folder, without the manifest."""
    for name in TABLES:
        pq.write_table(getattr(world, name), folder / f"{name}.parquet", compression="zstd")
    if not (folder / "events").is_dir():
        _write_events(world, folder / "events")
    np.savez(folder / BOARD, allow_pickle=False, **world.board._asdict())
    if world.kernels.own:
        (folder / OWN_STEPS).write_text(json.dumps(dict(world.kernels.own), indent=2) + "\n", encoding="utf-8")
    if world.processes:
        found_by = {acting.author: acting.written for acting in world.processes}
        (folder / PROCESSES).write_text(json.dumps(found_by, indent=2) + "\n", encoding="utf-8")


def _write_events(world: World, folder: Path) -> None:
    """The log, partition by partition; files as they are where the world is a stored one."""
    folder.mkdir()
    log = vars(world)["events"]
    if isinstance(log, StoredEvents):
        for part in log.parts:
            shutil.copyfile(part, folder / part.name)
        return
    for number, first in enumerate(range(0, max(1, world.users.num_rows), PARTITION_USERS)):
        # In one piece: Parquet's bytes depend on where a column is cut, and each engine cuts its own way.
        block = people_in(world, first, first + PARTITION_USERS).combine_chunks()
        pq.write_table(block, folder / f"part-{number:05d}.parquet", compression="zstd", compression_level=1)


def write_manifest(
    folder: Path, scenario: Scenario | None, extra: Mapping[str, Any] | None = None, *, without: Collection[str] = ()
) -> None:
    """Write the manifest of everything in a folder: the last file, whose presence says that the others are complete.

    Args:
        folder: of the result.
        scenario: what was assumed; None where the result is of several, or of none.
        extra: further entries.
        without: names in the folder that are no part of the result.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in without:
            entry: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            if path.suffix == ".parquet":
                entry["rows"] = pq.read_metadata(path).num_rows
            files[path.relative_to(folder).as_posix()] = entry
    assumed = (
        {}
        if scenario is None
        else {
            "seed": scenario.run.seed,
            "clock": clock_entry(scenario),
            "scenario": scenario.model_dump(exclude_defaults=False),
        }
    )
    manifest = {**made_by(), **assumed, **(extra or {}), "files": files}
    with durable(folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def made_by() -> dict[str, Any]:
    """Versions of everything that a result depends on."""
    return {
        "cpalab": version("cpalab"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in ("numba", "numpy", "pyarrow", "simpy")},
    }


def clock_entry(scenario: Scenario) -> dict[str, float]:
    """When warm-up, reported window and follow-up begin and end, in days: all times of all tables are on this clock."""
    clock = Clock.of(scenario)
    return {
        "warm_up_from_day": clock.start,
        "reported_from_day": 0.0,
        "reported_until_day": clock.days,
        "followed_up_until_day": clock.end,
    }


def is_stored(folder: Path | str) -> bool:
    """Whether a folder holds a finished world."""
    return (Path(folder) / MANIFEST).is_file() and (Path(folder) / BOARD).is_file()


def read_world(
    folder: Path | str, *, verify: bool = False, kernels: Kernels | None = None,
    processes: Sequence[Given] | None = None,
) -> World:  # fmt: skip
    """A finished world read back, which every experiment takes as it takes a fresh one.

    Args:
        folder: what `cpalab simulate` or `cpalab run` has written.
        verify: compare every file with its checksum.
        kernels: the law with the own steps the world was made with; None: as the scenario says, or as they are found
            again by `module:function`.
        processes: those that acted in the world beside the scenario's own, in their order; None: as they are found again.
            One that is not found is refused only where it has to act again: what it changed stands on the timeline.

    Raises:
        OutputError: the folder is not a finished world, a file has changed, or its own steps are not found again.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from cpalab import load_scenario, read_world, simulate
        >>> from simulator.storage import write_manifest, write_world
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_world(world, Path(folder))
        ...     write_manifest(Path(folder), world.scenario)
        ...     again = read_world(folder, verify=True)
        ...     print(again.events.equals(world.events))  # read when it is asked for, so the folder must still be there
        True
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    if not (folder / BOARD).is_file():
        raise OutputError(f"{folder}: is a result of cpalab, and no world; cpalab simulate and cpalab run write worlds")
    parts = tuple(sorted((folder / "events").glob("part-*.parquet")))
    missing = [f"{name}.parquet" for name in TABLES if not (folder / f"{name}.parquet").is_file()]
    missing += [] if parts or manifest.get(EVENTS_KEPT) else ["events/"]
    if missing:
        raise OutputError(f"{folder}: lacks {', '.join(missing)}; simulate the world again")
    if verify:
        verified(folder)
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in TABLES}
    events = StoredEvents(parts)
    scenario = validate(manifest["scenario"])
    names = Names.of(scenario)
    law = build_law([stretch.scenario for stretch in versions(scenario)])
    kernels = _kernels_again(folder, scenario) if kernels is None else kernels
    with np.load(folder / BOARD, allow_pickle=False) as stored:
        board = Board(**{name: stored[name] if stored[name].ndim else stored[name].item() for name in stored.files})
    if manifest.get(EVENTS_KEPT):
        events = StoredEvents(partial(_lived_again, Stage(scenario, names, law, board, kernels)))
    return World(
        scenario=scenario,
        names=names,
        law=law,
        board=board,
        events=events,
        kernels=kernels,
        processes=_processes_again(folder, processes),
        **tables,
    )


def _lived_again(stage: Stage) -> tuple[tuple[Path, ...], tempfile.TemporaryDirectory[str]]:
    """The log of a world that was stored without it, lived again on its board into a folder that vanishes."""
    folder = tempfile.TemporaryDirectory(prefix="cpalab-")
    place = Path(folder.name)
    return live_partitions(stage, place / "events", place / "twins", threads=os.cpu_count() or 1), folder


def verified(folder: Path) -> dict[str, dict[str, Any]]:
    """The files of a finished result, by name: what its manifest says of each, and what is so.

    Raises:
        OutputError: the folder is no finished result; or every file that is missing, changed, or not of it.
    """
    manifest = _manifest(folder)
    problems = []
    for name, entry in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            problems.append(Problem(str(path), "is missing"))
        elif path.stat().st_size != entry["bytes"]:
            found, was = f"{path.stat().st_size:,} bytes", f"{entry['bytes']:,} bytes"
            problems.append(Problem(str(path), f"does not match its checksum: the manifest says {was}", found))
        elif _sha256(path) != entry["sha256"]:
            problems.append(Problem(str(path), "does not match its checksum"))
    found_files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(found_files - {MANIFEST, *manifest["files"]}):
        problems.append(Problem(str(folder / name), "is not in the manifest"))
    if problems:
        raise OutputError(*problems)
    files: dict[str, dict[str, Any]] = manifest["files"]
    return files


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise OutputError(f"{folder}: holds no {MANIFEST}, so it is not a finished result of cpalab")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if "cpalab" in manifest and all("sha256" in entry for entry in manifest["files"].values()):
            return manifest
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise OutputError(f"{path}: is not a manifest of cpalab")


def _kernels_again(folder: Path, scenario: Scenario) -> Kernels:
    """The law a stored world was made with: its own steps, found again by name."""
    stored = folder / OWN_STEPS
    places = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
    named = {**scenario.law.steps, **places}
    law = scenario.law.model_copy(update={"steps": named})
    try:
        return kernels_of(scenario.model_copy(update={"law": law}))
    except ScenarioError as error:
        steps = ", ".join(f"{name} = {place}" for name, place in named.items())
        raise OutputError(
            f"{folder}: was made with own steps of the law ({steps}), which are not found again "
            f"({'; '.join(map(str, error.problems))}); give them as read_world(…, kernels=replace_steps(…))"
        ) from None


def _processes_again(folder: Path, given: Sequence[Given] | None) -> tuple[Acting, ...]:
    """The processes that acted in a stored world beside the scenario's own, under the names they had."""
    stored = folder / PROCESSES
    places: dict[str, str] = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
    if given is not None and len(given) != len(places):
        raise OutputError(f"{folder}: has {len(places)} processes of its own ({', '.join(places)}), not {len(given)}")
    found = []
    for place, (author, written) in enumerate(places.items()):
        try:
            again = find_process(written if given is None else given[place])
            found.append(replace(again, author=author, written=written))
        except ScenarioError:
            if given is not None:
                raise
            found.append(Acting(author, partial(_not_found, folder, author), written))
    return tuple(found)


def _not_found(folder: Path, author: str, market: object) -> None:  # noqa: ARG001 - stands for a process
    rule = f"acted in the world of {folder} and is not found again"
    hint = "give it as read_world(…, processes=[…]), or hold the market's feedback"
    raise ScenarioError([Problem(f"processes.{author}", rule, hint=hint)])


def fingerprint(table: pa.Table) -> str:
    """SHA-256 of a table's content: column by column its name, its numbers or words, and which entries are empty.

    It does not depend on how the table is cut into chunks, on the order of dictionaries, or on any library's file format.
    """
    digest = hashlib.sha256()
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        digest.update(f"{name}:{len(column)}:".encode())
        digest.update(np.packbits(column.is_null().to_numpy(zero_copy_only=False)).tobytes())
        if pa.types.is_string(column.type):
            words = sorted(pc.unique(column.drop_null()).to_pylist())
            digest.update("\0".join(words).encode())
            positions = pc.index_in(column, pa.array(words, pa.string())).fill_null(-1)
            digest.update(positions.to_numpy().astype("<i4").tobytes())
        else:
            numbers = column.fill_null(0).to_numpy(zero_copy_only=False)
            digest.update(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
