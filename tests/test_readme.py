"""The README: its Python runs and gives what it says, and every command it names exists."""

import doctest
import re
from pathlib import Path

import pytest

from experiments.cli.main import COMMANDS

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(language):
    """Each block of a language in the README: the line it begins on and its text."""
    text = README.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start(2)) + 1, match[2]) for match in BLOCK.finditer(text) if match[1] == language
    ]


def test_there_are_examples_to_run():
    assert blocks("python")
    for line, text in blocks("python"):
        assert ">>> " in text, f"line {line} shows no result that could be checked"


@pytest.mark.parametrize(("line", "text"), blocks("python"), ids=[f"line {line}" for line, _ in blocks("python")])
def test_the_python_of_the_readme_gives_what_it_says(line, text):
    example = doctest.DocTestParser().get_doctest(text, {}, "README.md", str(README), line - 1)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    result = runner.run(example, out=report.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(report)


def test_the_python_of_the_readme_is_shorter_than_fifteen_lines_of_code():
    for line, text in blocks("python"):
        code = [row for row in text.splitlines() if row.startswith((">>> ", "... "))]
        assert len(code) < 15, f"line {line}"


def test_every_command_in_the_readme_exists():
    named = set(re.findall(r"`?cpalab ([a-z]+)\b", README.read_text(encoding="utf-8")))
    named -= {"simulates", "attributes"}  # sentences whose subject is cpalab
    assert {"run", "truth", "scenarios", "check"} <= named
    assert named <= set(COMMANDS)


def test_every_file_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    for link in links:
        assert link.startswith("https://") or (README.parent / link).exists(), link
