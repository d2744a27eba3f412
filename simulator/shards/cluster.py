"""Clusters by name: `local:4`, `processes:4`, `tcp://host:8786` or a Dask scheduler's file, as workers."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from cpalab.refusal import Problem
from simulator.shards.workers import Processes, WorkerError, Workers

NAMED = re.compile(r"(local|processes)(?::([1-9]\d{0,3}))?")
ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://\S+:\d+")
SECONDS_TO_CONNECT = 20


def check_cluster(name: str) -> list[Problem]:
    """What is wrong with a cluster's name, or with what it needs here.

    Args:
        name: `local[:N]`, `processes[:N]`, an address such as `tcp://host:8786`, or a scheduler's JSON file.
    """
    if found := NAMED.fullmatch(name):
        needs_dask = found[1] == "local"
    elif name.endswith(".json"):
        if not Path(name).is_file():
            return [Problem("--cluster", "is no file", name, "dask scheduler --scheduler-file FILE.json writes one")]
        needs_dask = True
    elif ADDRESS.fullmatch(name):
        needs_dask = True
    else:
        rule = "must be local[:N], processes[:N], the address of a Dask scheduler, or its file"
        return [Problem("--cluster", rule, repr(name), "such as local:4, tcp://host:8786 or scheduler.json")]
    if needs_dask and find_spec("distributed") is None:
        hint = "pip install 'cpalab[dask]', or take --cluster processes[:N], which needs nothing"
        return [Problem("--cluster", "needs Dask, which is not installed", name, hint)]
    return []


@contextmanager
def cluster(name: str) -> Iterator[Workers]:
    """The workers that a name stands for; those that were started here end with the block.

    Args:
        name: as `check_cluster` takes it; without a number, as many as there are cores.

    Raises:
        WorkerError: the name stands for nothing, or nobody answers.

    Example:
        >>> from simulator.shards.cluster import cluster
        >>> with cluster("processes:2") as workers:
        ...     list(workers.run(abs, [-3, 4]))
        [3, 4]
    """
    if problems := check_cluster(name):
        raise WorkerError(problems)
    found = NAMED.fullmatch(name)
    size = int(found[2]) if found and found[2] else os.cpu_count() or 1
    if found and found[1] == "processes":
        workers = Processes(size)
        try:
            yield workers
        finally:
            workers.close()
        return
    import dask
    from distributed import Client, LocalCluster

    from simulator.shards.on_dask import OnDask

    # Tasks carry the board, some kilobytes each: nothing that Dask need warn of.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        if found:
            # A shard's state is no result that Dask could move or spill; --memory bounds it.
            with (
                LocalCluster(n_workers=size, threads_per_worker=1, dashboard_address=None, memory_limit=0) as here,
                Client(here) as client,
            ):
                yield OnDask(client)
            return
        place = {"scheduler_file": name} if name.endswith(".json") else {"address": name}
        try:
            client = Client(timeout=SECONDS_TO_CONNECT, **place)
        except (OSError, ValueError, KeyError) as error:
            said = str(error) or type(error).__name__
            hint = "start one: dask scheduler, and on each machine dask worker ADDRESS"
            raise WorkerError([Problem("--cluster", f"does not answer ({said})", name, hint)]) from None
        with client:
            yield OnDask(client)


def check_workers(workers: Workers, folder: Path) -> None:
    """Refuse workers that do not see the folder in which the result is made, or have another version.

    Raises:
        WorkerError: naming each.
    """
    hint = "take an --out on storage that all machines share, and the same cpalab on all"
    problems = [Problem("--cluster", "cannot work here", said, hint) for said in workers.sees(folder.resolve())]
    if problems:
        raise WorkerError(problems)
