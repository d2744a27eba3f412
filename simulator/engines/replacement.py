"""Replacement: the compiled law with parts of it replaced by a researcher's own, by name.

Any compiled part of the law can be replaced: a whole step (`exposure`, `visit`, …) or a piece of one
(`click_probability`, `creative_in_rotation`). Everything that calls it is compiled anew around it.
"""

import dis
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

from numba.core.dispatcher import Dispatcher

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.compiled import again, own_entry_point, part
from simulator.engines import kernels as kernels_module
from simulator.engines import second_lives as second_lives_module
from simulator.engines.own_steps import code_digest, load_step, place_of
from simulator.scenario.schema import Scenario

LOOPS = ("step", "advance", "relive")
STEPS = ("drift", "surface", "auction", "exposure", "visit", "funnel", "aftermath")

Function = Callable[..., Any]


class Kernels(NamedTuple):
    """The three compiled loops through one law.

    Attributes:
        step, advance, relive: the loops.
        own: the parts that are a researcher's own: name of the part, and `module:function` of what stands in its place.
    """

    step: Callable[..., float]
    advance: Callable[..., int]
    relive: Callable[..., int]
    own: tuple[tuple[str, str], ...] = ()


DEFAULT_KERNELS = Kernels(kernels_module.step, kernels_module.advance, second_lives_module.relive)


def replace_steps(**steps: Function) -> Kernels:
    """The law with these parts replaced; compiled when it first runs, and kept: in memory, and on disk where that is safe.

    A part is a function with the arguments and the result of the one it replaces (`simulator.law.exposure.exposure` for
    `exposure`), in the part of Python that numba compiles. It finds parameters of its own, as the scenario's
    `law.parameters` set them, in `law.own[moment.epoch]`:

        def my_ad_response(law, board, goodwill, shown, attitude, moment, offer):
            ceiling = law.own[moment.epoch].ceiling
            ...

        kernels = replace_steps(exposure=my_ad_response)
        world = simulate(scenario, kernels=kernels)

    A scenario can name them itself (`law.steps`); then every experiment on it uses them.

    Raises:
        ScenarioError: there is no such part, or what shall take its place is no function or has other arguments.

    Example:
        >>> from cpalab import replace_steps
        >>> def no_response(law, board, goodwill, shown, attitude, moment, offer):
        ...     return None
        >>> replace_steps(exposure=no_response).own
        (('exposure', '__main__:no_response'),)
    """
    problems = [problem for name, own in steps.items() if (problem := _misfit(name, own))]
    if problems:
        raise ScenarioError(problems)
    return _replaced(tuple(sorted(steps.items()))) if steps else DEFAULT_KERNELS


def kernels_of(scenario: Scenario) -> Kernels:
    """The law that a scenario asks for: with the steps that its `law.steps` names as `module:function`.

    Raises:
        ScenarioError: one of them cannot be loaded or does not fit; or there are parameters and nothing that reads them.
    """
    problems: list[Problem] = []
    steps: dict[str, Function] = {}
    for name, place in scenario.law.steps.items():
        step = load_step(place)
        problem = step if isinstance(step, Problem) else _misfit(name, step)
        if problem is None:
            steps[name] = step  # type: ignore[assignment]  # a function where there is no problem
        else:
            problems.append(Problem(f"law.steps.{name}", problem.rule, problem.value, problem.hint))
    if problems:
        raise ScenarioError(problems)
    return replace_steps(**steps)


def check_parameters(scenario: Scenario, kernels: Kernels) -> None:
    """Refuse parameters of own steps where the law has no own step that could read them.

    Raises:
        ScenarioError: naming each of them.
    """
    if not kernels.own:
        rule, hint = "is read by own steps of the law only", "name one in law.steps, as part = 'module:function'"
        unread = [Problem(f"law.parameters.{name}", rule, hint=hint) for name in scenario.law.parameters]
        if unread:
            raise ScenarioError(unread)


