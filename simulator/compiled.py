"""Compiled code of the law: one decorator for entry points, one for their parts, kept in the disk cache."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

from cpalab.compile_cache import cache_folder, compiled, numba_settings

Function = TypeVar("Function", bound=Callable[..., Any])

PACKAGE = Path(__file__).parent

# Counting references to the law's arrays at every step would cost several times what the step does. Callers hold them.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


def entry_point(function: Function) -> Function:
    """Compile `function` for calls from Python: releases the GIL, divides as IEEE 754 says, kept in the disk cache.

    It must not make arrays, only fill those it is given.
    """
    return compiled(function, cache_folder(PACKAGE), nogil=True, **OPTIONS)


def part(function: Function) -> Function:
    """Compile `function` as part of an entry point, inlined there: a step of the law costs no call."""
    return numba.njit(function, forceinline=True, **OPTIONS)  # type: ignore[no-any-return]  # numba is untyped


def aside(function: Function) -> Function:
    """Compile `function` as a part that is called, not inlined: few sessions need it, and all would carry its code."""
    return numba.njit(function, **OPTIONS)  # type: ignore[no-any-return]  # numba is untyped


def is_cached(function: Callable[..., Any]) -> bool:
    """Whether compiled code of this entry point lies on disk already (an uncompiled run needs none)."""
    if numba_settings.DISABLE_JIT:
        return True
    folder = cache_folder(PACKAGE)
    name = getattr(function, "__name__", "")
    return folder is not None and any(folder.rglob(f"*.{name}-*.nbi"))


def resolved(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The machine code of an entry point for arguments of these types.

    Calling it skips finding out the types of all arguments, which takes ten times as long as one step of the law.
    """
    if numba_settings.DISABLE_JIT:
        return function
    types = tuple(numba.typeof(argument) for argument in arguments)  # type: ignore[no-untyped-call]  # numba
    function.compile(types)  # type: ignore[attr-defined]  # a numba dispatcher
    return function.get_overload(types)  # type: ignore[attr-defined, no-any-return]  # a numba dispatcher
