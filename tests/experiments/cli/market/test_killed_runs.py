"""Runs killed by SIGKILL at any step go on with --resume and end with the same bytes; what differs is refused."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("cli")

DRIVER = Path(__file__).with_name("killed_runs.py")
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
    command = [sys.executable, str(DRIVER), str(tmp_path), str(points), *words, "--quiet", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(told):
    for case in told:
        assert case["killed"] == -signal.SIGKILL, case
        assert not case["stood_half"], case
        assert (case["resumed"], case["same"], case["left"]) == (0, True, []), case


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