def _misfit(name: str, own: Any) -> Problem | None:
    """What is wrong with putting a function in the place of a part, in words; None where it fits."""
    known = {name: function for name, function in _parts().items() if name not in LOOPS}
    if name not in known:
        # The seven steps are what one usually means; a piece of them is hinted at where its name is near.
        hint = did_you_mean(name, STEPS) or did_you_mean(name, known)
        return Problem(name, "is no step of the law, nor any part of one", hint=hint)
    if not isinstance(own, FunctionType | Dispatcher):
        return Problem(name, "must be a function", type(own).__name__, hint="a plain function that numba can compile")
    wanted = list(inspect.signature(_plain(known[name])).parameters)
    given = inspect.signature(_plain(own)).parameters
    call = f"({', '.join(wanted)})"
    needed = [p for p in given.values() if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    taken = [p for p in given.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    fits = len(needed) == len(wanted) == len(taken) and needed == taken
    if not fits:
        has = f"({', '.join(map(str, given.values()))})"
        return Problem(name, f"must take the {len(wanted)} arguments {call}", has, hint="they are passed by position")
    named = list(given)
    if sorted(named) == sorted(wanted) and named != wanted:
        return Problem(name, f"must take its arguments in the order {call}", f"({', '.join(named)})")
    return None


@cache
def _replaced(steps: tuple[tuple[str, Function], ...]) -> Kernels:
    known = _parts()
    names = {name: part(own) if isinstance(own, FunctionType) else own for name, own in steps}
    memo: dict[Any, Function] = {known[name]: own for name, own in names.items()}
    digest = code_digest(dict(steps))
    loops = []
    for loop in (known[name] for name in LOOPS):
        rebuilt = _rebuilt(loop, memo)
        loops.append(loop if rebuilt is loop else own_entry_point(rebuilt, digest))
    step, advance, relive = loops
    return Kernels(step, advance, relive, tuple((name, place_of(own)) for name, own in steps))


def _rebuilt(function: Function, memo: dict[Any, Function]) -> Function:
    """A part with all that it calls replaced as `memo` says, compiled again if anything was; itself if nothing was."""
    if function not in memo:
        plain = _plain(function)
        called = dict(_called(plain))
        own = {name: _rebuilt(value, memo) for name, value in called.items()}
        changed = {name: value for name, value in own.items() if value is not called[name]}
        memo[function] = function
        if changed:
            namespace = {**plain.__globals__, **changed}
            rebuilt = FunctionType(plain.__code__, namespace, plain.__name__, plain.__defaults__, plain.__closure__)
            memo[function] = again(function, rebuilt)
    return memo[function]


@cache
def _parts() -> dict[str, Function]:
    """Every compiled part of the law that the loops reach, by name; the loops themselves too."""
    found: dict[str, Function] = {}

    def collect(function: Function) -> None:
        name = _plain(function).__name__
        if found.setdefault(name, function) is not function:
            raise AssertionError(f"two parts of the law are called {name}")  # a fault of ours, found by the tests
        for _, called in _called(_plain(function)):
            if _plain(called).__name__ not in found or found[_plain(called).__name__] is not called:
                collect(called)

    for loop in (kernels_module.step, kernels_module.advance, second_lives_module.relive):
        collect(loop)
    return found


def _called(plain: FunctionType) -> Iterator[tuple[str, Function]]:
    """The compiled parts of the law that a function calls, by the name it calls them."""
    # Not co_names: that holds names of attributes too, and `board.throttle` inside `throttle` is no call of itself.
    names = {i.argval for i in dis.get_instructions(plain) if i.opname == "LOAD_GLOBAL"}
    for name in sorted(names):
        value = plain.__globals__.get(name)
        if isinstance(value, Dispatcher | FunctionType) and _plain(value).__module__.startswith("simulator."):
            yield name, value


def _plain(function: Any) -> FunctionType:
    return getattr(function, "py_func", function)  # type: ignore[no-any-return]  # numba is untyped
