"""Reconcile: why platform, analytics and CRM count differently, cause by cause (actions), and whether it is normal or a bug.

Counts are ln n = ln T + Σ causes + chance, T the channel's own orders, which nobody knows. The causes' prior mean and
covariance come from draws of their rates (`gap_causes`); given the counts, all is a Gaussian mixture over "nothing is
broken" and every bug at every size, for all channels or for one, so every probability and range is a closed form.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from cpalab.refusal import Problem, Refused, did_you_mean
from cpalab.result import Result
from experiments.own_market.gap_causes import CAUSES, CLAIM_SYSTEMS, OTHER, RATES, Bug, Range, bugs, draw_causes, lag_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CauseShare", "ClaimedFigures", "GapVerdict", "Reconciliation", "reconcile"]

Floats = npt.NDArray[np.float64]
Scope = Literal["channel", "orders"]
DRAWS = 4_000
FEWEST = 10  # actions: below, the logarithm of a count is too far from normal
UNSHARED = 0.5  # share of a system's actions that the others do not have: what chance there is in its ratio to them [M]
BEFORE_LOOKING = 0.2  # probability of a bug before the figures are seen [M]
SURE = 0.8
OUTSIDE = 2.5  # standard deviations: figures that neither normal causes nor any bug of the library explain
LEVEL_QUANTILE = 1.6449  # of 90 % ranges


@dataclass(frozen=True)
class ClaimedFigures:
    """What each system counts of one channel's orders in one period; nan where it is not known.

    Attributes:
        channel: its name.
        platform, analytics, crm: actions.
        rates: ranges of this channel alone, by the names of `gap_causes.RATES`.
    """

    channel: str
    platform: float = math.nan
    analytics: float = math.nan
    crm: float = math.nan
    rates: Mapping[str, float | tuple[float, float]] = field(default_factory=dict)

    def counts(self) -> Floats:
        """The three numbers (3,)."""
        return np.array([self.platform, self.analytics, self.crm], float)


@dataclass(frozen=True)
class CauseShare:
    """One cause's part of the gap between two systems, in actions: 90 % range and its middle; all parts add up to the gap.

    Attributes:
        channel, cause: which; compared: such as `platform - crm`.
        lower, middle, upper: actions that it adds to the first system, or takes from it.
        share: middle ÷ gap; parts of both signs may each be larger than the gap.
    """

    channel: str
    cause: str
    compared: str
    lower: float
    middle: float
    upper: float
    share: float


@dataclass(frozen=True)
class GapVerdict:
    """Whether one channel's figures disagree as they normally do.

    Attributes:
        channel: which.
        bug: probability that something is broken.
        likeliest: the bug that explains the figures best, and its size; and the probability of that bug at any size.
        explained: distance of the figures from the nearest explanation, in its standard deviations.
        judged: whether there are two systems with enough actions.
    """

    channel: str
    bug: float
    likeliest: str
    size: float
    likeliest_probability: float
    explained: float
    judged: bool = True

    @property
    def word(self) -> str:
        """`normal`, `bug`, or `cannot tell`."""
        if not self.judged:
            return "cannot tell"
        return "bug" if self.bug > 0.5 else "normal"

    @property
    def probability(self) -> float:
        """That the word is right."""
        return max(self.bug, 1 - self.bug)

    def __str__(self) -> str:
        if not self.judged:
            return f"{self.channel}: cannot tell (fewer than {FEWEST} actions, or one system alone)"
        sure = "" if self.probability >= SURE else ": these figures alone do not settle it"
        fault = f"; most like {self.likeliest} of size {self.size:g}" if self.word == "bug" else ""
        return f"{self.channel}: {self.word} (probability {self.probability:.0%}{fault}){sure}"


@dataclass(frozen=True)
class Reconciliation(Result):
    """Why systems disagree, and whether that is normal.

    Attributes:
        verdicts: one per channel, the likeliest bugs first.
        causes: parts of each gap, per channel.
        bug: probability that anything is broken in any channel.
        ask: the figure that would tell most, and by how many percent it lowers what is unknown about normal or bug.
        told: that share, 0 to 1.
        figures: what was given; scope: what it counts.
    """

    verdicts: tuple[GapVerdict, ...]
    causes: tuple[CauseShare, ...]
    bug: float
    ask: str
    told: float
    figures: tuple[ClaimedFigures, ...]
    scope: Scope

    def to_frame(self) -> "pd.DataFrame":
        """One row per channel, compared systems and cause."""
        import pandas as pd

        names = [f.name for f in fields(CauseShare)]
        return pd.DataFrame([{name: getattr(row, name) for name in names} for row in self.causes], columns=names)

    def verdict(self, channel: str) -> GapVerdict:
        """The verdict on one channel.

        Raises:
            KeyError: there is none.
        """
        for found in self.verdicts:
            if found.channel == channel:
                return found
        raise KeyError(channel)

    def summary(self) -> str:
        """Verdicts, the largest causes of the most suspicious gap, and the one figure to ask for."""
        lines = [str(found) for found in self.verdicts]
        strange = [v.channel for v in self.verdicts if v.judged and v.explained > OUTSIDE]
        if strange:
            lines.append(
                f"Neither the usual causes nor a bug of the library explains {', '.join(strange)}: check that all figures "
                "are of the same period, actions and channel."
            )
        first = next((v.channel for v in self.verdicts if v.judged), None)
        if first is None:
            return "\n".join(lines)
        for compared in dict.fromkeys(row.compared for row in self.causes if row.channel == first):
            rows = [row for row in self.causes if (row.channel, row.compared) == (first, compared)]
            gap = sum(row.middle for row in rows)
            largest = sorted(rows, key=lambda row: -abs(row.middle))[:3]
            parts = ", ".join(f"{r.cause} {r.middle:+,.0f} ({r.lower:+,.0f} to {r.upper:+,.0f})" for r in largest)
            lines.append(f"{first}, {compared} = {gap:+,.0f} actions: most of it {parts}.")
        lines.append(f"What would tell most: {self.ask}.")
        lines.append(
            "Read as all orders of the shop, whatever their source."
            if self.scope == "orders"
            else "Read as what each system credits to the channel; for all orders of the shop say --scope orders."
        )
        return "\n".join(lines)


def reconcile(
    figures: Sequence[ClaimedFigures],
    *,
    scope: Scope = "channel",
    days: float = 28.0,
    rates: Mapping[str, float | tuple[float, float]] | None = None,
    lag: Sequence[tuple[float, float]] | None = None,
) -> Reconciliation:
    """Split gaps by cause, and weigh "normal" against every bug: P(bug | n) ∝ P(bug) · N(B ln n; B μ, B Σ Bᵀ).

    B takes differences of systems within a channel, so that the unknown number of orders drops out. A gap's parts are those
    of the logarithmic mean: L(a, b) · (ln cause on a − ln cause on b) with L(a, b) = (a − b)/ln(a/b), which add up to a − b.

    Args:
        figures: what each system counts, per channel, in one and the same period.
        scope: whether systems credit one channel's orders (`channel`), or all orders are compared whatever their source.
        days: length of the period.
        rates: what is known of all channels, by the names of `gap_causes.RATES`: a number, or a lower and an upper end.
        lag: (days, share of click claims within so many days), ascending; without it, the published lag of purchases.

    Raises:
        Refused: no figures, a channel twice, an unknown rate or impossible values; every problem at once.

    Source: Ang (2004), Energy Policy 32(9), for the parts of a gap (logarithmic mean Divisia index).

    Example:
        >>> from experiments.own_market.reconcile import ClaimedFigures, reconcile
        >>> reconcile([ClaimedFigures("search", platform=120, analytics=90, crm=100)]).verdict("search").word
        'normal'
    """
    _check(figures, scope, days, rates or {})
    curve = lag_of(lag)
    known = [_ranges(rates or {}, figure.rates) for figure in figures]
    n = len(figures)
    of_orders = scope == "orders"
    names, draws = draw_causes(n, known, curve, days, DRAWS, of_orders=of_orders)
    counts = np.stack([figure.counts() for figure in figures])
    usable = np.isfinite(counts) & (counts >= FEWEST)
    usable &= usable.sum(axis=1, keepdims=True) >= 2
    contrast = _contrasts(usable)
    if not len(contrast):
        unjudged = tuple(
            GapVerdict(f.channel, math.nan, "", math.nan, math.nan, math.nan, judged=False) for f in figures
        )
        return Reconciliation(
            unjudged, (), math.nan, "at least two systems with more actions", 0.0, tuple(figures), scope
        )
    found = bugs(_ranges(rates or {}, {}), curve, days, of_orders=of_orders)
    hypotheses, shifts = _hypotheses(found, n, usable)
    model = _Posterior(draws, names, np.where(usable, counts, 1.0), contrast, hypotheses, shifts)
    verdicts = [_verdict(model, i, figures[i].channel, judged=bool(usable[i].any())) for i in range(n)]
    order = sorted(range(n), key=lambda i: (not verdicts[i].judged, -verdicts[i].bug if verdicts[i].judged else 0.0))
    ask, told = model.best_question(order[0])
    causes = [
        row for i in order if usable[i].any() for row in _parts(model, i, figures[i].channel, counts[i], usable[i])
    ]
    return Reconciliation(
        tuple(verdicts[i] for i in order), tuple(causes), float(1 - model.weight[0]), ask, told, tuple(figures), scope
    )


def _check(
    figures: Sequence[ClaimedFigures], scope: str, days: float, rates: Mapping[str, float | tuple[float, float]]
) -> None:
    problems = []
    if scope not in ("channel", "orders"):
        problems.append(Problem("scope", "must be channel or orders", repr(scope)))
    if not 0 < days < math.inf:
        problems.append(Problem("days", "must be above 0", f"{days:g}"))
    if not figures:
        problems.append(Problem("figures", "must hold at least one channel"))
    names = [figure.channel for figure in figures]
    problems += [Problem(name, "stands there twice") for name in dict.fromkeys(names) if names.count(name) > 1]
    for figure in figures:
        for system, count in zip(CLAIM_SYSTEMS, figure.counts(), strict=True):
            if not (math.isnan(count) or 0 <= count < math.inf):
                problems.append(Problem(f"{figure.channel}: {system}", "must be a number, 0 or more", f"{count:g}"))
        if np.isfinite(figure.counts()).sum() < 2:
            problems.append(Problem(figure.channel, "needs the figures of at least two systems"))
    for place, given in [("rate", rates), *((f"{f.channel}: rate", f.rates) for f in figures)]:
        for name, value in given.items():
            if name not in RATES:
                problems.append(Problem(f"{place} {name}", "is unknown", hint=did_you_mean(name, RATES)))
                continue
            low, high = value if isinstance(value, tuple) else (value, value)
            most = math.inf if RATES[name][2] > 1 or name == "double" else 1.0
            least = 1e-3 if name in ("consent", "pixel", "tags", "click_days", "platforms_per_order") else 0.0
            if not least <= low <= high <= most or high == math.inf:
                rule = f"must lie between {least:g} and {most:g}, the lower end first"
                problems.append(Problem(f"{place} {name}", rule, repr(value)))
    if problems:
        raise Refused(problems)


def _ranges(
    everywhere: Mapping[str, float | tuple[float, float]], here: Mapping[str, float | tuple[float, float]]
) -> dict[str, Range]:
    """The range of every rate: what is known of the channel, else of all, else the published one."""
    found = dict(RATES)
    for name, value in {**everywhere, **here}.items():
        low, high = value if isinstance(value, tuple) else (value, value)
        found[name] = (low, min(max(RATES[name][1], low), high), high)
    return found


def _contrasts(usable: npt.NDArray[np.bool_]) -> Floats:
    """B (m, 3n): each usable system of a channel minus that channel's first usable one."""
    rows = []
    for i, systems in enumerate(usable):
        places = np.flatnonzero(systems)
        for other in places[1:]:
            row = np.zeros(usable.size)
            row[3 * i + places[0]], row[3 * i + other] = -1.0, 1.0
            rows.append(row)
    return np.array(rows).reshape(len(rows), usable.size)


