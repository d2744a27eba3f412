"""The refusal of bad input, before any work: every problem at once, each with its place, value, rule and hint."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = [
    "InvalidInputError",
    "LiftInputError",
    "Problem",
    "Refused",
    "ScenarioError",
    "choice_problems",
    "did_you_mean",
    "first_line",
    "gathered",
    "refuse",
    "share_from_half_problems",
]

Made = TypeVar("Made")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        place: where, as a dotted path (`channels.retargeting.half_life_days`), a file, a column or an argument.
        rule: what was expected there.
        value: what was found, as written; empty where showing it says nothing.
        hint: what to do about it; empty where there is nothing useful to say.
    """

    place: str
    rule: str
    value: str = ""
    hint: str = ""

    @classmethod
    def of(cls, text: str) -> "Problem":
        """The problem that a line `place: value rule; hint` states."""
        place, colon, rest = text.partition(": ")
        if not colon:
            return cls("", text)
        rule, _, hint = rest.partition("; ")
        return cls(place, rule, hint=hint)

    def __str__(self) -> str:
        value = f"{self.value} " if self.value else ""
        place = f"{self.place}: " if self.place else ""
        return f"{place}{value}{self.rule}{f'; {self.hint}' if self.hint else ''}"


class Refused(ValueError):  # noqa: N818 - said as a sentence: the input was refused
    """Input that cannot be used.

    Attributes:
        problems: everything that is wrong with it, in the order found.

    Example:
        >>> from cpalab import Refused
        >>> raise Refused(["users: 0 must be at least 1; leave it out for the scenario's own"])
        Traceback (most recent call last):
        cpalab.refusal.Refused: users: 0 must be at least 1; leave it out for the scenario's own
    """

    def __init__(self, problems: Iterable[Problem | str]) -> None:
        self.problems = tuple(Problem.of(found) if isinstance(found, str) else found for found in problems)
        super().__init__("\n".join(self.lines))

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is on its way from another process: with its problems."""
        return _refused_again, (type(self), self.problems), vars(self)

    @property
    def lines(self) -> tuple[str, ...]:
        """Every problem as one line of text."""
        return tuple(map(str, self.problems))


def first_line(error: Exception) -> str:
    """What an error of a library says first, at most 200 characters of it; its name where it says nothing."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _refused_again(kind: type[Refused], problems: tuple[Problem, ...]) -> Refused:
    error = kind.__new__(kind)
    Refused.__init__(error, problems)
    return error


class ScenarioError(Refused):
    """A scenario, or a change of one, that cannot be used.

    Example:
        >>> from cpalab import load_scenario
        >>> load_scenario("dropshipping", {"run.users": 0})
        Traceback (most recent call last):
        cpalab.refusal.ScenarioError: run.users: 0 must be greater than or equal to 1
    """


class InvalidInputError(Refused):
    """Touches, conversions, costs or settings that attribution cannot use.

    Example:
        >>> from attribution import load_model
        >>> load_model("time_decay", half_life_days=-1)
        Traceback (most recent call last):
        cpalab.refusal.InvalidInputError: time_decay.half_life_days: -1 must be days above 0; math.inf is linear
    """


class LiftInputError(Refused):
    """Input that a lift test cannot answer.

    Example:
        >>> from experiments.lift import LiftInputError, UserTestDesign
        >>> try:
        ...     UserTestDesign(baseline_rate=2.0, level=5)
        ... except LiftInputError as refused:
        ...     [problem.place for problem in refused.problems]
        ['baseline_rate', 'level']
    """


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`did you mean X?` for the candidate nearest to `word`; all candidates where none is near; else nothing."""
    known = sorted(candidates)
    by_fold = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1)
    near = [by_fold[close[0]]] if close else [name for name in known if word and word.casefold() in name.casefold()]
    if near:
        return f"did you mean {near[0]}?"
    return f"known here: {', '.join(known)}" if known else ""


def refuse(problems: Sequence[Problem | str]) -> None:
    """Raise one `LiftInputError` that carries all problems; do nothing where there is none."""
    if problems:
        raise LiftInputError(problems)


def gathered(problems: list[Any], make: Callable[[], Made]) -> Made | None:
    """What `make` gives; None, and its problems added to `problems`, where it refuses.

    Args:
        problems: what is wrong so far, to be refused together later.
        make: reads or builds one of several inputs.

    Example:
        >>> problems = []
        >>> gathered(problems, lambda: refuse(["users: 0 must be at least 1"]))
        >>> print(*problems)
        users: 0 must be at least 1
    """
    try:
        return make()
    except Refused as error:
        problems += error.problems
        return None


def choice_problems(place: str, given: object, allowed: Sequence[str]) -> list[str]:
    """What is wrong with a word that must be one of a few."""
    if given in allowed:
        return []
    close = difflib.get_close_matches(str(given), allowed, n=1)
    hint = f"did you mean {close[0]}?" if close else f"write {allowed[0]}"
    return [f"{place}: {given} must be one of {', '.join(allowed)}; {hint}"]


def share_from_half_problems(**shares: float) -> list[str]:
    """A problem for each named share, such as a power, outside of one half … 1."""
    return [
        f"{name}: {value} must lie between 0.5 and 1; write 0.8 for 80 %"
        for name, value in shares.items()
        if not 0.5 <= value < 1
    ]
