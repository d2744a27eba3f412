"""Problems: what is wrong with a scenario, each as place, value, rule and hint."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        place: where, as a dotted path (`channels.retargeting.half_life_days`) or a file name.
        rule: what was expected there.
        value: what was found, as written; empty where showing it says nothing.
        hint: what to do about it; empty where there is nothing useful to say.
    """

    place: str
    rule: str
    value: str = ""
    hint: str = ""

    def __str__(self) -> str:
        value = f" {self.value}" if self.value else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.place}:{value} {self.rule}{hint}" if value else f"{self.place}: {self.rule}{hint}"


class ScenarioError(ValueError):
    """A scenario that cannot be used, with every problem found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`did you mean X?` for the candidate closest to `word`; the list of candidates where none is close; else nothing."""
    known = list(candidates)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(sorted(known))}" if known else ""