@dataclass(frozen=True)
class _Hypothesis:
    """Nothing broken (bug None), or a bug in one channel (its position) or in all (None)."""

    bug: Bug | None
    channel: int | None
    prior: float

    def concerns(self, channel: int) -> bool:
        return self.bug is not None and self.channel in (None, channel)


def _hypotheses(found: Sequence[Bug], n: int, usable: npt.NDArray[np.bool_]) -> tuple[list[_Hypothesis], Floats]:
    """All of them, and what each does to every ln count (H, 3n)."""
    kinds = len({bug.fault for bug in found})
    sizes = {bug.fault: sum(b.fault == bug.fault for b in found) for bug in found}
    hypotheses, shifts = [_Hypothesis(None, None, 1 - BEFORE_LOOKING)], [np.zeros((n, 3))]
    judged = [i for i in range(n) if usable[i].any()]
    places: list[int | None] = [None, *judged] if len(judged) > 1 else [None]
    for bug in found:
        each = BEFORE_LOOKING / kinds / sizes[bug.fault]
        for place in places:
            share = 1.0 if len(places) == 1 else (0.5 if place is None else 0.5 / (len(places) - 1))
            hypotheses.append(_Hypothesis(bug, place, each * share))
            shift = np.zeros((n, 3))
            shift[slice(None) if place is None else place] = bug.shift
            shifts.append(shift)
    return hypotheses, np.stack(shifts).reshape(len(shifts), 3 * n)


