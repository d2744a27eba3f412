"""The gate: are the figures seen after a rollout those that its contract expects (verdicts per row, exit statuses)?

Needs no scenario, no simulation and no compiled code: a pipeline can ask it every day.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cpalab.result import Result
from experiments.rollout.contract import Contract, ContractRow, normal_quantile
from experiments.rollout.seen_periods import SeenRow

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AS_EXPECTED", "CANNOT_TELL", "OUTSIDE", "GateRow", "GateVerdict", "check_rollout"]

AS_EXPECTED, OUTSIDE, CANNOT_TELL = 0, 1, 2  # exit statuses of `cpalab check-rollout`; 3 is bad input
FEWEST_ACTIONS = 25  # in each period: below, the logarithm of a ratio is too far from normal for a band
FEWEST_LOST = 10  # expected actions from which on a period without any is no chance: once in 22,000
WIDE = 2.0  # a band that lets a figure double or halve says little

Verdict = Literal["within", "outside", "too few actions", "not in the contract", "no figure"]


@dataclass(frozen=True)
class GateRow:
    """One figure that was seen, beside what was expected.

    Attributes:
        channel, system, metric: which.
        seen, expected: after ÷ before.
        lower, upper: the band at the counts seen; nan where there is none.
        verdict: what comes of it; reason: in words, where there is more to say.
    """

    channel: str
    system: str
    metric: str
    seen: float
    expected: float
    lower: float
    upper: float
    verdict: Verdict
    reason: str = ""

    @property
    def distance(self) -> float:
        """How far outside: |ln seen − ln expected| ÷ half the width of its band in logarithms; more than 1 is outside."""
        if self.verdict == "outside" and not (self.seen > 0 and math.isfinite(self.seen)):
            return math.inf
        edge = self.upper if self.seen > self.expected else self.lower
        if not (self.seen > 0 and self.expected > 0 and edge > 0) or edge == self.expected:
            return math.inf if self.verdict == "outside" else 0.0
        return abs(math.log(self.seen / self.expected)) / abs(math.log(edge / self.expected))

    def __str__(self) -> str:
        name = f"{self.channel} · {self.system}" + (" · ROAS" if self.metric == "roas" else "")
        if self.verdict in ("within", "outside"):
            gone = "nothing is counted any more" if math.isnan(self.seen) else f"seen × {self.seen:.2f}"
            band = f"band {self.lower:.2f} to {self.upper:.2f}"
            return f"{name}: {gone}, expected × {self.expected:.2f}, {band}: {self.verdict}"
        return f"{name}: {self.verdict}{self.reason and f' ({self.reason})'}"


@dataclass(frozen=True)
class GateVerdict(Result):
    """What the gate says.

    Attributes:
        rows: every figure, those outside first and the farthest out first of them.
        status: 0 as expected, 1 a figure outside of its band, 2 nothing can be told.
        level: of the whole table; daily: whether the bands hold for being read every day.
    """

    rows: tuple[GateRow, ...]
    status: int
    level: float
    daily: bool

    def of(self, *verdicts: Verdict) -> tuple[GateRow, ...]:
        """The rows with these verdicts."""
        return tuple(row for row in self.rows if row.verdict in verdicts)

    def to_frame(self) -> "pd.DataFrame":
        """One row per figure: channel, system, metric, seen, expected, lower, upper, verdict, reason."""
        import pandas as pd

        names = ("channel", "system", "metric", "seen", "expected", "lower", "upper", "verdict", "reason")
        return pd.DataFrame([{name: getattr(row, name) for name in names} for row in self.rows], columns=list(names))

    def verdict(self) -> str:
        """The verdict in one line."""
        outside, judged = self.of("outside"), self.of("within", "outside")
        if self.status == CANNOT_TELL:
            return (
                f"Cannot tell: none of {len(self.rows)} figures has {FEWEST_ACTIONS} actions in each period and a band."
            )
        often = "read every day" if self.daily else "read once"
        chance = f"a table {often} leaves its bands by chance in {1 - self.level:.0%} of rollouts"
        if outside:
            count = f"{len(outside)} of {len(judged)} figures are"
            return f"Outside: {count} not what the planned change alone would bring ({chance})."
        return f"As expected: all {len(judged)} figures that can be judged lie in their bands ({chance})."

    def summary(self) -> str:
        """The verdict, the rows outside, and what could not be judged."""
        lines = [self.verdict(), *(f"  {row}" for row in self.of("outside"))]
        few = self.of("too few actions", "no figure")
        if few:
            names = ", ".join(f"{row.channel} · {row.system}" for row in few[:4])
            more = f" and {len(few) - 4} more" if len(few) > 4 else ""
            lines.append(f"Not judged for want of actions: {names}{more}.")
        unknown = self.of("not in the contract")
        if unknown:
            lines.append(f"Not in the contract: {', '.join(f'{row.channel} · {row.system}' for row in unknown[:4])}.")
        wide = [row for row in self.of("within") if row.upper > WIDE * row.expected or row.lower * WIDE < row.expected]
        if wide:
            lines.append(f"{len(wide)} of the bands let a figure double or halve: few actions; more days narrow them.")
        return "\n".join(lines)


def check_rollout(contract: Contract, seen: Sequence[SeenRow], *, daily: bool = False) -> GateVerdict:
    """Compare figures of a period before and one after a rollout with its contract.

    |ln(after ÷ before) − ln expected| ≤ z·√(u + φ_b/n_b + φ_a/n_a + 2s) for n actions seen in each period, variance φ per
    action, what is unknown about the multiplier u, and chance of the cost s; z splits the risk 1 − level over all figures
    judged. Where a row gives no counts, those of the contract take their place. With `daily`, half the risk goes to what
    does not change from day to day, the other half to a normal-mixture confidence sequence over the growing period, so that
    the gate may be read every day.

    Args:
        contract: what was expected.
        seen: what was seen, a row per channel and system.
        daily: whether the later period is still filling up and is read again and again.

    Source: Robbins (1970), Annals of Mathematical Statistics 41(5), for the confidence sequence.
    """
    expected = {row.key: row for row in contract.rows}
    figures = [(row, expected.get((row.channel, row.system, row.metric))) for row in seen]
    judged = [band for row, band in figures if band is not None and not _why_not(row, band)]
    rows = [_judge(row, band, contract.level, len(judged), daily=daily) for row, band in figures]
    rows.sort(key=lambda row: (row.verdict != "outside", -row.distance))
    told = AS_EXPECTED if judged else CANNOT_TELL
    status = OUTSIDE if any(row.verdict == "outside" for row in rows) else told
    return GateVerdict(tuple(rows), status, contract.level, daily)


def _counts(row: SeenRow, band: ContractRow) -> tuple[float, float]:
    before = row.actions_before if math.isfinite(row.actions_before) else band.actions_before
    return before, row.actions_after if math.isfinite(row.actions_after) else band.actions_after


def _emptied(row: SeenRow, band: ContractRow) -> bool:
    """Whether nothing is counted any more where the contract expects at least FEWEST_LOST actions."""
    before, _ = _counts(row, band)
    filled = row.cost_after / row.cost_before if row.cost_before > 0 and math.isfinite(row.cost_after) else 1.0
    return row.emptied and band.metric == "cpa" and before * filled / band.expected >= FEWEST_LOST


def _why_not(row: SeenRow, band: ContractRow) -> tuple[Verdict, str] | None:
    """Why a figure cannot be judged; None where it can."""
    if not math.isfinite(band.expected):
        return "no figure", "the contract expects none: nothing counted or nothing paid"
    if _emptied(row, band):
        return None
    if not math.isfinite(row.ratio) or row.ratio <= 0:
        return "no figure", "nothing counted or nothing paid"
    before, after = _counts(row, band)
    if min(before, after) < FEWEST_ACTIONS:
        return "too few actions", f"{before:,.0f} before and {after:,.0f} after; {FEWEST_ACTIONS} in each are needed"
    return None


def _judge(row: SeenRow, band: ContractRow | None, level: float, judged: int, *, daily: bool) -> GateRow:
    if band is None:
        return GateRow(
            row.channel, row.system, row.metric, row.ratio, math.nan, math.nan, math.nan, "not in the contract"
        )
    reason = _why_not(row, band)
    if reason is not None:
        nowhere = (math.nan, math.nan)
        return GateRow(row.channel, row.system, row.metric, row.ratio, band.expected, *nowhere, *reason)
    before, after = _counts(row, band)
    after = max(after, 1.0)
    fixed, growing = band.variance(before, after)
    risk = (1 - level) / max(judged, 1)
    if daily:
        z = normal_quantile(1 - risk / 2, 1)
        final = band.variance(before, max(band.actions_after, 1.0))[1]
        spread = z * math.sqrt(fixed) + mixture_limit(growing, final, risk / 2)
    else:
        spread = normal_quantile(1 - risk, 1) * math.sqrt(fixed + growing)
    lower, upper = band.expected * math.exp(-spread), band.expected * math.exp(spread)
    inside = lower <= row.ratio <= upper and not _emptied(row, band)
    return GateRow(
        row.channel, row.system, row.metric, row.ratio, band.expected, lower, upper, "within" if inside else "outside"
    )


def mixture_limit(variance: float, tuned: float, risk: float) -> float:
    """d(V) = √(2·V·(r + 1)/r · (ln(1/α) + ½·ln(r + 1))): a mean's distance from its truth never exceeds it, at any time.

    r = c·V*/V for variance V so far and V* at the planned end, where c makes the limit narrowest there.

    Args:
        variance: V, of the estimate so far.
        tuned: V*.
        risk: α, of ever exceeding it.
    """
    cost = -2 * math.log(risk)
    ratio = (cost + math.log1p(cost)) * tuned / variance
    return math.sqrt(variance * (ratio + 1) / ratio * (cost + math.log1p(ratio)))
