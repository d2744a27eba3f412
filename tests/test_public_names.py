"""Public names: each is there, is listed, and costs nothing before it is asked for; nothing private escapes."""

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
import typing

import pytest

from cpalab.refusal import Refused

PACKAGES = ("cpalab", "simulator", "attribution", "experiments", "experiments.lift")
HEAVY = ("numpy", "pandas", "scipy", "numba", "statsmodels", "altair", "pyarrow", "pydantic")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_can_be_imported_and_none_is_private(package):
    module = importlib.import_module(package)
    assert dir(module) == module.__all__ == sorted(module.__all__)
    assert set(module.CONTENTS) <= set(module.__all__)
    for name in module.__all__:
        assert not name.startswith("_")
        assert getattr(module, name).__name__.rpartition(".")[2] == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_names_that_run(package, monkeypatch):
    monkeypatch.setattr(typing, "TYPE_CHECKING", True)
    module = importlib.import_module(package)
    source = importlib.util.find_spec(package).loader.get_source(package)
    namespace = {"__name__": package}
    exec(compile(source, package, "exec"), namespace)
    for name in module.__all__:
        assert namespace[name] is getattr(module, name), name


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_no_library(package):
    code = f"import sys, {package}; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def documented(thing) -> set[str]:
    """The names that a docstring explains: entries of Args and Attributes, and names in backticks."""
    text = inspect.getdoc(thing) or ""
    sections = re.findall(r"^(?:Args|Attributes):\n((?:[ ]+.*\n?|\n)+)", text, flags=re.MULTILINE)
    entries = [
        name
        for body in sections
        for line in re.findall(r"^ {4}(\w[\w, ]*):", body, re.MULTILINE)
        for name in line.split(", ")
    ]
    return {*entries, *re.findall(r"`(\w+)`", text)}


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_explain_every_parameter(package):
    module = importlib.import_module(package)
    unexplained = {}
    for name in module.CONTENTS:
        thing = getattr(module, name)
        assert inspect.getdoc(thing), name
        if isinstance(thing, type) and issubclass(thing, Refused):
            continue  # all are raised with `problems`
        given = inspect.signature(thing).parameters.values()
        parameters = {p.name for p in given if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {"data"}
        missing = parameters - documented(thing)
        if missing:
            unexplained[name] = sorted(missing)
    assert unexplained == {}


SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Source", "Example")


def sections(thing) -> list[str]:
    """The headings of a docstring, in the order they come."""
    return re.findall(rf"^({'|'.join(SECTIONS)}):", inspect.getdoc(thing) or "", flags=re.MULTILINE)


def refuses(thing) -> bool:
    """Whether a function, or the making of a class, can refuse what it is given, by what its own lines say."""
    source = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    if isinstance(source, ast.ClassDef):
        made = [part for part in source.body if isinstance(part, ast.FunctionDef) and part.name == "__post_init__"]
    else:
        made = [source]
    called = {
        node.func.id
        for function in made
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return bool(called & {"refuse", "checked", "InvalidInputError", "LiftInputError", "ScenarioError", "OutputError"})


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_state_what_is_computed_and_which_errors_are_raised(package):
    module = importlib.import_module(package)
    for name in module.CONTENTS:
        thing = getattr(module, name)
        found = sections(thing)
        assert found == sorted(set(found), key=SECTIONS.index), name
        assert not re.match(r"Returns? ", inspect.getdoc(thing)), name
        if refuses(thing):
            assert "Raises" in found, name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_an_example_that_runs_as_it_stands(package):
    module = importlib.import_module(package)
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for name in module.CONTENTS:
        thing = getattr(module, name)
        (found,) = finder.find(thing, name, globs={"__name__": "__main__"})
        assert found.examples, name
        runner.run(found)
    assert runner.failures == 0
