"""The command's manners: help at once, and people's mistakes answered with place, value, rule and hint, never a traceback."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cli.main import COMMANDS

pytestmark = pytest.mark.xdist_group("cli")


def test_help_names_every_command(cpalab):
    answer = cpalab("--help")
    assert (answer.status, answer.err) == (0, "")
    assert all(f"\n  {name} " in answer.out for name in COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(cpalab, command):
    answer = cpalab(command, "-h")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: cpalab {command}")


def test_the_version_is_the_packages(cpalab):
    from importlib.metadata import version

    assert cpalab("--version").out.strip().endswith(version("cpalab"))


def test_a_misspelt_command_gets_a_hint(cpalab_here, is_refused):
    is_refused(cpalab_here("scenario"), "no such command: scenario", "did you mean scenarios?")


@pytest.mark.parametrize("command", ["run", "truth", "check", "simulate"])
def test_a_scenario_that_does_not_exist_is_refused_with_a_hint(cpalab_here, is_refused, command, tmp_path):
    out = ["--out", tmp_path / "r"] if command in ("run", "simulate") else []
    answer = cpalab_here(command, "dtc-aparel", *out)
    is_refused(answer, "dtc-aparel: no such file", "did you mean dtc-apparel?")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (["--users", "0"], ["--users: 0 must be greater than or equal to 1"]),
        (["--days", "0"], ["--days: 0.0 must be greater than 0"]),
        (["--seed", "-1"], ["--seed: -1 must be greater than or equal to 0"]),
        (["--users", "many"], ["--users", "'many' is not a valid integer"]),
        (["--threads", "0"], ["--threads", "0 is not in the range x>=1"]),
        (["--engine", "steam"], ["--engine", "'steam' is not one of"]),
        (["--colour"], ["No such option", "--colour"]),
        (["--set", "run.users"], ["--set: 'run.users' must look like path.to.key=value"]),
        (
            ["--set", "channels.social.campaigns.product.bid=-1"],
            ["channels.social.campaigns.product.bid: -1 must be greater than or equal to 0"],
        ),
        (
            ["--set", "surfaces.social.slot_share=1.5"],
            ["surfaces.social.slot_share: 1.5 must be less than or equal to 1"],
        ),
        (["--set", "surfaces.social.slot_share=often"], ["surfaces.social.slot_share: 'often' must be a number"]),
        (["--set", "chanels.social.half_life_days=3"], ["chanels: unknown key", "did you mean channels?"]),
        (["--set", "funnel.7.rate=0.1"], ["funnel.7: is no entry of a list of 3", "entries count from 0"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].startswith("--") else "",
)
def test_impossible_options_are_refused(cpalab_here, is_refused, words, messages, tmp_path):
    is_refused(cpalab_here("run", "dropshipping", "--out", tmp_path / "r", *words), *messages)
    assert not list(tmp_path.iterdir())


def test_several_mistakes_in_options_are_named_together(cpalab_here, is_refused):
    words = ["--users", "0", "--days", "0", "--set", "market.curency=EUR", "--set", "surfaces.social.slot_share=2.0"]
    places = ["--users: 0", "--days: 0.0", "market.curency: unknown key", "surfaces.social.slot_share: 2.0"]
    is_refused(cpalab_here("run", "dropshipping", *words), *places)


def test_several_settings_without_a_value_are_named_together(cpalab_here, is_refused):
    words = ["--set", "run.users", "--set", "=3"]
    is_refused(cpalab_here("check", "dropshipping", *words), "--set: 'run.users' must look", "--set: '=3' must look")


BAD_FILE = """
titel = "slip of the pen"
[run]
users = 100
days = 0.0
[[funnel]]
name = "buy"
rate = 1.5
[surfaces.feed]
weights = { out_of_market = 1.0, in_market = 1.0, visited = 1.0, late = 1.0 }
[channels.social]
surface = "feeed"
[channels.social.campaigns.one]
bid = -2.0
"""


def test_every_problem_of_a_file_is_named_at_once(cpalab_here, is_refused, tmp_path):
    (tmp_path / "bad.toml").write_text(BAD_FILE)
    answer = cpalab_here("run", "bad.toml", "--out", "r", cwd=tmp_path)
    is_refused(
        answer,
        "titel: unknown key; did you mean title?",
        "run.days: 0.0 must be greater than 0",
        "funnel.0.rate: 1.5 must be less than or equal to 1",
        "channels.social.campaigns.one.bid: -2.0 must be greater than or equal to 0",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_what_tables_must_agree_on_is_refused_with_a_hint(cpalab_here, is_refused, tmp_path):
    text = BAD_FILE.replace("titel", "title").replace("0.0", "3.0").replace("1.5", "0.5").replace("-2.0", "2.0")
    (tmp_path / "bad.toml").write_text(text)
    answer = cpalab_here("check", tmp_path / "bad.toml")
    is_refused(answer, "channels.social.surface: 'feeed' is no surface of this scenario; did you mean feed?")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[run\nusers = 3", "bad.toml: is not TOML: "),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"", "funnel: is needed and missing"),
    ],
    ids=["broken TOML", "no text", "empty"],
)
def test_a_file_that_is_no_scenario_is_refused(cpalab_here, is_refused, tmp_path, content, message):
    (tmp_path / "bad.toml").write_bytes(content)
    is_refused(cpalab_here("check", tmp_path / "bad.toml"), message)


def test_a_folder_is_no_scenario(cpalab_here, is_refused, tmp_path):
    is_refused(cpalab_here("check", tmp_path), "cannot be read (Is a directory)")


def test_the_command_is_installed_where_its_python_is():
    assert Path(sys.executable).with_name("cpalab").is_file()


def test_ctrl_c_inside_a_callback_from_c_is_not_lost():
    # What LLVM's callbacks do with it while compiled code is loaded, without the luck of striking in one.
    program = (
        "import ctypes, sys, time\n"
        "from experiments.cli import main\n"
        "def load_compiled_code(standalone_mode):\n"
        "    def struck(): raise KeyboardInterrupt\n"
        "    ctypes.CFUNCTYPE(None)(struck)()\n"
        "    time.sleep(5)\n"
        "    print('went on')\n"
        "main.cli.main = load_compiled_code\n"
        "main.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Interrupted; nothing was written.\n"
