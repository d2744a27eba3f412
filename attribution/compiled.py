"""`kernel`: compile a function with numba, keeping the machine code on disk where the machine allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def inlined(function: F) -> F:
    """Compile `function` into every kernel that calls it: for the few lines of an innermost loop."""
    return cast(F, njit(inline="always", nogil=True)(function))


def kernel(function: F) -> F:
    """Compile `function` at its first call, and cache the result beside its source or in the user's cache.

    Numba notices a change of the cached function's own file only, so a kernel and the kernels it calls live
    in one file. Where neither folder can be written (a read-only home), the function is compiled anew in each
    process.
    """
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba: "no locator available", raised when no cache folder can be written
        return cast(F, njit(nogil=True)(function))
