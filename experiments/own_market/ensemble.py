"""An ensemble: worlds that all show what a channel table does and differ in what it cannot show: what ads cause (actions).

Attributed figures do not say how many orders would have come anyway. What each kind of channel causes has a prior from
published experiments; a lift test of one's own narrows it. Every world supposes one value per channel, so that together they
cover each channel's range evenly (Latin hypercube), and is fitted to the table under that supposition.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cpalab.refusal import Problem, Refused, did_you_mean
from cpalab.result import Result
from experiments.own_market.answers.over_worlds import part_of
from experiments.own_market.channel_table import ChannelRow, Floats, MarketTable
from experiments.own_market.fit import FittedWorld, fit_world
from experiments.own_market.fitted_world import Size, build_world, first_guess, simulated_moments, size_of
from experiments.own_market.toml_text import toml_text
from simulator.scenario.loading import load_scenario

if TYPE_CHECKING:
    import pandas as pd

    from attribution.formats.lift_tests import MeasuredLift

__all__ = ["ENSEMBLE", "CausedRange", "Ensemble", "caused_ranges", "ensemble_members", "fit_ensemble"]

ENSEMBLE = "ensemble.json"
KIND = "cpalab ensemble"
FEWEST, USUAL_WORLDS = 3, 10  # of two, both would suppose the middle
SURPRISE = 0.10  # of the prior lies outside of its usual range, up to twice as far [M]
GRID = 4_000
FIRST_TRIALS, NEXT_TRIALS = 20, 6  # simulations for the middle world, and for each that begins with its numbers
FIRST_SHARE = 0.4  # of the time, at most, for the middle world
HELD_OUT = 0.5  # of people, in the lift test that is suggested


@dataclass(frozen=True)
class CausedRange:
    """What one channel's ads may have caused, as the table and any lift test leave it open.

    Attributes:
        channel, name: in the table, and in scenarios.
        cost: in currency; orders: by their source.
        lower, median, upper: incremental orders, 90 % range.
        tested: whether a lift test narrowed it.
        grid, weights: values and their probabilities, (N,) each.
    """

    channel: str
    name: str
    cost: float
    orders: float
    lower: float
    median: float
    upper: float
    tested: bool
    grid: Floats
    weights: Floats

    def quantile(self, share: float) -> float:
        """The value below which so much of the probability lies."""
        return float(np.interp(share, np.cumsum(self.weights), self.grid))

    def price(self, orders: float) -> float:
        """Cost per incremental order, in currency; no order: unbounded."""
        return self.cost / orders if orders > 0 else math.inf

    @property
    def spread(self) -> float:
        """Standard deviation of incremental orders."""
        mean = float(self.weights @ self.grid)
        return math.sqrt(max(float(self.weights @ (self.grid - mean) ** 2), 0.0))


@dataclass(frozen=True)
class SuggestedTest:
    """What a holdout of half of the people for one such period would tell of a channel.

    Attributes:
        channel: which.
        standard_error: of its incremental orders, in orders: two counts of half of all orders.
        narrows: by how much of itself the range's standard deviation shrinks, 0 to 1.
        given_up: orders that are not caused meanwhile.
        per_cost: orders by which the standard deviation shrinks, per order given up.
    """

    channel: str
    standard_error: float
    narrows: float
    given_up: float
    per_cost: float


@dataclass(frozen=True)
class Ensemble(Result):
    """Worlds that fit, and what they leave open.

    Attributes:
        table: what was seen; size: of the worlds.
        ranges: per channel; worlds: fitted under one supposition each, the middle one first.
        tests: suggested lift tests, the most telling per order given up first.
        seconds: that the fit took.
        left_out: worlds that were not begun because time was up.
    """

    table: MarketTable
    size: Size
    ranges: tuple[CausedRange, ...]
    worlds: tuple[FittedWorld, ...]
    tests: tuple[SuggestedTest, ...]
    seconds: float
    left_out: int

    def to_frame(self) -> "pd.DataFrame":
        """One row per channel: cost, orders by source, 90 % ranges of incremental orders and of their cost."""
        import pandas as pd

        rows = []
        for r in self.ranges:
            shown = [world.caused[r.name][1] for world in self.worlds]
            rows.append(
                {
                    "channel": r.channel, "cost": r.cost, "orders_by_source": r.orders,
                    "incremental_orders_lower": r.lower, "incremental_orders": r.median, "incremental_orders_upper": r.upper,
                    "cost_per_incremental_order_lower": r.price(r.upper), "cost_per_incremental_order": r.price(r.median),
                    "cost_per_incremental_order_upper": r.price(r.lower), "worlds_lowest": min(shown),
                    "worlds_highest": max(shown), "lift_test": r.tested,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    def fit_frame(self) -> "pd.DataFrame":
        """One row per figure of the middle world: observed, simulated, sampling error of both, distance in such errors."""
        import pandas as pd

        names = ("channel", "figure", "observed", "simulated", "sampling_error", "errors")
        return pd.DataFrame([{n: getattr(m, n) for n in names} for m in self.worlds[0].moments], columns=list(names))

    def summary(self) -> str:
        """How well the worlds fit, what was supposed, what matters most, and which test would tell."""
        figures = [m for m in self.worlds[0].moments if not math.isnan(m.errors)]
        missed = self.worlds[0].missed()
        lines = [
            f"{len(self.worlds)} worlds fitted in {self.seconds:.0f} s; in the middle one {len(figures) - len(missed)} of "
            f"{len(figures)} figures lie within three standard errors."
        ]
        if missed:
            worst = ", ".join(f"{m.channel} {m.figure} {m.observed:,.0f} (here {m.simulated:,.0f})" for m in missed[:4])
            lines.append(f"Not met: {worst}{' …' if len(missed) > 4 else ''}.")
        if self.left_out:
            lines.append(f"Time was up before {self.left_out} more worlds could be fitted; --minutes gives more.")
        widest = max(self.ranges, key=lambda r: r.spread)
        lines.append(
            f"Supposed, since no such table tells it: what ads cause. It matters most for {widest.channel}: "
            f"{widest.lower:,.0f} to {widest.upper:,.0f} incremental orders"
            + (", its lift test included." if widest.tested else ", by published experiments on such channels.")
        )
        if self.tests:
            first = self.tests[0]
            lines.append(
                f"The lift test that tells most per order given up: {first.channel} (half of the people held out for such a "
                f"period: its range becomes {first.narrows:.0%} narrower, for {first.given_up:,.0f} orders given up)."
            )
        return "\n".join([*lines, *self.table.notes])

    def write(self, folder: Path) -> None:
        """Write world-01.toml … and ensemble.json, ranges.csv, fit.csv into an existing folder."""
        names = []
        for number, world in enumerate(self.worlds, start=1):
            names.append(f"world-{number:02d}.toml")
            (folder / names[-1]).write_text(toml_text(world.tables), encoding="utf-8")
        self.to_frame().to_csv(folder / "ranges.csv", index=False)
        self.fit_frame().to_csv(folder / "fit.csv", index=False)
        said = {"kind": KIND, "worlds": names, "summary": self.summary().splitlines()}
        (folder / ENSEMBLE).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def caused_ranges(table: MarketTable, lifts: "Sequence[MeasuredLift]" = ()) -> tuple[CausedRange, ...]:
    """Each channel's incremental orders: p(x) ∝ prior(x) · N(measured; x, standard error²).

    The prior is 0.9 times the triangular of its kind and 0.1 times a flat one twice as wide, so that a test can contradict
    it.

    Args:
        table: what was seen.
        lifts: tests of the same period, by the names of the table.

    Raises:
        Refused: a test of a channel that the table has not.
    """
    by_name = {row.label.casefold(): row for row in table.rows} | {row.name: row for row in table.rows}
    tested = {}
    problems = []
    for lift in lifts:
        row = by_name.get(lift.channel.casefold())
        if row is None:
            hint = did_you_mean(lift.channel, [r.label for r in table.rows])
            problems.append(Problem("lift tests: channel", "is not in the channel table", repr(lift.channel), hint))
        elif not lift.standard_error > 0:
            problems.append(Problem(f"lift tests: {lift.channel}: standard_error", "must be above 0"))
        else:
            tested[row.name] = lift
    if problems:
        raise Refused(problems)
    return tuple(_range(row, tested.get(row.name)) for row in table.rows)


def _range(row: ChannelRow, lift: "MeasuredLift | None") -> CausedRange:
    base = row.platform if row.of.base == "claims" and math.isfinite(row.platform) else row.orders
    if row.of.base == "claims" and not math.isfinite(row.platform):
        base *= 2.0  # claims per order by its source, with views [M]
    base = max(base, 0.5)
    low, middle, high = (share * base for share in row.of.caused)
    ends = [low - 0.5 * (high - low), high + (high - low)]
    if lift is not None:
        ends = [
            min(ends[0], lift.incremental_conversions - 4 * lift.standard_error),
            max(ends[1], lift.incremental_conversions + 4 * lift.standard_error),
        ]
    grid = np.linspace(ends[0], ends[1], GRID)
    rising, falling = (grid - low) / max(middle - low, 1e-9), (high - grid) / max(high - middle, 1e-9)
    usual = np.clip(np.minimum(rising, falling), 0.0, 1.0)
    weights = (1 - SURPRISE) * usual / usual.sum() + SURPRISE / GRID
    if lift is not None:
        z = (lift.incremental_conversions - grid) / lift.standard_error
        weights = weights * np.exp(-0.5 * (z - z[np.argmin(np.abs(z))]) * (z + z[np.argmin(np.abs(z))]))
    weights = weights / weights.sum()
    total = np.cumsum(weights)
    lower, median, upper = (float(np.interp(q, total, grid)) for q in (0.05, 0.5, 0.95))
    return CausedRange(row.label, row.name, row.cost, row.orders, lower, median, upper, lift is not None, grid, weights)


def suggested_tests(table: MarketTable, ranges: Sequence[CausedRange]) -> tuple[SuggestedTest, ...]:
    """For each channel a test of error e = √(orders/(h·(1−h))): a range of deviation s becomes s·e/√(s² + e²); best first."""
    error = math.sqrt(table.orders / (HELD_OUT * (1 - HELD_OUT)))
    found = []
    for r in ranges:
        after = r.spread * error / math.hypot(r.spread, error)
        given_up = max(HELD_OUT * r.median, 1.0)
        found.append(SuggestedTest(r.channel, error, 1 - after / r.spread, given_up, (r.spread - after) / given_up))
    return tuple(sorted(found, key=lambda test: -test.per_cost))


def fit_ensemble(
    table: MarketTable,
    lifts: "Sequence[MeasuredLift]" = (),
    *,
    worlds: int = USUAL_WORLDS,
    users: int = 60_000,
    minutes: float = 3.0,
    seed: int = 1,
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> Ensemble:
    """Worlds that fit a channel table, each under its own supposition of what ads cause.

    Args:
        table: what was seen.
        lifts: tests of the same period.
        worlds: how many; the first supposes every channel's median.
        users: people simulated in each, at one session a day.
        minutes: no further trial begins after so long; what a new machine compiles first does not count.
        seed: of the suppositions and of the worlds.
        threads: of each simulation.
        progress: called with the share that is done.

    Raises:
        Refused: too few worlds, or what `caused_ranges` refuses.
    """
    if worlds < FEWEST:
        raise Refused([Problem("worlds", f"must be at least {FEWEST}", str(worlds))])
    ranges = caused_ranges(table, lifts)
    compile_worlds(table, seed)
    begun = time.monotonic()
    until = begun + 60.0 * minutes
    size = size_of(table, users)
    rng = np.random.default_rng(seed)
    places = np.stack([(rng.permutation(worlds - 1) + 0.5) / (worlds - 1) for _ in ranges])
    suppositions = [{r.name: r.median for r in ranges}] + [
        {r.name: r.quantile(float(places[k, i])) for k, r in enumerate(ranges)} for i in range(worlds - 1)
    ]
    found: list[FittedWorld] = []
    for number, caused in enumerate(suppositions):
        if found and time.monotonic() > until:
            break
        share = FIRST_SHARE if number == 0 else (1 - FIRST_SHARE) / (worlds - 1)
        begun_at = 0.0 if number == 0 else FIRST_SHARE + (number - 1) * share
        found.append(
            fit_world(
                table, size, caused, start=found[0].numbers if found else None,
                trials=NEXT_TRIALS if found else FIRST_TRIALS,
                until=begun + 60.0 * minutes * (FIRST_SHARE if not found else 1.0), seed=seed, threads=threads,
                told=part_of(progress, begun_at, share),
            )
        )  # fmt: skip
    tests = suggested_tests(table, ranges)
    return Ensemble(table, size, ranges, tuple(found), tests, time.monotonic() - begun, worlds - len(found))


def compile_worlds(table: MarketTable, seed: int) -> None:
    """Live the smallest world of the table once, so that nothing is left to compile when the time of the fit begins."""
    size = Size(100, 100, 1.0, 1.0)
    first = first_guess(table, size, {row.name: 1.0 for row in table.rows})
    simulated_moments(load_scenario(build_world(table, size, first, seed=seed)), [])


def ensemble_members(path: str | Path) -> tuple[Path, ...]:
    """The scenario files of an ensemble's folder; empty where the path is none.

    Raises:
        Refused: its ensemble.json cannot be read, or names files that are not there.
    """
    folder = Path(path)
    if not (folder / ENSEMBLE).is_file():
        return ()
    hint = "cpalab init writes one"
    try:
        said: Any = json.loads((folder / ENSEMBLE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        raise Refused([Problem(str(folder / ENSEMBLE), "cannot be read", hint=hint)]) from None
    names = said.get("worlds") if isinstance(said, Mapping) and said.get("kind") == KIND else None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise Refused([Problem(str(folder / ENSEMBLE), "is no list of an ensemble's worlds", hint=hint)])
    missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
    if missing:
        raise Refused([Problem(str(folder / name), "is named by ensemble.json and is not there") for name in missing])
    return tuple(folder / name for name in names)
