"""Runs killed by SIGKILL at any step go on with --resume and end with the same bytes; what differs is refused.

Run as a program, this file kills and resumes: FOLDER POINTS WORD …, so many kill points spread over all steps. A step
is a tick of a market, a piece of a log being written, a file being put on disk or in its place, or a folder removed. Each run
is a child that is forked before any thread is there; what became of it is printed as JSON. A run that is killed before it
has said what it makes (`begun`) cannot be gone on with: --resume says so, and the same command makes it anew.
"""

import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cpalab.whole_output import MANIFEST, RESUMABLE
from experiments.cli import main
from simulator.engines.cohort import Cohort
from simulator.lives import RowGroups
from simulator.playing import Workroom
from simulator.shards.sharded import Sharded

pytestmark = pytest.mark.xdist_group("cli")

SMALL = [
    "dropshipping",
    "--users",
    "600",
    "--days",
    "2",
    "--set",
    "run.warm_up_days=1",
    "--set",
    "run.follow_up_days=1",
]


def kill_and_resume(tmp_path, points, *words):
    command = [sys.executable, __file__, str(tmp_path), str(points), *words, "--quiet", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(told):
    for case in told:
        assert case["killed"] == -signal.SIGKILL, case
        assert not case["stood_half"], case
        assert (case["resumed"], case["same"], case["left"]) == (0, True, []), case
        assert case["begun"] or (case["kill_at"] <= 2 and case["refused"]), case


def test_a_killed_run_ends_with_the_bytes_of_one_that_was_not(tmp_path):
    check(kill_and_resume(tmp_path, 3, "run", *SMALL, "--events", "orders"))


def test_a_killed_simulation_ends_with_the_bytes_of_one_that_was_not(tmp_path):
    check(kill_and_resume(tmp_path, 4, "simulate", *SMALL, "--memory", "1GB"))


@pytest.mark.study
@pytest.mark.parametrize("more", [(), ("--memory", "1GB", "--events", "sample", "--by", "device")])
def test_a_run_killed_at_any_of_24_steps_ends_with_the_same_bytes(tmp_path, more):
    told = kill_and_resume(tmp_path, 24, "run", *SMALL, *more)
    assert len({case["kill_at"] for case in told}) == 24
    check(told)


@pytest.mark.study
def test_a_run_on_a_cluster_killed_at_any_of_8_steps_goes_on_without_one(tmp_path):
    check(kill_and_resume(tmp_path, 8, "run", *SMALL, "--cluster", "processes:1"))


@pytest.fixture
def killed(start_cpalab, tmp_path):
    """The place of a result whose run was killed in the middle."""
    target = tmp_path / "result"
    process = start_cpalab("run", "dropshipping", "--users", "400000", "--out", target)
    while not list(tmp_path.glob(".result.*.unfinished/resumable.json")):
        assert process.poll() is None, process.stderr.read()
    process.kill()
    process.communicate()
    return target


def test_what_differs_from_the_run_that_was_killed_is_refused_by_name(cpalab, killed, is_refused):
    left = next(killed.parent.glob(".result.*.unfinished/resumable.json"))
    entries = json.loads(left.read_text())
    is_refused(
        cpalab("run", "--resume", killed, "--seed", "99", "--set", "order.margin_share=0.123", "--users", "5"),
        "run.seed: 99 is not what the run began with: 7",
        "order.margin_share: 0.123 is not what the run began with",
        "run.users: 5 is not what the run began with: 400000",
    )
    is_refused(cpalab("run", "dtc-apparel", "--resume", killed), "title: ", "is not what the run began with")
    is_refused(cpalab("run", "--resume", killed, "--model", "linear"), "['linear'] is not what the run began with: []")
    is_refused(cpalab("run", "--resume", killed, "--events", "none"), "'none' is not what the run began with: 'all'")
    is_refused(cpalab("simulate", "--resume", killed), "'simulate' is not what the run began with: 'run'")
    is_refused(
        cpalab("run", "--resume", killed, "--out", killed.parent / "other"), "--out:", "must be what --resume names"
    )
    is_refused(
        cpalab("run", "--resume", killed, "--engine", "agents"), "'agents' is not what the run began with: 'cohort'"
    )
    left.write_text(json.dumps({**entries, "cpalab": "0.0.1"}))
    is_refused(cpalab("run", "--resume", killed), "cpalab:", "is not what the run began with: '0.0.1'")


def test_there_must_be_something_to_go_on_with(cpalab, finished, tmp_path, is_refused):
    folder, _ = finished
    is_refused(cpalab("run", "--resume", tmp_path / "none"), "no killed run left anything to go on with")
    is_refused(cpalab("run", "--resume", folder), "is finished, there is nothing to go on with; --force makes it anew")


def test_a_run_at_work_is_not_taken_over(start_cpalab, cpalab, tmp_path, is_refused):
    target = tmp_path / "result"
    process = start_cpalab("run", "dropshipping", "--users", "400000", "--out", target)
    try:
        while not list(tmp_path.glob(".result.*.unfinished/resumable.json")):
            assert process.poll() is None, process.stderr.read()
        is_refused(cpalab("run", "--resume", target), "its run is still at work")
    finally:
        process.kill()
        process.communicate()


# What every child needs: imported once.
NEEDED = (
    "experiments.cli.market.run",
    "experiments.comparison.comparison",
    "experiments.report.pages.page",
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
    Workroom.__init__.__defaults__ = (False, 0.0, None)  # a checkpoint after every tick
    for owner, name in (
        (Cohort, "run_tick"), (Sharded, "_round"), (RowGroups, "write"), (os, "fsync"), (Path, "replace"), (Path, "rename"),
        (shutil, "rmtree"),
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
        begun = any(list(place.glob(f".{target.name}.*/{name}")) for name in (RESUMABLE, MANIFEST))
        resumed = child([words[0], "--resume", str(target), "--quiet"], 0)
        refused = resumed == main.USAGE_ERROR
        if refused and not begun:
            resumed = child([*words, "--out", str(target)], 0)
        told.append(
            {
                "kill_at": kill_at,
                "of": total,
                "killed": killed,
                "stood_half": half,
                "begun": begun,
                "refused": refused,
                "resumed": resumed,
                "same": target.exists() and content(target) == wanted,
                "left": [path.name for path in place.iterdir() if path.name.startswith(f".{target.name}")],
            }
        )
        shutil.rmtree(target, ignore_errors=True)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    run()
