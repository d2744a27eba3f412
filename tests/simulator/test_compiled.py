"""Compiled code: a cache that notices any changed source, and can live anywhere or nowhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulator import compiled

FOLDER = "from simulator.compiled import PACKAGE; from cpalab.compile_cache import cache_folder; print(cache_folder(PACKAGE))"


@pytest.fixture
def cache_folder_of_a_copy(tmp_path):
    """Where a copy of the package keeps its compiled code, asked in a fresh process."""
    source = Path(compiled.__file__).parent
    shutil.copytree(source, tmp_path / "simulator", ignore=shutil.ignore_patterns("__pycache__"))

    def ask(**environment):
        result = subprocess.run(
            [sys.executable, "-c", FOLDER],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "CPALAB_CACHE_DIR": str(tmp_path / "cache"), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return result.stdout.strip()

    return ask


@pytest.mark.parametrize("changed", ["law/visit.py", "law/parameters.py", "engines/kernels.py", "compiled.py"])
def test_a_changed_source_of_compiled_code_begins_a_new_cache(tmp_path, cache_folder_of_a_copy, changed):
    before = cache_folder_of_a_copy()
    assert before == cache_folder_of_a_copy()
    assert Path(before).parent == tmp_path / "cache" / "cpalab"
    step = tmp_path / "simulator" / changed
    step.write_text(step.read_text() + "\n# changed\n")
    assert cache_folder_of_a_copy() != before


def test_a_changed_source_that_no_compiled_code_reads_compiles_nothing_anew(tmp_path, cache_folder_of_a_copy):
    before = cache_folder_of_a_copy()
    market = tmp_path / "simulator" / "market" / "market.py"
    market.write_text(market.read_text() + "\n# changed\n")
    assert cache_folder_of_a_copy() == before


def test_without_a_writable_place_there_is_no_cache(tmp_path, cache_folder_of_a_copy):
    (tmp_path / "file").touch()
    assert cache_folder_of_a_copy(CPALAB_CACHE_DIR=str(tmp_path / "file")) == "None"