class _Posterior:
    """What the counts say: a weight per hypothesis, and a Gaussian of every cause under each."""

    def __init__(
        self, draws: Floats, names: Sequence[str], counts: Floats, contrast: Floats, hypotheses: list[_Hypothesis],
        shifts: Floats,
    ) -> None:  # fmt: skip
        self.names, self.hypotheses, self.shifts = names, hypotheses, shifts
        self.draws = draws
        seen = draws.sum(axis=2).reshape(len(draws), -1)
        self.mean = draws.mean(axis=0)
        self.centred_seen = (seen - seen.mean(axis=0)) @ contrast.T
        noise = contrast @ np.diag(UNSHARED / counts.ravel()) @ contrast.T
        covariance = self.centred_seen.T @ self.centred_seen / len(draws) + noise
        self.precision = np.linalg.inv(covariance)
        off = contrast @ (np.log(counts).ravel() - seen.mean(axis=0))
        self.off = off[None, :] - shifts @ contrast.T  # (H, m): what each hypothesis leaves to normal causes
        self.distance2 = np.einsum("hi,ij,hj->h", self.off, self.precision, self.off)
        log_weight = np.log([h.prior for h in hypotheses]) - 0.5 * self.distance2
        weight = np.exp(log_weight - log_weight.max())
        self.weight = weight / weight.sum()

    def of(self, direction: Floats, shift: Floats) -> tuple[Floats, float]:
        """Mean under each hypothesis (H,), and the variance, of Σ draws·direction, plus `shift` (H,) where it is broken."""
        values = np.einsum("dcks,cks->d", self.draws, direction)
        cross = (values - values.mean()) @ self.centred_seen / len(values)
        mean = values.mean() + self.off @ self.precision @ cross + shift
        return mean, max(float(values.var() - cross @ self.precision @ cross), 1e-12)

    def shift_of(self, cause: str, channel: int, weights: Floats) -> Floats:
        """What each hypothesis adds to a cause in a channel, systems weighted (3,)."""
        own = self.shifts.reshape(len(self.shifts), -1, 3)[:, channel] @ weights
        return np.array(
            [s if h.bug and h.bug.cause == cause else 0.0 for h, s in zip(self.hypotheses, own, strict=True)]
        )

    def best_question(self, channel: int) -> tuple[str, float]:
        """The figure that lowers the entropy of normal or bug in a channel most, and by which share."""
        broken = np.array([h.concerns(channel) for h in self.hypotheses])
        entropy = _entropy(float(self.weight[broken].sum()))
        best, most = next(iter(CAUSES.values())), 0.0
        for k, cause in enumerate(self.names):
            for system in range(3):
                if cause not in CAUSES:
                    continue
                direction = np.zeros(self.mean.shape)
                direction[channel, k, system] = 1.0
                weights = np.eye(3)[system]
                told = self._told(*self.of(direction, self.shift_of(cause, channel, weights)), broken, entropy)
                if told > most:
                    best, most = CAUSES[cause], told
        return best, most / entropy if entropy > 0 else 0.0

    def _told(self, mean: Floats, variance: float, broken: npt.NDArray[np.bool_], entropy: float) -> float:
        """Mutual information of a figure and normal or bug: entropy now − its mean once the figure is known."""
        deviation = math.sqrt(variance + 0.03**2)  # a figure is read to about 3 %
        grid = np.linspace(mean.min() - 4 * deviation, mean.max() + 4 * deviation, 400)
        density = np.exp(-0.5 * ((grid[None, :] - mean[:, None]) / deviation) ** 2) * self.weight[:, None]
        total, of_bug = density.sum(axis=0), density[broken].sum(axis=0)
        share = np.divide(of_bug, total, out=np.zeros_like(total), where=total > 0)
        left = float(np.sum(total * np.array([_entropy(p) for p in share])) / total.sum())
        return max(entropy - left, 0.0)


