"""Interruptions: whatever signal strikes whichever command when, no half result, no litter, and an end within a second."""

import json
import os
import random
import shutil
import signal
import time

import click
import pytest

from experiments.cli.main import COMMANDS, cli

pytestmark = pytest.mark.xdist_group("cli")

# Long enough to be interrupted in the middle, on any machine: some minutes.
LONG = ["dtc-apparel", "--users", "2000000"]
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}
# Far more than a second, so that a busy machine does not fail the test; a step of compiled code lasts longer still.
PATIENCE_SECONDS = 20

# Every command that writes, in a market that lasts a few seconds.
WRITING = {
    "run": ["run", "dropshipping", "--users", "60000"],
    "simulate": ["simulate", "dropshipping", "--users", "200000"],
    "truth": ["truth", "dropshipping", "--users", "60000"],
    "record": ["record", "dropshipping", "--users", "60000"],
    "rollout": ["rollout", "dropshipping", "--users", "60000", "--change", "CHANGE"],
    "lifttests": ["lifttests", "dropshipping", "--users", "60000", "--repeats", "2"],
    "attribute": ["attribute", "JOURNEYS", "--model", "linear", "--intervals", "300"],
    "export": ["export", "dropshipping", "--users", "200000", "--format", "tables"],
}
# And those that are struck elsewhere, or write as one of these does.
OTHERS = {
    "leaderboard": "keeps its finished worlds beside the result, on purpose: test_sweep.py",
    "sweep": "keeps its finished worlds beside the result, on purpose: test_sweep.py",
    "dataset": "writes as export does",
    "explain": "writes as rollout does",
    "init": "writes as export does",
    "optimise": "writes as lifttests does",
    "lesson": "writes one file, whole or not at all: test_whole_output.py",
}


def test_every_command_that_writes_a_result_is_struck_here_or_elsewhere():
    writing = {name for name in COMMANDS if "--out" in options_of(cli.get_command(click.Context(cli), name))}
    assert writing == {*WRITING, *OTHERS}


def options_of(command):
    return {name for parameter in command.params for name in parameter.opts}


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def wait_until(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.02)


def strike(process, number):
    """Send a signal, and what the process said before it ended."""
    process.send_signal(number)
    return process.communicate(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_with_a_word_and_leaves_nothing(start_cpalab, tmp_path, number):
    process = start_cpalab("run", *LONG, "--out", tmp_path / "results" / "one")
    wait_until(lambda: left_in(tmp_path), process)  # the unfinished folder appears before any work
    out, error = strike(process, number)
    assert process.returncode == STATUS[number]
    assert out == ""
    assert error.strip().endswith("Interrupted; nothing was written.")
    assert "Traceback" not in error
    assert left_in(tmp_path) == []


def test_ctrl_c_ends_threads_that_are_in_the_middle_of_compiled_code(start_cpalab):
    # Each of these worlds is lived in threads of its own, and would be lived to its end before they are joined.
    process = start_cpalab("power", "scenario", *LONG, "--channel", "email", "--repeats", "20", "--threads", "2")
    time.sleep(6.0)
    _, error = strike(process, signal.SIGINT)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_ctrl_c_while_replacing_leaves_the_old_result(start_cpalab, finished, tmp_path):
    folder, _ = finished
    old = tmp_path / "result"
    old.mkdir()
    manifest = (folder / "manifest.json").read_text()
    (old / "manifest.json").write_text(manifest)
    process = start_cpalab("run", *LONG, "--out", old, "--force")
    wait_until(lambda: len(left_in(tmp_path)) == 2, process)
    strike(process, signal.SIGINT)
    assert process.returncode == 130
    assert left_in(tmp_path) == ["result"]
    assert json.loads((old / "manifest.json").read_text()) == json.loads(manifest)


def test_a_signal_that_is_to_be_ignored_is_ignored(start_cpalab, tmp_path):
    process = start_cpalab(
        "simulate", "dropshipping", "--users", "100000", "--out", tmp_path / "one", ignored=signal.SIGHUP
    )
    wait_until(lambda: left_in(tmp_path), process)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert left_in(tmp_path) == ["one"]


def test_what_a_killed_run_left_is_no_result_and_gone_after_the_next(start_cpalab, cpalab, small, tmp_path):
    process = start_cpalab("run", *LONG, "--out", tmp_path / "result")
    wait_until(lambda: left_in(tmp_path), process)
    strike(process, signal.SIGKILL)
    (left,) = left_in(tmp_path)
    assert left.endswith(".unfinished")
    assert not (tmp_path / left / "manifest.json").exists()
    assert cpalab("simulate", *small, "--quiet", "--out", tmp_path / "result").status == 0
    assert left_in(tmp_path) == ["result"]


@pytest.fixture(scope="session")
def a_world(cpalab, tmp_path_factory):
    """A stored world whose log can be attributed."""
    folder = tmp_path_factory.mktemp("world") / "world"
    assert cpalab("simulate", "dropshipping", "--users", "200000", "--quiet", "--out", folder).status == 0
    return folder


def interrupted(start_cpalab, a_world, folder, chance):
    """One command struck at a random moment, with or without a result there already; what it left is checked."""
    name, number = chance.choice(list(WRITING)), chance.choice(list(STATUS))
    change = folder.parent / f"{folder.name}-change.toml"
    change.write_text('[[changes]]\nfault = "tag_outage"\nsize = 0.2\n')
    words = [{"JOURNEYS": a_world, "CHANGE": change}.get(word, word) for word in WRITING[name]]
    target, before = folder / "result", chance.random() < 0.5
    if before:
        shutil.copytree(a_world, target)
    process = start_cpalab(*words, "--out", target, "--force", "--quiet")
    try:
        time.sleep(chance.uniform(0.05, 4.0))
        done = process.poll() is not None
        _, error = strike(process, number)
    finally:
        process.kill()
    case = f"{name} {number.name} before={before}: {process.returncode} {error} {left_in(folder)}"
    # Before any of our code is imported Python itself ends, in its own way: then there is nothing of ours to leave behind.
    assert "Traceback" not in error or process.returncode == -number, case
    assert process.returncode in ((0,) if done else (0, STATUS[number], -number)), case
    if number != signal.SIGKILL:
        assert left_in(folder) in ([], ["result"]), case
    if target.exists():
        listed = json.loads((target / "manifest.json").read_text())["files"]
        assert set(listed) == {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()} - {
            "manifest.json"
        }, case
    return before


def swept(cpalab, small, folder, before):
    """After the next run nothing but its result is there; a result that stood there stands there until then."""
    answer = cpalab("simulate", *small, "--quiet", "--out", folder / "result")
    assert answer.status == 2 if before else answer.status in (0, 2)
    assert left_in(folder) == ["result"]


@pytest.mark.parametrize("seed", range(3))
def test_commands_struck_at_a_random_moment_leave_nothing_half(start_cpalab, cpalab, small, a_world, tmp_path, seed):
    swept(cpalab, small, tmp_path, interrupted(start_cpalab, a_world, tmp_path, random.Random(seed)))


@pytest.mark.study
def test_a_hundred_commands_struck_at_random_moments(start_cpalab, cpalab, small, a_world, tmp_path):
    chance = random.Random(2026)
    for number in range(int(os.environ.get("CPALAB_INTERRUPTIONS", "120"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        swept(cpalab, small, folder, interrupted(start_cpalab, a_world, folder, chance))
