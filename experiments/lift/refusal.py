"""The refusal of bad input to a lift test: every problem at once, as place, value, rule and hint."""

from collections.abc import Sequence

__all__ = ["LiftInputError", "refuse"]


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
