"""Compiled code of the law: one decorator for entry points, one for their parts, kept in the disk cache."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

from cpalab.compile_cache import cache_folder, compiled, numba_settings
from cpalab.refusal import Problem, ScenarioError

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


def again(function: Function, changed: Callable[..., Any]) -> Function:
    """Compile a part once more, with the same options, in a changed form."""
    options = getattr(function, "targetoptions", {})
    return part(changed) if options.get("forceinline") else aside(changed)  # type: ignore[return-value]  # the same kind


def own_entry_point(function: Callable[..., Any], digest: str | None) -> Callable[..., Any]:
    """Compile an entry point into which own parts are built; kept on disk in a folder for exactly their code.

    Args:
        digest: of the code of the own parts; None where it cannot be told: then nothing is kept on disk.
    """
    folder = cache_folder(PACKAGE)
    plain = getattr(function, "py_func", function)
    own = None if folder is None or digest is None else folder / f"own-{digest}"
    return compiled(plain, own, nogil=True, **OPTIONS)


def is_cached(function: Callable[..., Any]) -> bool:
    """Whether compiled code of this entry point lies on disk already (an uncompiled run needs none)."""
    if numba_settings.DISABLE_JIT:
        return True
    folder = cache_folder(PACKAGE)
    name = getattr(function, "__name__", "")
    return folder is not None and any(folder.rglob(f"*.{name}-*.nbi"))


def _says_why(line: str) -> bool:
    """Whether a line of numba's message names the reason, not the place where it was noticed."""
    return bool(line.strip()) and not line.startswith(("Failed in", "During:", "File ", "   "))


def resolved(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The machine code of an entry point for arguments of these types.

    Calling it skips finding out the types of all arguments, which takes ten times as long as one step of the law.
    """
    if numba_settings.DISABLE_JIT:
        return function
    types = tuple(numba.typeof(argument) for argument in arguments)  # type: ignore[no-untyped-call]  # numba
    try:
        function.compile(types)  # type: ignore[attr-defined]  # a numba dispatcher
    except KeyError as error:
        # Numba's answer to a field that a record does not have.
        rule, hint = "is read by an own step of the law, and not set", "parameters of own steps are numbers by name"
        raise ScenarioError([Problem(f"law.parameters.{error.args[0]}", rule, hint=hint)]) from error
    except numba.core.errors.NumbaError as error:
        # Our own parts compile, as the tests know: it is a researcher's step that does not.
        said = next((line.strip() for line in str(error).splitlines() if _says_why(line)), str(error))
        raise ScenarioError([Problem("own step of the law", f"cannot be compiled: {said}")]) from error
    return function.get_overload(types)  # type: ignore[attr-defined, no-any-return]  # a numba dispatcher
