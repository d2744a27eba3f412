"""The README and its guides: their Python runs and gives what it says, commands print what is shown, all named exist.

`CPALAB_REFRESH=1 python -m pytest tests/test_readme.py` puts what the commands print now into the README.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cli.main import COMMANDS

README = Path(__file__).parents[1] / "README.md"
DOCS = README.parent / "docs"
PAGES = (README, DOCS / "guide.md", DOCS / "lift-tests.md", DOCS / "tutorial" / "researcher.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
OUTPUT = re.compile(r"<!-- output of: (.+?) -->\n```text\n(.*?)```\n<!-- end -->", re.DOTALL)


def blocks(language):
    """Each block of a language in the pages: the page, the line it begins on and its text."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        matches = [match for match in BLOCK.finditer(text) if match[1] == language]
        found += [(page, text.count("\n", 0, match.start(2)) + 1, match[2]) for match in matches]
    return found


def test_there_are_examples_to_run():
    assert blocks("python")
    for page, line, text in blocks("python"):
        assert ">>> " in text, f"{page.name}, line {line} shows no result that could be checked"


@pytest.mark.parametrize(
    ("page", "line", "text"), blocks("python"), ids=[f"{page.name} line {line}" for page, line, _ in blocks("python")]
)
def test_the_python_of_the_pages_gives_what_it_says(page, line, text):
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), line - 1)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    result = runner.run(example, out=report.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(report)


def test_the_python_of_the_pages_is_shorter_than_fifteen_lines_of_code():
    for page, line, text in blocks("python"):
        code = [row for row in text.splitlines() if row.startswith((">>> ", "... "))]
        assert len(code) < 15, f"{page.name}, line {line}"


@pytest.mark.parametrize("command", [match[1] for match in OUTPUT.finditer(README.read_text(encoding="utf-8"))])
def test_a_command_prints_what_the_readme_shows(command):
    _, *words = command.split()
    answer = subprocess.run(
        [str(Path(sys.executable).with_name("cpalab")), *words], capture_output=True, text=True, check=True
    )
    printed = "".join(f"{line.rstrip()}\n" for line in answer.stdout.splitlines())
    text = README.read_text(encoding="utf-8")
    shown = next(match for match in OUTPUT.finditer(text) if match[1] == command)
    if os.environ.get("CPALAB_REFRESH") == "1":
        README.write_text(text[: shown.start(2)] + printed + text[shown.end(2) :], encoding="utf-8")
    else:
        assert shown[2] == printed


def test_every_command_is_in_the_readme_and_no_other():
    named = set(re.findall(r"`?cpalab ([a-z]+(?:-[a-z]+)*)\b", README.read_text(encoding="utf-8")))
    named -= {"simulates", "attributes"}  # sentences whose subject is cpalab
    assert named == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_linked_exists(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_the_readme_is_two_screens():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 140