def _entropy(p: float) -> float:
    return 0.0 if not 0 < p < 1 else -(p * math.log(p) + (1 - p) * math.log(1 - p))


def _verdict(model: _Posterior, channel: int, name: str, *, judged: bool) -> GapVerdict:
    if not judged:
        return GapVerdict(name, math.nan, "", math.nan, math.nan, math.nan, judged=False)
    concerned = [(h, w) for h, w in zip(model.hypotheses, model.weight, strict=True) if h.concerns(channel)]
    by_fault: dict[str, float] = {}
    for h, w in concerned:
        if h.bug is not None:
            by_fault[h.bug.fault] = by_fault.get(h.bug.fault, 0.0) + float(w)
    likeliest = max(by_fault, key=lambda fault: by_fault[fault])
    size = max((w, h.bug.size) for h, w in concerned if h.bug and h.bug.fault == likeliest)[1]
    freedom = len(model.precision)
    nearest = math.sqrt(float(model.distance2.min()) / freedom)
    return GapVerdict(name, sum(by_fault.values()), likeliest, size, by_fault[likeliest], nearest)


def _parts(
    model: _Posterior, channel: int, name: str, counts: Floats, usable: npt.NDArray[np.bool_]
) -> list[CauseShare]:
    """The parts of a channel's gaps to its CRM, or, without one, to analytics."""
    places = [int(s) for s in np.flatnonzero(usable)]
    reference = places[-1]
    rows = []
    for system in places[:-1]:
        a, b = float(counts[system]), float(counts[reference])
        scale = a if a == b else (a - b) / math.log(a / b)
        weights = np.eye(3)[system] - np.eye(3)[reference]
        found: list[list[Any]] = []
        for k, cause in enumerate(model.names):
            direction = np.zeros(model.mean.shape)
            direction[channel, k] = weights
            mean, variance = model.of(direction, model.shift_of(cause, channel, weights))
            middle = float(model.weight @ mean)
            spread = math.sqrt(variance + float(model.weight @ (mean - middle) ** 2)) * LEVEL_QUANTILE
            prior = model.draws[:, channel, k] @ weights
            low, high = middle - spread, middle + spread
            # A cause that can only take away adds nothing, and the other way round.
            if model.weight[0] > 0.5 or cause not in {h.bug.cause for h in model.hypotheses if h.bug}:
                low = max(low, 0.0) if prior.min() >= 0 else low
                high = min(high, 0.0) if prior.max() <= 0 else high
                middle = min(max(middle, low), high)
            if low < high or middle:
                found.append([cause, low * scale, middle * scale, high * scale])
        rest = (a - b) - sum(row[2] for row in found)
        for row in found:
            if row[0] == OTHER:
                row[1:] = [row[1] + rest, row[2] + rest, row[3] + rest]
        gap = a - b
        compared = f"{CLAIM_SYSTEMS[system]} - {CLAIM_SYSTEMS[reference]}"
        ordered = sorted(found, key=lambda row: -abs(row[2]))
        rows += [CauseShare(name, c, compared, lo, m, hi, m / gap if gap else math.nan) for c, lo, m, hi in ordered]
    return rows
