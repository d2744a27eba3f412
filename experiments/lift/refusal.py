"""The refusal of bad input to a lift test: every problem at once, as place, value, rule and hint."""

import difflib
from collections.abc import Sequence

__all__ = ["LiftInputError", "choice_problems", "refuse", "share_from_half_problems"]


class LiftInputError(ValueError):
    """Input that a lift test cannot answer.

    Attributes:
        problems: one line per problem, `place: value rule; hint`.
    """

    def __init__(self, problems: Sequence[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def refuse(problems: Sequence[str]) -> None:
    """Raise one `LiftInputError` that carries all problems; do nothing where there is none."""
    if problems:
        raise LiftInputError(problems)


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
