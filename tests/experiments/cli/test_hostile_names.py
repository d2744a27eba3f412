"""Names from data in every sink of the command: a real terminal, CSV files, JSON, refusals."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

COMMAND = str(Path(sys.executable).with_name("cpalab"))
HOSTILE = [
    "\x1b]0;owned\x07\x1b[2J",
    "[red]brand[/red]",
    ":smile:",
    "\u202egnp.exe",
    "=cmd|' /C calc'!A0",
    "{{7*7}}",
    "../../etc",
    "$(id)",
]


def rows_of(value):
    """Every object within JSON."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] * isinstance(value, dict) + [row for entry in inner for row in rows_of(entry)]


@pytest.fixture
def paths(tmp_path):
    """Counted paths whose channels are called badly."""
    file = tmp_path / "paths.parquet"
    pd.DataFrame({"path": HOSTILE, "total_conversions": range(1, 9), "total_conversion_value": 10.0}).to_parquet(file)
    return file


def on_a_terminal(*words):
    """What the command writes to a real terminal."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160"}
    process = subprocess.Popen(
        [COMMAND, *map(str, words)], stdout=follower, stderr=follower, stdin=follower, env=environment
    )
    os.close(follower)
    written = b""
    while True:
        try:
            chunk = os.read(leader, 65_536)
        except OSError:
            break
        if not chunk:
            break
        written += chunk
    os.close(leader)
    return process.wait(timeout=60), written.decode()


@pytest.mark.parametrize("option", [[], ["--segment", "\x1b[2Jnone"]], ids=["a table", "a refusal"])
def test_a_terminal_obeys_no_name(paths, option):
    status, written = on_a_terminal("attribute", paths, "--separator", " > ", "--model", "linear", *option)
    assert status == (2 if option else 0), written
    for obeyed in ("\x1b]0", "\x1b[2J", "\x07", "\u202e"):
        assert obeyed not in written
    if not option:
        plain = "".join(written.split())
        for shown in ("\\x1b", "[red]brand[/red]", ":smile:", "{{7*7}}", "$(id)"):
            assert shown in plain


def test_files_hold_names_as_they_are_but_for_formulas(cpalab_here, paths, tmp_path):
    status, out, _ = cpalab_here(
        "attribute", paths, "--separator", " > ", "--model", "linear", "--out", tmp_path / "result", "--json"
    )
    assert status == 0
    names = {"[red]brand[/red]", "../../etc", "{{7*7}}"}
    assert names <= set(pd.read_csv(tmp_path / "result" / "cpa.csv")["channel"])
    assert "'=cmd|' /C calc'!A0" in set(pd.read_csv(tmp_path / "result" / "cpa.csv")["channel"])
    assert (
        names < {str(cell) for row in json.loads(out)["rows"] for cell in row.values()}
        if "rows" in json.loads(out)
        else True
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["paths.parquet", "result"]
