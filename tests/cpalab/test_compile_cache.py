"""Compiled kernels work where nothing can be cached, and the package costs nothing to import."""

import subprocess
import sys

import numpy as np

import attribution
from attribution.paths.kernels import group_rows, hash_rows, order_by_person_and_time
from cpalab import compile_cache


def test_a_machine_without_a_folder_to_cache_in_compiles_anew(monkeypatch):
    calls = []

    def njit(**options):
        calls.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr("cpalab.compile_cache.numba.njit", njit)

    def double(x):
        return 2 * x

    assert compile_cache.kernel(double)(4) == 8
    assert calls == [{"cache": True, "nogil": True}, {"nogil": True}]


def test_importing_the_package_imports_no_heavy_library():
    heavy = "numba", "pandas", "pyarrow", "scipy"
    code = f"import sys, attribution; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_found():
    for name in dir(attribution):
        assert getattr(attribution, name).__name__ == name


def test_rows_of_equal_hash_are_told_apart():
    codes, offsets = np.array([1, 2, 1, 2, 1], dtype=np.int32), np.array([0, 1, 2, 3, 5])
    group, first = group_rows(codes, offsets, np.zeros(4, dtype=np.uint64))
    assert group.tolist() == [0, 1, 0, 2]
    assert first.tolist() == [0, 1, 3]
    assert len(set(hash_rows(codes, offsets).tolist())) == 3


def test_order_is_that_of_a_stable_sort():
    rng = np.random.default_rng(1)
    person, time = rng.integers(0, 6, 500).astype(np.int32), rng.integers(0, 20, 500).astype(float)
    order, offsets = order_by_person_and_time(person, time, 6)
    assert np.array_equal(order, np.lexsort((time, person)))
    assert np.array_equal(np.diff(offsets), np.bincount(person, minlength=6))
