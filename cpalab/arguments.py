"""Arguments of the front doors: judged by the function's own annotations before any work, all problems at once."""

import functools
import inspect
import math
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar

from cpalab.parameters import type_problem
from cpalab.refusal import Problem, Refused

__all__ = ["Between", "Count", "checked"]

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Between:
    """The range of an annotated number: `Annotated[float, Between(0, 1)]`, both ends included.

    Attributes:
        lowest: the least it may be.
        highest: the most it may be.
        hint: what to write instead.
    """

    lowest: float
    highest: float = math.inf
    hint: str = ""

    def __repr__(self) -> str:
        """As signatures show it: `at least 1`."""
        return f"at least {self.lowest:g}{f' and at most {self.highest:g}' if self.highest < math.inf else ''}"

    def problems(self, place: str, value: float) -> list[Problem]:
        """What is wrong with a number."""
        if self.lowest <= value <= self.highest:
            return []
        return [Problem(place, f"must be {self!r}", repr(value), self.hint)]


Count = Annotated[int, Between(1)]


def checked(
    refusal: type[Refused], *, but: Collection[str] = ()
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A function that refuses, before any work, arguments its annotations do not allow.

    Args:
        refusal: the error raised, with all problems.
        but: names of arguments that the function judges itself, in better words.

    Example:
        >>> from cpalab.refusal import LiftInputError
        >>> @checked(LiftInputError)
        ... def draws(count: Count, seed: int) -> int:
        ...     return count + seed
        >>> draws(0, seed="1")
        Traceback (most recent call last):
        cpalab.refusal.LiftInputError: count: 0 must be at least 1
        seed: '1' must be a whole number
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        signature = inspect.signature(function)

        @functools.cache
        def annotations() -> dict[str, Any]:
            return typing.get_type_hints(function, include_extras=True)

        @functools.wraps(function)
        def with_checks(*positional: Given.args, **named: Given.kwargs) -> Result:
            problems: list[Problem] = []
            for name, value in signature.bind(*positional, **named).arguments.items():
                if name in but or name not in annotations():
                    continue
                annotation, *ranges = _taken_apart(annotations()[name])
                wrong = type_problem(name, value, annotation)
                problems += [wrong] if wrong else []
                if not wrong and value is not None:
                    problems += [p for one in ranges if isinstance(one, Between) for p in one.problems(name, value)]
            if problems:
                raise refusal(problems)
            return function(*positional, **named)

        return with_checks

    return decorate


def _taken_apart(annotation: Any) -> tuple[Any, ...]:
    """The type and what is said of it: of `Annotated[int, …]`, also where None may stand instead."""
    for part in (annotation, *typing.get_args(annotation)):
        if typing.get_origin(part) is Annotated:
            kind, *said = typing.get_args(part)
            return (kind if part is annotation else kind | None, *said)
    return (annotation,)
