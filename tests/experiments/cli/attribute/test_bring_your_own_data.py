"""docs/bring-your-own-data.md: its files are written, and every command in it runs on them."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[4] / "docs" / "bring-your-own-data.md"
TEXT = PAGE.read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```(?:csv|json) (\S+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(cpalab_here, tmp_path, monkeypatch, command):
    import shlex

    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    _, *words = shlex.split(command)
    status, told, error = cpalab_here(*words)
    assert (status, error) == (0, "")
    assert "Credited conversions" in told


def test_the_page_has_a_command_for_most_files():
    assert len(COMMANDS) >= 10
