"""The project's shape: who may import whom, how files are cut and named, what the wheel carries, how fast help answers."""

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cpalab", "simulator", "attribution", "experiments")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FORBIDDEN = {"simulator": {"attribution", "experiments"}, "attribution": {"simulator", "experiments"}}

MOST_LINES = 600
VAGUE_NAMES = {"utils", "helpers", "common", "misc", "tools"}
SLOW = ("numba", "pandas", "statsmodels", "scipy", "altair", "pyarrow", "numpy")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def imports_of(path):
    """Top-level names of everything a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_there_is_something_to_check():
    assert len(SOURCES) > 50


@pytest.mark.parametrize("package", FORBIDDEN)
def test_floors_do_not_import_upward(package):
    breaches = {
        name_of(path): sorted(imports_of(path) & FORBIDDEN[package])
        for path in SOURCES
        if path.is_relative_to(ROOT / package) and imports_of(path) & FORBIDDEN[package]
    }
    assert not breaches


def test_the_import_contracts_are_declared_and_kept():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    declared = {
        (source, forbidden)
        for contract in contracts
        if contract["type"] == "forbidden" and "ignore_imports" not in contract
        for source in contract["source_modules"]
        for forbidden in contract["forbidden_modules"]
    }
    assert declared >= {(source, target) for source, targets in FORBIDDEN.items() for target in targets}
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(contracts)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_short_says_first_what_it_computes_and_has_a_telling_name(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    first_line = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    assert len(first_line.split()) >= 3, "the first line says what the file computes"
    assert path.stem not in VAGUE_NAMES


def test_no_test_file_hides_where_pytest_does_not_look():
    inside = [name_of(path) for path in SOURCES if path.name.startswith("test_")]
    assert not inside
    for path in (ROOT / "tests").rglob("*.py"):
        assert path.name == "conftest.py" or path.name.startswith("test_"), name_of(path)


def test_help_imports_nothing_slow():
    program = (
        "import sys; sys.argv = ['cpalab', '--help']\n"
        "from experiments.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print(*sorted(set({SLOW!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage: cpalab" in done.stdout
    assert done.stderr.split() == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The built wheel's file names. Built by the project's own backend, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_wheel_carries_the_four_packages_and_nothing_else_at_the_top(wheel):
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    assert len(top) == len(PACKAGES) + 1
    assert {name for name in wheel if name.endswith("py.typed")} == {f"{package}/py.typed" for package in PACKAGES}


def test_the_wheel_carries_every_source_file_and_every_preset(wheel):
    sources = {name for name in wheel if name.endswith(".py")}
    assert sources == {name_of(path) for path in SOURCES}
    data = ROOT / "data" / "scenarios"
    presets = {f"simulator/scenario/presets/{path.relative_to(data).as_posix()}" for path in data.rglob("*.toml")}
    assert presets
    assert {name for name in wheel if name.endswith(".toml")} == presets


def drawn_folders():
    """Folders of the tree in ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = text.split("<!-- tree -->")[1].split("<!-- end -->")[0]
    parents: list[str] = []
    for line in tree.splitlines():
        if "/" in line:
            depth = (len(line) - len(line.lstrip())) // 2
            parents = [*parents[:depth], line.split("/")[0].strip()]
            yield "/".join(parents)


def test_the_tree_of_the_architecture_is_the_tree_of_the_house():
    folders = {name_of(path.parent) for path in SOURCES}
    assert set(drawn_folders()) == folders


@pytest.mark.parametrize(("room", "most"), [("experiments", 10), ("experiments/lift", 9), ("attribution", 12)])
def test_a_room_holds_few_things(room, most):
    things = [path for path in (ROOT / room).iterdir() if path.name not in ("__pycache__", "__init__.py", "py.typed")]
    assert len(things) <= most
