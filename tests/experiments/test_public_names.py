"""Public names: each is there, is listed, and costs nothing before it is asked for."""

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("experiments", "experiments.lift")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_can_be_imported(package):
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.PUBLIC)
    for name in module.PUBLIC:
        assert getattr(module, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_no_library(package):
    heavy = ("numpy", "pandas", "scipy", "numba", "statsmodels", "altair", "pyarrow", "pydantic")
    code = f"import sys, {package}; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
