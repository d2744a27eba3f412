"""Own steps: a researcher's functions, found by name, and a digest of their code by which they are cached."""

import hashlib
import sys
from collections.abc import Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from cpalab.own_code import OwnCodeError, load_own_code, written_module
from cpalab.refusal import Problem

# What compiled code may name without its digest having to look inside: the cache folder stands for their versions.
KNOWN_MODULES = {*sys.stdlib_module_names, "numba", "numpy", "simulator"}


class _UntoldError(Exception):
    """Something that code depends on and whose content cannot be told."""


def load_step(place: str) -> Any | Problem:
    """What `module:function` or `FILE.py:function` names (see `cpalab.own_code`), or why it cannot be loaded."""
    try:
        return load_own_code(place)
    except OwnCodeError as error:
        return Problem("", error.rule, repr(place), error.hint)


def place_of(function: Any) -> str:
    """`module:function` of a function, or `FILE.py:function` where it was loaded from a file."""
    plain = getattr(function, "py_func", function)
    return f"{written_module(plain.__module__)}:{plain.__qualname__}"


def code_digest(functions: Mapping[str, Any]) -> str | None:
    """A digest of all the code that these functions consist of; None where some of it cannot be told.

    It follows what a function names: constants, other functions, closures. A module of the user's own that is named as a
    whole cannot be told, nor can objects other than numbers, words and arrays.
    """
    digest = hashlib.sha256()
    seen: set[int] = set()

    def add(value: Any) -> None:
        if isinstance(value, Dispatcher):
            add(value.py_func)
        elif isinstance(value, FunctionType):
            add_function(value)
        elif isinstance(value, CodeType):
            digest.update(value.co_code)
            add((value.co_names, value.co_varnames, value.co_freevars, value.co_argcount))
            add(value.co_consts)
        elif isinstance(value, tuple | list | frozenset):
            digest.update(f"{type(value).__name__}{len(value)}".encode())
            for entry in sorted(value, key=repr) if isinstance(value, frozenset) else value:
                add(entry)
        elif isinstance(value, np.ndarray) and value.dtype != object:
            digest.update(f"{value.dtype.descr}{value.shape}".encode() + value.tobytes())
        elif value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
            digest.update(f"{type(value).__name__}{value!r};".encode())
        elif _is_known(value):
            digest.update(f"{getattr(value, '__module__', '')}.{value.__name__};".encode())
        else:
            raise _UntoldError

    def add_function(function: FunctionType) -> None:
        if _is_known(function) or id(function) in seen:
            digest.update(f"{place_of(function)};".encode())
            return
        seen.add(id(function))
        add((function.__code__, function.__defaults__))
        for cell in function.__closure__ or ():
            add(cell.cell_contents)
        for name in _names(function.__code__):
            if name in function.__globals__:
                digest.update(name.encode())
                add(function.__globals__[name])

    try:
        for name, function in sorted(functions.items()):
            digest.update(name.encode())
            add(function)
    except _UntoldError:
        return None
    return digest.hexdigest()[:16]


def _names(code: CodeType) -> list[str]:
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant)]
    return sorted({*code.co_names, *inner})


def _is_known(value: Any) -> bool:
    """Whether a module, class or function belongs to Python, NumPy, numba or the simulator itself."""
    if not isinstance(value, ModuleType | type | FunctionType | BuiltinFunctionType | np.ufunc):
        return False
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or "numpy"
    return module.partition(".")[0] in KNOWN_MODULES
