"""What time-based regression does where nothing was tested: control geos as if treated (in standard errors)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PlaceboInflation", "placebo_inflation", "shared_slope"]

Series = NDArray[np.float64]
# Fewer controls leave no two sets to compare; so many random sets are drawn, always the same.
FEWEST_CONTROLS, SETS, SEED = 4, 200, 20171


@dataclass(frozen=True)
class PlaceboInflation:
    """By how much the least-squares error is too small.

    Attributes:
        inflation: √(mean of squared placebo effects ÷ their own squared errors).
        df: (Σx)²/Σx² − 1 of the control geos' responses x: as many geos of equal size would tell as much.
    """

    inflation: float
    df: float


def shared_slope(treated: Series, controls: Series, pre_days: int) -> float:
    """β̂ + (1 − λ)·ȳ/x̄: the slope of least squares, and the ratio of levels in place of what noise took from it.

    The control's total x is what all geos share plus noise of its own, and a regression on it is attenuated by λ, the share
    of what is shared in Var(x): a market that grows is foretold too low, and the ads get the credit. The geos' own noise is
    independent, so Σ_{g≠h} Cov(x_g, x_h), scaled by X²/(X² − Σ x̄_g²) for the pairs it leaves out, is the shared variance.
    Where geos share all (λ = 1) this is least squares, where they share nothing (λ = 0) it is the ratio of levels.

    Args:
        treated: total of shape `(days,)`.
        controls: of shape `(controls, days)`.
        pre_days: the days that are fitted.

    Source: Fuller (1987), "Measurement error models", chapter 1, for the attenuation.
    """
    own, levels = _own(controls[:, :pre_days])
    total = controls[:, :pre_days].sum(axis=0)[None]
    return float(_slope(treated[None, :pre_days], total, own.sum(), levels @ levels)[0])


def placebo_inflation(controls: Series, treated_geos: int, pre_days: int) -> PlaceboInflation | None:
    """Random sets of as many control geos as were treated (at most half), read against the other controls.

    Their effects are zero, so that squared effects over squared errors are one on average if errors are what they claim.
    Shifts of one geo against another, autocorrelation and slopes that do not hold all show in them. None with fewer than four
    controls.

    Args:
        controls: of shape `(controls, days)`, the last days those of the window.
        treated_geos: how many geos were treated.
        pre_days: number of days before the test.
    """
    # Geos without any response have none to misforetell.
    controls = controls[controls[:, :pre_days].mean(axis=1) > 0]
    number = len(controls)
    if number < FEWEST_CONTROLS:
        return None
    size = max(1, min(treated_geos, number // 2))
    rng = np.random.default_rng(SEED)
    chosen = np.eye(number, dtype=bool) if size == 1 else rng.random((SETS, number)).argsort(axis=1) < size
    own, levels = _own(controls[:, :pre_days])
    within = chosen.astype(float)
    treated, rest = within @ controls, (1 - within) @ controls
    effects, errors = _effects(treated, rest, (1 - within) @ own, (1 - within) @ levels**2, pre_days)
    known = errors > 0
    if not known.any():
        return None
    mean = float(levels.sum() ** 2 / (levels @ levels))
    return PlaceboInflation(math.sqrt(float(np.mean((effects[known] / errors[known]) ** 2))), max(1.0, mean - 1))


def _own(before: Series) -> tuple[Series, Series]:
    """Σ_t (x_gt − x̄_g)² and x̄_g of every geo, each of shape `(geos,)`."""
    levels = before.mean(axis=1)
    return ((before - levels[:, None]) ** 2).sum(axis=1), levels


def _slope(treated: Series, control: Series, own: Series, squared_levels: Series) -> Series:
    """The slope of `shared_slope` for sets of geos, of shape `(sets,)`, from days before the test, `(sets, days)`.

    `own` and `squared_levels` are Σ_gt (x_gt − x̄_g)² and Σ_g x̄_g² over the geos of each control.
    """
    level = control.mean(axis=1)
    centred = control - level[:, None]
    squares = (centred**2).sum(axis=1)
    safe = np.where(squares > 0, squares, np.inf)
    pairs = level**2 - squared_levels
    tells = pairs > 1e-9 * level**2
    shared = (squares - own) * level**2 / np.where(tells, pairs, np.inf)
    # A single control geo does not show what it shares.
    share = np.where(tells, np.clip(shared / safe, 0.0, 1.0), 1.0)
    ratio = np.divide(treated.mean(axis=1), level, out=np.zeros_like(level), where=level != 0)
    return np.asarray((centred * treated).sum(axis=1) / safe + (1 - share) * ratio)


def _effects(
    treated: Series, control: Series, own: Series, squared_levels: Series, pre_days: int
) -> tuple[Series, Series]:
    """Effect on the days after `pre_days` and its error for independent errors, each of shape `(sets,)`."""
    n, m = pre_days, treated.shape[1] - pre_days
    slope = _slope(treated[:, :n], control[:, :n], own, squared_levels)
    centred = control - control[:, :n].mean(axis=1, keepdims=True)
    left = treated - treated[:, :n].mean(axis=1, keepdims=True) - slope[:, None] * centred
    variance = (left[:, :n] ** 2).sum(axis=1) / (n - 2)
    squares = (centred[:, :n] ** 2).sum(axis=1)
    reach = centred[:, n:].sum(axis=1) ** 2 / np.where(squares > 0, squares, np.inf)
    return left[:, n:].sum(axis=1), np.sqrt(variance * (m + m * m / n + reach))
