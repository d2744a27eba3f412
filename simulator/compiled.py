"""Compiled code: one decorator for entry points, one for their parts, and a disk cache that notices any changed source.

Numba's own cache watches only the file of the compiled function itself. The law is spread over many small files, so the
cache folder here is named by a hash of every source file of this package and of the versions of what compiles them.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba
import numpy as np

# Numba makes the names of its settings while it is imported; a type checker cannot see them.
numba_settings: Any = numba.config

Function = TypeVar("Function", bound=Callable[..., Any])

# Counting references to the law's arrays at every step would cost several times what the step does. Callers hold them.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """Folder for compiled code of exactly these sources and versions; None where no folder can be written.

    `CPALAB_CACHE_DIR` names another place than the user's cache folder.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for source in sorted(package.rglob("*.py")):
        digest.update(source.relative_to(package).as_posix().encode())
        digest.update(source.read_bytes())
    # Where the sources lie belongs to it: numba keeps code per path, and `is_cached` must not find another checkout's.
    digest.update(str(package).encode())
    digest.update(repr((numba.__version__, llvmlite.__version__, np.__version__, sys.version)).encode())
    base = os.environ.get("CPALAB_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(base).expanduser() / "cpalab" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def entry_point(function: Function) -> Function:
    """Compile `function` for calls from Python: releases the GIL, divides as IEEE 754 says, kept in the disk cache.

    It must not make arrays, only fill those it is given.
    """
    return _compile(function, nogil=True, **OPTIONS)


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
    folder = cache_folder()
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


def _compile(function: Function, **options: Any) -> Function:
    folder = cache_folder()
    if folder is None or numba_settings.DISABLE_JIT:
        return numba.njit(function, **options)  # type: ignore[no-any-return]  # numba is untyped
    # Numba reads its cache folder from a global setting while it decorates: borrow it and give it back.
    before = numba_settings.CACHE_DIR
    numba_settings.CACHE_DIR = str(folder)
    try:
        return numba.njit(function, cache=True, **options)  # type: ignore[no-any-return]  # numba is untyped
    finally:
        numba_settings.CACHE_DIR = before
