"""Damped Newton's method for a convex loss with a weak normal prior: what the logistic and the Poisson regression share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attribution.paths.ragged import Floats

PRIOR_SCALE = 5.0  # standard deviation of an effect, in log odds or in the logarithm of a rate: a factor of 150


def weak_prior(parameters: int) -> Floats:
    """The precision of the prior on each parameter [parameters], the intercept first: 1 / PRIOR_SCALE² on effects.

    The intercept is free; log odds beyond 700 overflow, which 1e-12 keeps out of reach.
    """
    precision = np.full(parameters, PRIOR_SCALE**-2)
    precision[0] = 1e-12
    return precision


def least(
    loss: Callable[[Floats], float],
    downhill: Callable[[Floats], tuple[Floats, Floats]],
    start: Floats,
    most_steps: int,
) -> Floats:
    """Where a convex loss is least: Newton's steps, each halved until it does not lead uphill.

    Args:
        loss: of parameters [n].
        downhill: its falling slope [n] and its curvature [n, n] at parameters.
        start: where to begin [n].
        most_steps: when to stop if the steps have not become too small to matter.
    """
    at = start
    for _ in range(most_steps):
        slope, curvature = downhill(at)
        step = np.linalg.solve(curvature, slope)
        here = loss(at)
        while loss(at + step) > here + 1e-12 * abs(here) and np.abs(step).max() > 1e-12:
            step = step / 2
        at = at + step
        if np.abs(step).max() < 1e-11 * (1 + np.abs(at).max()):
            break
    return at
