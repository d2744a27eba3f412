"""The disk cache of compiled code: one folder for exactly these sources and versions, and the decorators that use it.

Numba's own cache watches only the file of the compiled function itself. Compiled code here is spread over many small
files, so the cache folder is named by a hash of every source file that compiled code can depend on, and of the versions of
what compiles them. Other files of the package may change without a new compilation.
"""

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

# Numba makes the names of its settings while it is imported; a type checker cannot see them.
numba_settings: Any = numba.config

# What compiles: decorators, and the calls that build own parts in. And the imports that functions and constants come from.
COMPILES = re.compile(r"^@(entry_point|part|aside)\b|\b(again|own_entry_point)\(", re.MULTILINE)
IMPORTED = re.compile(r"^\s*(?:from ([\w.]+) import (\([^)]*\)|[^\n]*)|import ([\w.]+))", re.MULTILINE)


def sources_of_compiled_code(package: Path) -> list[Path]:
    """Source files that hold compiled functions, and all that these import from the package, in order of their paths.

    Args:
        package: folder of a package that compiles as `simulator.compiled` does.
    """
    texts = {source: source.read_text(encoding="utf-8") for source in sorted(package.rglob("*.py"))}
    modules = {".".join((package.name, *source.relative_to(package).with_suffix("").parts)): source for source in texts}
    waiting = [source for source, text in texts.items() if COMPILES.search(text)]
    needed: set[Path] = set()
    while waiting:
        source = waiting.pop()
        if source in needed:
            continue
        needed.add(source)
        for module, names, plain in IMPORTED.findall(texts[source]):
            imported = [module or plain, *(f"{module}.{name}" for name in re.findall(r"\w+", names))]
            waiting += [modules[name] for name in imported if name in modules]
    return sorted(needed)


@cache
def cache_folder(package: Path) -> Path | None:
    """Folder for compiled code of exactly these sources and versions; None where no folder can be written.

    `CPALAB_CACHE_DIR` names another place than the user's cache folder.

    Args:
        package: folder of the sources that compiled code depends on.
    """
    digest = hashlib.sha256()
    for source in sources_of_compiled_code(package):
        digest.update(source.relative_to(package).as_posix().encode())
        digest.update(source.read_bytes())
    # Where the sources lie belongs to it: numba keeps code per path, and another checkout's must not be taken for ours.
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


def compiled(function: Function, folder: Path | None, **options: Any) -> Function:
    """Compile `function` at its first call, and keep the machine code in this folder; in no folder where it is None."""
    if folder is None or numba_settings.DISABLE_JIT:
        return cast(Function, numba.njit(function, **options))
    # Numba reads its cache folder from a global setting while it decorates: borrow it and give it back.
    before = numba_settings.CACHE_DIR
    numba_settings.CACHE_DIR = str(folder)
    try:
        return cast(Function, numba.njit(function, cache=True, **options))
    finally:
        numba_settings.CACHE_DIR = before


def inlined(function: Function) -> Function:
    """Compile `function` into every kernel that calls it: for the few lines of an innermost loop."""
    return cast(Function, numba.njit(inline="always", nogil=True)(function))


def kernel(function: Function) -> Function:
    """Compile `function` at its first call, and cache the result beside its source or in the user's cache.

    Numba notices a change of the cached function's own file only, so a kernel and the kernels it calls live
    in one file. Where neither folder can be written (a read-only home), the function is compiled anew in each
    process.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba: "no locator available", raised when no cache folder can be written
        return cast(Function, numba.njit(nogil=True)(function))
