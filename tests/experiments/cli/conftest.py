"""The command as people run it: a process of its own, real files, what it says and how it ends."""

import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = [str(Path(sys.executable).with_name("cpalab"))]
PART = re.compile(r"[a-z][a-z ]* …( \d+%)?\n")  # "lift tests …"
COMPILING = "Compiling the law of the world; "  # said once on a new machine, by whichever test is first
SMALL = ["dropshipping", "--users", "20000"]


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it said; `err` without the names of its parts, which `parts` holds."""

    status: int
    out: str
    err: str
    parts: tuple[str, ...] = ()

    def __iter__(self):
        """Status, output and error output: `status, out, err = cpalab_here(...)`."""
        return iter((self.status, self.out, self.err))

    def __getitem__(self, place):
        return tuple(self)[place]


def without_parts(error_output):
    """What was said on stderr without the lines that name what is done just now, and the parts they name."""
    lines = error_output.splitlines(keepends=True)
    parts = [line for line in lines if PART.fullmatch(line)]
    rest = (line for line in lines if line not in parts and not line.startswith(COMPILING))
    return "".join(rest), tuple(part.partition(" …")[0] for part in parts)


@pytest.fixture(scope="session")
def cpalab():
    """Runs the command with these words; by default in a pipe, like a script would."""

    def run(*words, cwd=None, timeout=300, **options):
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            capture_output=True,
            text=True,
            cwd=cwd,
            timeout=timeout,
            check=False,
            **options,
        )
        return Answer(done.returncode, done.stdout, *without_parts(done.stderr))

    return run


@pytest.fixture
def cpalab_here(monkeypatch, capsys):
    """Runs the command in this process: what a process of its own would only do slower, such as to refuse."""
    from experiments.cli.main import main

    # The signals of this process are the test runner's.
    monkeypatch.setattr("experiments.cli.main.watch_for_signals", lambda: None)

    def run(*words, cwd=None):
        if cwd is not None:
            monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["cpalab", *map(str, words)])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Answer(status, said.out, *without_parts(said.err))

    return run


@pytest.fixture(scope="session")
def start_cpalab():
    """Starts the command and does not wait; signals reach it even where the test itself was started to ignore it."""

    def start(*words, stdout=subprocess.PIPE, ignored=None):
        def arrange():
            for reaches in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(reaches, signal.SIG_DFL)
            if ignored is not None:
                signal.signal(ignored, signal.SIG_IGN)

        return subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=arrange,  # noqa: PLW1509 - no threads here
        )

    return start


@pytest.fixture(scope="session")
def small():
    """A scenario that runs in a moment."""
    return SMALL


@pytest.fixture(scope="session")
def finished(cpalab, tmp_path_factory):
    """A finished run of a small scenario: its folder, and what the command said."""
    folder = tmp_path_factory.mktemp("finished") / "result"
    answer = cpalab("run", *SMALL, "--out", folder)
    assert answer.status == 0, answer.err
    return folder, answer


@pytest.fixture
def is_refused():
    """Checks a refusal: status 2, nothing on standard output, each of the messages, no traceback."""

    def check(answer, *messages):
        assert answer.status == 2, answer
        assert answer.out == ""
        assert "Traceback" not in answer.err
        for message in messages:
            assert message in answer.err

    return check
