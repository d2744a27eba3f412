"""The examples run, and print what stands beside them.

`CPALAB_REFRESH=1 python -m pytest tests/test_examples.py` writes what they print now.
"""

import os
import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_prints_what_it_says(script, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    printed = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    told = script.with_suffix(".txt")
    if os.environ.get("CPALAB_REFRESH") == "1":
        told.write_text(printed, encoding="utf-8")
    assert printed == told.read_text(encoding="utf-8")
    assert printed.strip()
    assert not list(tmp_path.iterdir())


def test_every_example_is_listed_and_none_else():
    listed = re.findall(r"`(\w+\.py)`", (EXAMPLES / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [script.name for script in SCRIPTS]
    notebooks = re.findall(r"`(\w+\.ipynb)`", (EXAMPLES / "README.md").read_text(encoding="utf-8"))
    assert sorted(notebooks) == sorted(path.name for path in EXAMPLES.glob("*.ipynb"))
    assert {told.stem for told in EXAMPLES.glob("*.txt")} == {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_is_short(script):
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 45
