"""Compiling ahead: a process of its own where second lives are not compiled, waited for, and ended with the block."""

import os
import subprocess
import sys

import pytest

from simulator.engines import compile_ahead


@pytest.fixture
def started(monkeypatch):
    """Pretends that nothing is compiled; the process sleeps in place of compiling. What was started is told."""
    processes = []
    plain = subprocess.Popen

    def start(command, **options):
        assert command[1:] == ["-m", "simulator.engines.compile_ahead"]
        processes.append(
            plain([sys.executable, "-c", "import time; time.sleep(SLEEP)".replace("SLEEP", seconds[0])], **options)
        )
        return processes[-1]

    seconds = ["0"]
    monkeypatch.setattr(compile_ahead, "is_cached", lambda function: False)
    monkeypatch.setattr(compile_ahead.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(compile_ahead.subprocess, "Popen", start)
    return processes, seconds


def test_waiting_ends_when_the_process_has_compiled(started):
    processes, _ = started
    with compile_ahead.second_lives_compile_beside() as wait:
        wait()
        assert processes[0].returncode == 0


def test_the_process_ends_with_the_block_whatever_happens_in_it(started):
    processes, seconds = started
    seconds[0] = "600"
    with pytest.raises(RuntimeError, match="stopped"), compile_ahead.second_lives_compile_beside():
        raise RuntimeError("stopped")
    assert processes[0].returncode is not None


def test_nothing_is_started_where_all_is_compiled_or_there_is_one_core(started, monkeypatch):
    processes, _ = started
    monkeypatch.setattr(compile_ahead.os, "cpu_count", lambda: 1)
    with compile_ahead.second_lives_compile_beside() as wait:
        wait()
    monkeypatch.undo()
    monkeypatch.setattr(compile_ahead, "is_cached", lambda function: True)
    with compile_ahead.second_lives_compile_beside() as wait:
        wait()
    assert processes == []


@pytest.mark.study
def test_what_is_compiled_ahead_is_what_twin_worlds_call(tmp_path):
    """In a cache folder of its own: the command finds the second lives compiled."""
    program = (
        "from experiments.cli.main import cli\n"
        "cli.main(['run', 'dropshipping', '--users', '2000', '--quiet', '--json'], standalone_mode=False)\n"
        "from simulator.engines.second_lives import relive\n"
        "assert sum(relive.stats.cache_hits.values()) == 1 and not relive.stats.cache_misses\n"
    )
    environment = os.environ | {"CPALAB_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.DEVNULL, check=True)
