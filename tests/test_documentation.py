"""The documentation: the Reference has every command, option, scenario key, column and fault; pages name only what exists."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from experiments.cli.main import COMMANDS, cli
from simulator.scenario.faults import FAULTS
from simulator.scenario.schema import Scenario

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WRITTEN = sorted(path for path in DOCS.rglob("*.md") if "reference" not in path.parts)


@pytest.fixture(scope="module")
def writer():
    specification = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference(writer):
    return writer.pages(files=False)


def command_called(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that these words call, and the words that are left."""
    command = cli
    while words and isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words[0])
        if inner is None:
            break
        command, words = inner, words[1:]
    return command, words


def test_every_command_and_option_is_in_the_reference(reference):
    text = reference["commands.md"]
    for name in COMMANDS:
        command, _ = command_called([name])
        inner = (
            [f" {each}" for each in command.list_commands(click.Context(command))]
            if isinstance(command, click.Group)
            else []
        )
        for words in ("", *inner):
            section = re.search(rf"^## cpalab {name}{words}$(.*?)(?=^## |\Z)", text, re.M | re.S)
            assert section is not None, f"{name}{words}"
            called, _ = command_called([name, *words.split()])
            options = [option for p in called.params if isinstance(p, click.Option) for option in p.opts]
            assert [option for option in options if option not in section[1]] == []


def test_every_scenario_key_is_in_the_reference(reference):
    schema = Scenario.model_json_schema()
    keys = {key for table in (schema, *schema["$defs"].values()) for key in table.get("properties", {})}
    assert len(keys) > 150
    assert [key for key in keys if f"`{key}`" not in reference["scenario.md"]] == []


def test_every_fault_is_in_the_reference_with_today_s_default(reference):
    for fault in FAULTS:
        row = re.search(rf"^\| {fault.code} \| `{fault.name}` \|.*$", reference["faults.md"], re.M)
        assert row is not None
        assert f"| {fault.usual:g} |" in row[0]


def test_every_public_name_is_in_the_reference(reference, writer):
    for package in writer.PACKAGES:
        names = importlib.import_module(package).__all__
        assert [name for name in names if f"### {package}.{name}\n" not in reference["python.md"]] == []


def test_every_column_of_every_file_is_in_the_reference(writer, capsys):
    """What the commands write on small worlds; a column without a meaning in docs/columns.toml is refused."""
    text = writer.columns_of_files()
    assert capsys.readouterr().out == ""
    for file, column in (
        ("cpa.csv", "cost_per_conversion_lower"),
        ("events", "kind"),
        ("claims.parquet", "view_through"),
    ):
        section = re.search(rf"^## {re.escape(file)} .*?$(.*?)(?=^## |\Z)", text, re.M | re.S)
        assert section is not None, file
        assert f"| `{column}` |" in section[1]


def test_columns_without_a_meaning_are_refused_all_at_once(writer, monkeypatch):
    monkeypatch.setattr(writer, "written_files", lambda: [("cpalab run", "cpa.csv", ["channel", "novelty", "fashion"])])
    with pytest.raises(KeyError, match=r"add a line each: novelty \(cpa.csv\), fashion \(cpa.csv\)"):
        writer.columns_of_files()


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_commands_that_pages_show_exist_with_their_options(page):
    for line in re.findall(r"^ {4}(cpalab .*)$", page.read_text(encoding="utf-8"), re.M):
        command, left = command_called(shlex.split(line.partition("  #")[0])[1:])
        known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        given = {word.partition("=")[0] for word in left if re.match(r"--?[a-z]", word)}
        assert not isinstance(command, click.Group) or command.invoke_without_command or "--help" in left, line
        assert given <= known | {"--help"}, line


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_pages_link_to_what_exists_and_stand_in_the_site(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert link.startswith("https://") or (page.parent / link).exists(), link
    if page.name != "index.md":
        trees = "\n".join(tree.read_text(encoding="utf-8") for tree in DOCS.rglob("index.md"))
        assert re.search(rf"^(?:[\w-]+/)?{re.escape(page.stem)}$", trees, re.M)


def test_the_twenty_questions_have_a_page_each():
    assert len(list((DOCS / "questions").glob("[0-9]*.md"))) == 20


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("furo", reason="the extra `docs` is not installed")
    build = ["sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path / "site")]
    done = subprocess.run([sys.executable, "-m", *build], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "reference" / "commands.html").exists()
    assert (tmp_path / "site" / "searchindex.js").exists()
