"""`expect`: the CPA shift that faults or planned changes must bring, by closed form on a team's own counts (factors).

No simulation: each change multiplies a system's CPA by the closed form of `simulator.record.closed_forms`. Rates that the
team knows are taken as they are; those it does not know run over a range, and the answer is a range too.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise, product
from typing import TYPE_CHECKING

from cpalab import __version__
from cpalab.refusal import Problem, Refused, did_you_mean
from cpalab.result import Result
from experiments.rollout.contract import Contract, ContractRow, normal_quantile
from simulator.record.closed_forms import Rates, default_lag_cdf, multipliers
from simulator.scenario.faults import Fault, find_fault, known_faults

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RANGES", "Expected", "ExpectedShift", "TodaysFigure", "expect"]

SYSTEMS = ("platform", "analytics", "crm")
LEVEL = 0.95

# What is not known lies between these; the middle one stands for it. Sources: comments; [M] marks an assumption.
RANGES: Mapping[str, tuple[float, float, float]] = {
    "pixel": (0.60, 0.75, 0.90),  # coverage of the pixel; blockers take 10 to 20 % [V], the rest [M]
    "server": (0.0, 0.0, 0.0),  # nothing is sent by a server unless it is said [M]
    "match": (0.90, 0.98, 1.0),  # of server and pixel events, by event id [M]
    "safari": (0.25, 0.33, 0.45),  # share of recorded actions [M]
    "visits_per_order": (20.0, 40.0, 100.0),  # conversion rates of 1 to 5 % [M]
    "first_steps_per_order": (2.0, 5.0, 10.0),  # [M]
    "click_days": (7.0, 30.0, 30.0),  # Meta 7, Google Ads 30 [O]
    "view": (0.10, 0.30, 0.50),  # views' share of platform claims; 15 to 40 % went with Meta's view windows [V]
    "log_in": (0.05, 0.40, 0.85),  # retailers 5 to 40 %, platforms 60 to 90 % [M]
    "same_session": (0.40, 0.60, 0.80),  # of click claims; 50 % of orders follow within a day [V]
    "consent": (0.30, 0.58, 0.95),  # EU 30 to 70 % [V], US nearly all [M]
    "recovered": (0.0, 0.20, 0.60),  # modelling per lost conversion [V]; 0 below the platforms' thresholds [O]
}


@dataclass(frozen=True)
class TodaysFigure:
    """One channel in one system today: cost in currency, and actions counted, of one period."""

    channel: str
    system: str
    cost: float
    actions: float


@dataclass(frozen=True)
class ExpectedShift:
    """What must happen to one figure.

    Attributes:
        channel, system: which; cpa_today: in currency.
        expected: factor on CPA with the middle of every unknown rate; lowest, highest: over all their ranges; nan where there
            is no closed form.
        alert_lower, alert_upper: what a comparison of two periods like today's shows, chance of both counts included.
        actions_today, actions_after: per period.
    """

    channel: str
    system: str
    cpa_today: float
    expected: float
    lowest: float
    highest: float
    alert_lower: float
    alert_upper: float
    actions_today: float
    actions_after: float


@dataclass(frozen=True)
class Expected(Result):
    """What planned changes must bring, without a simulation.

    Attributes:
        changes: each fault and its size.
        shifts: one per channel and system.
        assumed: range of each rate that mattered and was not given: lowest, middle, highest.
        given: the rates that were.
    """

    changes: tuple[tuple[str, float], ...]
    shifts: tuple[ExpectedShift, ...]
    assumed: Mapping[str, tuple[float, float, float]]
    given: Mapping[str, float]

    def to_frame(self) -> "pd.DataFrame":
        """One row per channel and system."""
        import pandas as pd

        return pd.DataFrame([{f.name: getattr(s, f.name) for f in fields(ExpectedShift)} for s in self.shifts])

    def summary(self) -> str:
        """What each system must show, and what was assumed for it."""
        lines = []
        for system in SYSTEMS:
            found = [s for s in self.shifts if s.system == system]
            if not found:
                continue
            shift = found[0]
            if math.isnan(shift.expected):
                lines.append(f"{system}: there is no closed form for this; cpalab rollout simulates it.")
            elif shift.lowest == shift.highest == 1.0:
                lines.append(f"{system}: CPA does not move.")
            else:
                spread = "" if shift.lowest == shift.highest else f" ({shift.lowest:.2f} to {shift.highest:.2f})"
                lines.append(f"{system}: CPA × {shift.expected:.2f}{spread}.")
        if self.assumed:
            ranges = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, _, high) in self.assumed.items())
            lines.append(f"Assumed, since not given: {ranges}. --rate {next(iter(self.assumed))}=… narrows the range.")
        if len(self.changes) > 1:
            lines.append("Several changes multiply, as if each acted alone; cpalab rollout shows what they share.")
        return "\n".join(lines)

    def contract(self, *, days: float, title: str = "") -> Contract:
        """The same as bands for `cpalab check-rollout`; the range of an unknown rate counts as a 95 % interval."""
        rows = []
        for s in self.shifts:
            unknown = (
                (math.log(s.highest / s.lowest) / 2 / normal_quantile(LEVEL, 1)) ** 2 if s.lowest > 0 else math.nan
            )
            rows.append(
                ContractRow(
                    s.channel,
                    s.system,
                    "cpa",
                    s.expected,
                    s.alert_lower,
                    s.alert_upper,
                    unknown,
                    1.0,
                    1.0,
                    0.0,
                    s.actions_today,
                    s.actions_after,
                )
            )
        said = repr(self.changes)
        return Contract(title or said, LEVEL, days, 0, "closed forms", said, __version__, tuple(rows))


def expect(
    figures: Sequence[TodaysFigure],
    changes: Sequence[tuple[str, float | None]],
    rates: Mapping[str, float | tuple[float, float]] | None = None,
    lag: Sequence[tuple[float, float]] | None = None,
) -> Expected:
    """CPA after ÷ CPA today = Π over the changes of each one's closed form, at every end of what is not known.

    Args:
        figures: today's cost and actions, per channel and system.
        changes: name or code of a fault, and its size; None is its usual size.
        rates: what is known, by the names of `RANGES`: a number, or a lower and an upper end.
        lag: (days, share of click claims within so many days), ascending; without it, the published lag of online purchases.

    Raises:
        Refused: an unknown fault, system or rate, or values out of range; every problem at once.
    """
    known = dict(rates or {})
    problems = [
        Problem(f"rate {name}", "is unknown", hint=did_you_mean(name, RANGES)) for name in known if name not in RANGES
    ]
    problems += [
        Problem(f"rate {name}", "must be 0 or more, the lower end first", repr(value))
        for name, value in known.items()
        if not _is_range(value)
    ]
    faults = [_checked(word, size, problems) for word, size in changes]
    for figure in figures:
        where = f"{figure.channel} · {figure.system}"
        if figure.system not in SYSTEMS:
            problems.append(Problem(where, "is no system", repr(figure.system), did_you_mean(figure.system, SYSTEMS)))
        if not (figure.cost >= 0 and figure.actions >= 0):
            problems.append(Problem(where, "cost and actions must be 0 or more"))
    if not figures:
        problems.append(Problem("channels", "must hold at least one row"))
    if problems:
        raise Refused(problems)
    chosen = [(fault, size) for fault, size in faults if fault is not None]
    ranges = {name: _ends(known[name], RANGES[name]) if name in known else RANGES[name] for name in RANGES}
    cdf = _interpolated(lag) if lag else default_lag_cdf
    used = _rates_used(chosen, ranges, cdf)
    corners = [dict(zip(used, ends, strict=True)) for ends in product(*((ranges[n][0], ranges[n][2]) for n in used))]
    middle = _factors(chosen, {name: ranges[name][1] for name in RANGES}, cdf)
    at_ends = [_factors(chosen, {name: r[1] for name, r in ranges.items()} | corner, cdf) for corner in corners]
    shifts = []
    for figure in figures:
        expected = middle.get(figure.system, math.nan)
        ends = [found.get(figure.system, math.nan) for found in (*at_ends, middle)]
        after = figure.actions / expected if expected > 0 else math.nan
        chance = 1 / figure.actions + 1 / after if figure.actions > 0 and after > 0 else math.inf
        spread = math.exp(normal_quantile(LEVEL, len(figures)) * math.sqrt(chance)) if chance < math.inf else math.nan
        today = figure.cost / figure.actions if figure.actions > 0 else math.nan
        shifts.append(
            ExpectedShift(
                figure.channel,
                figure.system,
                today,
                expected,
                min(ends),
                max(ends),
                min(ends) / spread,
                max(ends) * spread,
                figure.actions,
                after,
            )
        )
    return Expected(
        tuple((fault.name, size) for fault, size in chosen),
        tuple(shifts),
        {name: ranges[name] for name in used if ranges[name][0] < ranges[name][2]},
        {name: float(value) for name, value in known.items() if isinstance(value, int | float)},
    )


def _checked(word: str, size: float | None, problems: list[Problem]) -> tuple[Fault | None, float]:
    fault = find_fault(word)
    if fault is None:
        problems.append(Problem("fault", "is no fault of the library", repr(word), known_faults(word)))
        return None, 0.0
    value = fault.usual if size is None else size
    if not fault.smallest <= value <= fault.largest:
        rule = f"must lie between {fault.smallest:g} and {fault.largest:g} ({fault.size})"
        problems.append(Problem(fault.name, rule, f"{value:g}"))
    return fault, value


def _is_range(value: float | tuple[float, float]) -> bool:
    low, high = value if isinstance(value, tuple) else (value, value)
    return 0 <= low <= high < math.inf


def _ends(value: float | tuple[float, float], usual: tuple[float, float, float]) -> tuple[float, float, float]:
    low, high = value if isinstance(value, tuple) else (value, value)
    return low, min(max(usual[1], low), high), high


def _factors(
    chosen: Sequence[tuple[Fault, float]], at: Mapping[str, float], cdf: Callable[[float], float]
) -> dict[str, float]:
    """The product of the closed forms for each system; a system without one in any of them is left out."""
    rates = Rates(**at, lag_cdf=cdf)  # type: ignore[arg-type]  # numbers by name
    found = [multipliers(fault.name, size, rates) for fault, size in chosen]
    return {
        system: math.prod(factors[system] for factors in found)
        for system in SYSTEMS
        if all(system in factors for factors in found)
    }


def _rates_used(
    chosen: Sequence[tuple[Fault, float]],
    ranges: Mapping[str, tuple[float, float, float]],
    cdf: Callable[[float], float],
) -> list[str]:
    """The rates that move some factor between their ends."""
    middle = {name: r[1] for name, r in ranges.items()}
    ends = {
        name: [_factors(chosen, middle | {name: end}, cdf) for end in (r[0], r[1], r[2])] for name, r in ranges.items()
    }
    return [name for name, found in ends.items() if found[0] != found[2] or found[0] != found[1]]


def _interpolated(lag: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    """F(days) between the points of a table, 0 at its start."""
    points = [(0.0, 0.0), *lag]

    def share(days: float) -> float:
        for (d0, s0), (d1, s1) in pairwise(points):
            if days <= d1:
                return s0 + (s1 - s0) * (days - d0) / (d1 - d0) if d1 > d0 else s1
        return points[-1][1]

    return share
