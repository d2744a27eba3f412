"""Bad input, refused before any work: every problem at once, each with its place, value, rule and hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class InvalidInputError(ValueError):
    """Input that breaks a rule; `problems` lists every broken rule as `place: value rule; hint`."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the hint about an unknown `word`: its nearest neighbour, or all that is known."""
    known, word = sorted(known), word.casefold()
    close = difflib.get_close_matches(word, known, n=1) or [name for name in known if word in name]
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"
