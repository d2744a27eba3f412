"""Replacement: the compiled law with one of its steps replaced by a researcher's own."""

from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numba

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.compiled import OPTIONS, part
from simulator.engines import kernels as kernels_module
from simulator.engines import second_lives as second_lives_module
from simulator.law import invalid_traffic, session

STEPS = ("drift", "surface", "auction", "exposure", "visit", "funnel", "aftermath")


class Kernels(NamedTuple):
    """The three compiled loops through one law."""

    step: Callable[..., float]
    advance: Callable[..., int]
    relive: Callable[..., int]


DEFAULT_KERNELS = Kernels(kernels_module.step, kernels_module.advance, second_lives_module.relive)


def replace_steps(**steps: Callable[..., Any]) -> Kernels:
    """The law with these steps replaced, compiled anew (about as long as the first run of all takes).

    A step is a function with the arguments and the result of the one it replaces (`simulator.law.exposure.exposure`
    for `exposure`), in the part of Python that numba compiles:

        kernels = replace_steps(exposure=my_ad_response)
        world = simulate(scenario, kernels=kernels)

    Raises:
        ScenarioError: there is no such step.
    """
    unknown = [
        Problem(name, "is no step of the law", hint=did_you_mean(name, STEPS)) for name in steps if name not in STEPS
    ]
    if unknown:
        raise ScenarioError(unknown)
    replaced = {name: part(step) if isinstance(step, FunctionType) else step for name, step in steps.items()}
    own = {**replaced, **_rebuilt(session, ("approach", "respond"), replaced)}
    own |= _rebuilt(invalid_traffic, ("robot_session",), own)
    own |= _rebuilt(kernels_module, ("session",), own)
    own |= _rebuilt(second_lives_module, ("parts", "live_robot", "live_person"), own)
    loops = _rebuilt(kernels_module, ("step", "advance"), own) | _rebuilt(second_lives_module, ("relive",), own)
    return Kernels(loops["step"], loops["advance"], loops["relive"])


def _rebuilt(module: ModuleType, functions: tuple[str, ...], replaced: Mapping[str, Any]) -> dict[str, Any]:
    """These functions of a module, compiled again in its namespace with some names replaced, each seeing those before it."""
    result: dict[str, Any] = {}
    for name in functions:
        compiled = getattr(module, name)
        plain = getattr(compiled, "py_func", compiled)
        namespace = {**plain.__globals__, **replaced, **result}
        rebuilt = FunctionType(plain.__code__, namespace, name, plain.__defaults__, plain.__closure__)
        result[name] = numba.njit(nogil=True, **OPTIONS)(rebuilt)
    return result
