"""Checks: which parameters of a rule must be above zero, or shares, said in words before any work."""

import math
from typing import Any

from cpalab.refusal import Problem, ScenarioError


def check_parameters(rule: Any, *, positive: tuple[str, ...] = (), shares: tuple[str, ...] = ()) -> None:
    """Refuse a rule whose parameters make no sense.

    Raises:
        ScenarioError: with every parameter that is not above 0, or no share from 0 to 1.
    """
    problems = [
        Problem(name, "must be a number above 0", repr(getattr(rule, name)))
        for name in positive
        if not 0.0 < getattr(rule, name) < math.inf
    ]
    problems += [
        Problem(name, "must be a share from 0 to 1", repr(getattr(rule, name)))
        for name in shares
        if not 0.0 <= getattr(rule, name) <= 1.0
    ]
    if problems:
        raise ScenarioError(problems)
