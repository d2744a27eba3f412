"""Fit: the numbers of a scenario whose simulated record shows what a channel table does (counts; errors in logarithms).

Simulated moments with common random numbers: every trial lives the same people with the same draws, so that moments move only
with the numbers. Each moment has one number that it answers to, which gives the step; SciPy's Anderson mixing speeds it up.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.own_market.channel_table import Floats, MarketTable
from experiments.own_market.fitted_world import (
    SETTINGS,
    Moments,
    Size,
    build_world,
    first_guess,
    simulated_moments,
    targets,
    won,
)
from experiments.own_market.journey_moments import MODEL_ERROR, journey_figures, journey_steps, stands_before_everybody
from simulator.scenario.loading import load_scenario

__all__ = ["FittedMoment", "FittedWorld", "fit_world"]

CAUSED = SETTINGS.index("caused")
LARGEST_STEP = 1.5
GAINS = (0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.7, 0.7, 0.7, 0.6, 0.6, 0.6)  # of the first steps, before SciPy mixes them
NEED_STEP = 1.6  # orders rise more slowly than need
LONGER = 0.6  # rise of people in the market with the time for which they are [M]
MET = 3.0  # standard errors


@dataclass(frozen=True)
class FittedMoment:
    """One figure of the table beside the fitted world's.

    Attributes:
        channel, figure: which; channel `all`: orders of the shop.
        observed, simulated: at the table's volume.
        errors: ln simulated − ln observed in standard errors, by the chance of both counts; nan: not in the table.
        sampling_error: that standard error, in the figure's own unit.
    """

    channel: str
    figure: str
    observed: float
    simulated: float
    errors: float
    sampling_error: float = math.nan


@dataclass(frozen=True)
class FittedWorld:
    """One world that shows what the table does.

    Attributes:
        tables: of its scenario.
        moments: figures beside each other.
        caused: incremental orders per channel, at the table's volume: what was supposed, and what this world shows.
        numbers: logarithms of the fitted numbers.
    """

    tables: Mapping[str, Any]
    moments: tuple[FittedMoment, ...]
    caused: Mapping[str, tuple[float, float]]
    numbers: Floats

    def missed(self) -> tuple[FittedMoment, ...]:
        """Figures that are farther off than three standard errors, the worst first."""
        found = [m for m in self.moments if abs(m.errors) > MET]
        return tuple(sorted(found, key=lambda m: -abs(m.errors)))


def fit_world(
    table: MarketTable,
    size: Size,
    caused: Mapping[str, float],
    *,
    start: Floats | None = None,
    trials: int = 12,
    until: float = math.inf,
    seed: int = 1,
    threads: int = 1,
    told: Callable[[float], None] = lambda share: None,
) -> FittedWorld:
    """The world that comes nearest: x ← x + step(ln observed − ln simulated), the best trial kept.

    Args:
        table: what was seen.
        size: how large the world is.
        caused: incremental orders per channel, supposed.
        start: numbers to begin with; None: closed forms.
        trials: at most so many simulations.
        until: time (of `time.monotonic`) at which no further trial begins.
        seed: of the common random numbers.
        threads: of each simulation.
        told: called with the share of trials that are done.
    """
    from scipy import optimize

    wanted, orders = targets(table, caused)
    names = [row.name for row in table.rows]
    best: list[tuple[float, Floats, Moments]] = []
    done = 0

    def step_from(x: Floats) -> Floats:
        nonlocal done
        if best and (done >= trials or time.monotonic() > until):
            raise _OutOfTime
        shown = simulated_moments(
            load_scenario(build_world(table, size, x, seed=seed)), names, table=table, threads=threads
        )
        done += 1
        told(done / trials)
        score = _score(table, size, wanted, orders, shown)
        if not best or score < best[0][0]:
            best[:] = [(score, x.copy(), shown)]
        if score < 1.0:
            raise _OutOfTime
        return _step(table, size, wanted, orders, shown)

    x = first_guess(table, size, caused) if start is None else start
    try:
        for gain in GAINS if start is None else GAINS[-4:]:
            x = x + gain * step_from(x)
        optimize.anderson(step_from, x, alpha=GAINS[-1], M=3, maxiter=trials, line_search=None)  # type: ignore[arg-type]  # arrays in, arrays out
    except (_OutOfTime, optimize.NoConvergence):
        pass
    _, x, shown = best[0]
    tables, shown = _paid_as_seen(table, size, build_world(table, size, x, seed=seed), shown)
    return FittedWorld(
        tables,
        _compared(table, size, wanted, orders, shown),
        {
            name: (float(wanted[k, CAUSED]), float(shown.counts[k, CAUSED] / size.share(table)))
            for k, name in enumerate(names)
        },
        x,
    )


def _paid_as_seen(
    table: MarketTable, size: Size, tables: dict[str, Any], shown: Moments
) -> tuple[dict[str, Any], Moments]:
    """The same world at prices that add up to the cost seen: who wins an auction does not depend on the unit of money."""
    cost = shown.cost.copy()
    for k, row in enumerate(table.rows):
        wanted = row.cost * size.share(table)
        if cost[k] > 0:
            channel = tables["channels"][row.name]
            channel["campaigns"]["all"]["bid"] *= wanted / cost[k]
            tables["surfaces"][channel["surface"]]["rival_cpm"] *= wanted / cost[k]
            cost[k] = wanted
    return tables, replace(shown, cost=cost)


class _OutOfTime(Exception):  # noqa: N818 - it ends a search, and is no error
    """No further trial, or none needed."""


def _errors(size: Size, table: MarketTable, wanted: Floats, shown: Floats) -> Floats:
    """Standard errors of ln simulated − ln observed: √(1/n observed + 1/n simulated + model error²)."""
    volume = size.share(table)
    known = np.maximum(np.where(np.isfinite(wanted), wanted, 1.0), 0.5)
    result: Floats = np.sqrt(1 / known + 1 / np.maximum(np.maximum(shown, known * volume), 0.5) + MODEL_ERROR**2)
    return result


def _score(table: MarketTable, size: Size, wanted: Floats, orders: float, shown: Moments) -> float:
    """Mean distance in standard errors, those of more than two counting more."""
    volume = size.share(table)
    off = np.log((np.maximum(shown.counts, 0) / volume + 0.5 / volume) / (wanted + 0.5 / volume))
    z = (off / _errors(size, table, wanted, shown.counts))[np.isfinite(wanted)]
    of_all = math.log(shown.orders / volume / orders) / math.sqrt(1 / orders + 1 / shown.orders + MODEL_ERROR**2)
    z = np.concatenate([z, [of_all], [figure.apart / figure.error for figure in journey_figures(table, shown)]])
    return float(np.sqrt(np.mean(np.minimum(np.abs(z), 30.0) ** 2)))


def _step(table: MarketTable, size: Size, wanted: Floats, orders: float, shown: Moments) -> Floats:
    """How far each number must move, in logarithms, if it answered to its own moment alone."""
    volume, seen = size.share(table), np.maximum(shown.counts, 0.0)
    here = wanted * volume
    off = np.log((here + 0.5) / (seen + 0.5))
    reliable = 1.0 / (1.0 + 2.0 / (here + 0.5) + 2.0 / (seen + 0.5))
    off = np.where(np.isfinite(wanted), off, 0.0) * np.where(np.isfinite(wanted), reliable, 0.0)
    # Need answers to the orders that no bought channel is the source of.
    own, others = float(np.nansum(here[:, 2])), float(seen[:, 2].sum())
    unbought = max(orders * volume - own, 0.05 * orders * volume) / max(shown.orders - others, 0.05 * shown.orders, 1.0)
    all_orders = float(np.clip(math.log(unbought), -1.0, 1.0))
    step = off.copy()
    # Sessions are shared: a place that takes more leaves less to the others.
    sessions = size.users * size.days * size.sessions
    taken = np.array([won(row) for row in table.rows])
    left, wanted_left = 1 - (seen[:, 0] / taken).sum() / sessions, 1 - np.nansum(here[:, 0] / taken) / sessions
    step[:, 0] += math.log(max(left, 0.05) / max(wanted_left, 0.05))
    # People who are looking are more where need is greater, and so are everybody's orders.
    looking = np.array([not stands_before_everybody(row) for row in table.rows])
    step[:, 0] -= np.where(looking, 0.8 * all_orders, 0.0)
    # Clicks come from impressions, and orders by their source from clicks.
    step[:, 1] = off[:, 1] - off[:, 0]
    step[:, 2] = 0.5 * (off[:, 2] - off[:, 1] - all_orders)
    step[:, 3] = np.where(np.isfinite(wanted[:, 3]), 0.8 * (off[:, 3] - off[:, 2]), 0.0)
    step[:, 4] = np.where(np.isfinite(wanted[:, 4]), off[:, 4] - off[:, 2], 0.0)
    gap = here[:, CAUSED] - shown.counts[:, CAUSED]
    step[:, CAUSED] = 0.8 * gap / (np.maximum(shown.counts[:, CAUSED], 0) / 2 + here[:, CAUSED] / 2 + 4.0)
    patience, moods = journey_steps(table, shown)
    # Patient people are in the market for longer: they see more ads there, and order more.
    step[:, 0] -= LONGER * patience * looking
    step[:, CAUSED] -= np.array([0.8 * all_orders if row.of.base == "claims" else 0.0 for row in table.rows])
    result: Floats = np.clip(
        np.concatenate([step.ravel(), [NEED_STEP * all_orders - LONGER * patience, patience], moods]),
        -LARGEST_STEP,
        LARGEST_STEP,
    )
    return result


def _compared(
    table: MarketTable, size: Size, wanted: Floats, orders: float, shown: Moments
) -> tuple[FittedMoment, ...]:
    volume = size.share(table)
    errors = _errors(size, table, wanted, shown.counts)
    rows: list[FittedMoment] = []
    for k, row in enumerate(table.rows):
        given: Sequence[float] = (row.impressions, row.clicks, row.crm, row.platform, row.analytics)
        if not math.isfinite(row.crm):
            given = (*given[:2], row.orders if not math.isfinite(row.analytics) else math.nan, *given[3:])
        for s, (figure, observed) in enumerate(zip(SETTINGS[:CAUSED], given, strict=True)):
            simulated, error = float(shown.counts[k, s]) / volume, float(errors[k, s])
            apart = _apart(simulated, observed, 0.5 / volume) / error
            name = "crm" if figure == "orders" else figure
            rows.append(FittedMoment(row.label, name, observed, simulated, apart, observed * error))
        cost = float(shown.cost[k]) / volume
        error = math.sqrt(1 / max(float(shown.counts[k, 1]), 1.0) + MODEL_ERROR**2)
        rows.append(
            FittedMoment(row.label, "cost", row.cost, cost, _apart(cost, row.cost, 0.0) / error, row.cost * error)
        )
    error = math.sqrt(1 / orders + 1 / shown.orders + MODEL_ERROR**2)
    apart = _apart(shown.orders / volume, orders, 0.0) / error
    rows.append(FittedMoment("all", "orders", orders, shown.orders / volume, apart, orders * error))
    for found in journey_figures(table, shown):
        own = (found.observed, found.simulated, found.apart / found.error, found.observed * found.error)
        rows.append(FittedMoment(found.channel, found.figure, *own))
    return tuple(rows)


def _apart(simulated: float, observed: float, half: float) -> float:
    """Logarithm of simulated ÷ observed, half an action added to both."""
    return math.log((simulated + half) / (observed + half)) if simulated + half > 0 else -math.inf
