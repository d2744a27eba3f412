"""Public names: each is there, is listed, and costs nothing before it is asked for; nothing private escapes."""

import importlib
import subprocess
import sys
import typing

import pytest

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
