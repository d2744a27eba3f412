"""Kills runs by SIGKILL at chosen steps and resumes them, each in a child process; prints what became of each as JSON.

Usage: killed_runs.py FOLDER POINTS WORD …    POINTS: how many kill points, spread over all steps of the run.

A step is a tick of a market, a piece of a log being written, a file being put on disk or in its place, or a folder removed.
"""

import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from experiments.cli import main
from simulator.engines.cohort import Cohort
from simulator.lives import RowGroups
from simulator.world import Workroom

# What every child needs: imported once.
NEEDED = (
    "experiments.cli.market.run",
    "experiments.comparison.comparison",
    "experiments.report.page",
    "simulator.storage",
)
count = {"steps": 0, "kill_at": 0}


def step() -> None:
    """Count, and die where it is time."""
    count["steps"] += 1
    if count["steps"] == count["kill_at"]:
        os.kill(os.getpid(), signal.SIGKILL)


def counted(owner: object, name: str) -> None:
    """Let a function count as a step, before it does anything."""
    function: Callable[..., object] = getattr(owner, name)

    def counting(*arguments: object, **options: object) -> object:
        step()
        return function(*arguments, **options)

    setattr(owner, name, counting)


def child(words: list[str], kill_at: int, told: Path | None = None) -> int:
    """The command in a child process; its status, negative where a signal ended it. How many steps it took is told."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    count["kill_at"] = kill_at
    sys.argv = ["cpalab", *words]
    status = 1
    try:
        main.main()
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    finally:
        if told is not None:
            told.write_text(str(count["steps"]))
        os._exit(status)


def content(folder: Path) -> dict[str, str]:
    """Every file of a folder, with a hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run() -> None:
    """Kill and resume."""
    place, points, words = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    main.watch_for_signals = lambda: None
    for module in NEEDED:
        importlib.import_module(module)
    Workroom.__init__.__defaults__ = (False, 0.0)  # a checkpoint after every tick
    for owner, name in (
        (Cohort, "run_tick"), (RowGroups, "write"), (os, "fsync"), (Path, "replace"), (Path, "rename"), (shutil, "rmtree"),
    ):  # fmt: skip
        counted(owner, name)
    whole = place / "whole"
    assert child([*words, "--out", str(whole)], 0, place / "steps") == 0
    wanted, total = content(whole), int((place / "steps").read_text())
    told = []
    for number in range(points):
        kill_at = max(1, round((number + 0.5) / points * total))
        target = place / f"killed-{kill_at}"
        killed = child([*words, "--out", str(target)], kill_at)
        half = target.exists()
        resumed = child([words[0], "--resume", str(target), "--quiet"], 0)
        told.append(
            {
                "kill_at": kill_at,
                "of": total,
                "killed": killed,
                "stood_half": half,
                "resumed": resumed,
                "same": target.exists() and content(target) == wanted,
                "left": [path.name for path in place.iterdir() if path.name.startswith(f".{target.name}")],
            }
        )
        shutil.rmtree(target, ignore_errors=True)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    run()
