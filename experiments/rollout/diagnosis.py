"""Diagnosis: does the planned change alone explain the CPA shifts seen, and if not, which fault does best (probability).

Every fault of the library is replayed in the frozen world on top of the planned change, at several sizes. What was seen is
compared with each on the logarithm of CPA after over before, with the covariance that two periods of this length have at the
user's volume: systems count the same orders, so a shift in one of them alone tells far more than a shift in all.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from cpalab.result import Result
from experiments.rollout.change_file import Plan, PlannedChange, apply
from experiments.rollout.check_rollout import FEWEST_ACTIONS
from experiments.rollout.observed_file import Observation, Observations, days_lost
from experiments.rollout.prediction import LeftOut, Prediction, Shift, log_ratio, predicted
from experiments.rollout.reported_cpa import (
    Floats,
    Key,
    ReportedCpas,
    Split,
    reported_cpas,
    spending,
    whole_keys,
)
from experiments.rollout.what_would_tell import Advice, Candidate, what_would_tell
from simulator.record.record import record
from simulator.scenario.faults import FAULTS, Fault
from simulator.scenario.tracking import Outage, Tracking
from simulator.world import World

NO_FAULT = "no fault"
NOT_LIVE = "not live, or live in part"
EVERYTHING = f"the planned change is {NOT_LIVE}"
LIVE_SHARES = np.arange(0.0, 0.91, 0.1)  # of a change that may be live in part; fully live is no fault
MOST_PAIRED = 6  # faults of which pairs are tried
OUTAGE = "tag_outage"
SUM = "the sum of figures that are given"
NAMED_AT_MOST = 4
FEWEST_LOST = 10  # where so many are expected, a count of zero is chance once in 22,000
STEPS = 24
CLOSER_STEPS = 33  # over the two steps around the best size
ALIKE = 1.0 / 3.0
REFUSED = 0.05


@dataclass(frozen=True)
class Suspect:
    """One explanation.

    Attributes:
        fault: its name, or `no fault`; code: as in the library.
        size: the size that explains best.
        probability: given what was seen, of these explanations (the planned change alone is given as much before as all
            faults together, each fault the same).
        chi_squared: distance of what was seen from what it predicts.
        unit: what its size means.
        signature: what gives it away.
        today: the same setting as it is today, in words; empty where it is no single number.
    """

    fault: str
    code: str
    size: float
    probability: float
    chi_squared: float
    unit: str
    signature: str
    today: str = ""

    def __str__(self) -> str:
        now = f"; today {self.today}" if self.today else ""
        known = f", size {self.size:.3g} ({self.unit}{now})" if self.unit and not self.unit.startswith("1:") else ""
        return f"{self.code} {self.fault}{known}: probability {self.probability:.0%}".lstrip()


@dataclass(frozen=True)
class Diagnosis(Result):
    """What explains the shifts.

    Attributes:
        suspects: all explanations, the most probable first.
        p_value: of the planned change alone; cells: how many shifts it is based on.
        left_out: the figures that were noted and not compared.
        advice: what would tell the first two that look alike apart; None where nothing needs telling, or pairs of faults do.
    """

    suspects: tuple[Suspect, ...]
    p_value: float
    cells: int
    left_out: tuple[LeftOut, ...]
    advice: Advice | None = None

    @property
    def consistent(self) -> bool:
        """Whether the planned change alone can explain what was seen."""
        return self.p_value >= REFUSED

    @property
    def status(self) -> int:
        """Exit status: 0 what was seen is as expected, 1 a fault explains it better, 2 nothing can be compared."""
        if self.cells == 0:
            return 2
        return 0 if self.consistent and self.suspects[0].fault == NO_FAULT else 1

    @property
    def look_alike(self) -> tuple[Suspect, ...]:
        """The first suspect and those that what was seen cannot tell from it."""
        ranked = [s for s in self.suspects if self.consistent or s.fault != NO_FAULT]
        return tuple(s for s in ranked if s.probability >= ALIKE * ranked[0].probability)

    def to_frame(self) -> pd.DataFrame:
        """One row per explanation."""
        names = ("code", "fault", "size", "probability", "chi_squared", "unit", "signature")
        return pd.DataFrame([{name: getattr(s, name) for name in names} for s in self.suspects])

    def summary(self) -> str:
        """The verdict in a few sentences, and what would tell where nobody can."""
        return "\n".join(filter(None, (self._verdict(), str(self.advice or ""))))

    def _verdict(self) -> str:
        few = self._left_out_in_words()
        if self.cells == 0:
            return f"Cannot tell: no figure can be compared.{few}"
        noted = self.cells + len(self.left_out)
        compared = f"{self.cells} of {noted} figures compared" if self.left_out else f"{self.cells} figures compared"
        if self.consistent and self.suspects[0].fault == NO_FAULT:
            return (
                f"What was seen is what the planned change alone would bring ({compared}; by chance they lie as far from it "
                f"or farther in {self.p_value:.0%} of cases).{few}"
            )
        chance = f"{self.p_value:.0%}" if self.p_value >= 0.01 else "fewer than 1%"
        lead = (
            f"The planned change alone could bring what was seen ({compared}; so far off by chance in {chance} of cases), "
            "but a fault explains it better."
            if self.consistent
            else f"The planned change alone does not explain what was seen ({compared}; so far off by chance in {chance} of "
            "cases)."
        )
        alike = [s for s in self.look_alike if s.fault != NO_FAULT] or [self.suspects[0]]
        if len(alike) > 1:
            lines = "".join(f"\n  {suspect}\n      {suspect.signature}" for suspect in alike)
            return f"{lead}{few}\nCannot tell which of these it is, they look alike at this volume:{lines}"
        return f"{lead}{few}\nMost probable: {alike[0]}\n      {alike[0].signature}"

    def _left_out_in_words(self) -> str:
        """Which figures were left out, by reason; the first few of many."""
        by_reason: dict[str, list[str]] = {}
        for left in self.left_out:
            by_reason.setdefault(left.reason, []).append(left.figure)
        said = []
        for reason, figures in by_reason.items():
            more = f" and {len(figures) - NAMED_AT_MOST} more" if len(figures) > NAMED_AT_MOST else ""
            said.append(f"{', '.join(figures[:NAMED_AT_MOST])}{more} ({reason})")
        return f" Left out: {'; '.join(said)}." if said else ""


@dataclass(frozen=True)
class Expectations:
    """What every explanation predicts, as logarithms of CPA (then ROAS) after over before, for each channel and system.

    Attributes:
        keys: the first half; the second half is their ROAS.
        planned: the planned change alone.
        faults: per fault, its sizes, and what it predicts at each on top of the planned change.
        not_live: per part of the planned change (or all of it), the shares of it that may be live, and what each predicts.
        today: per fault, today's value of what it sets, in words.
        enough: which of them have enough actions (n,).
        looked_at: faults whose one prediction was picked by what was seen, and among how many: each is that much less
            probable before.
    """

    keys: tuple[Key, ...]
    planned: Prediction
    faults: Mapping[str, tuple[Floats, tuple[Prediction, ...]]]
    enough: npt.NDArray[np.bool_]
    looked_at: Mapping[str, int] = field(default_factory=dict)
    not_live: Mapping[str, tuple[Floats, tuple[Prediction, ...]]] = field(default_factory=dict)
    today: Mapping[str, str] = field(default_factory=dict)


def expectations(
    world: World, plan: Plan, people: int | None = None, faults: Sequence[Fault] = FAULTS, *,
    keys: Sequence[Key] | None = None, split: Split | None = None, lost: tuple[int, int] | None = None,
) -> Expectations:  # fmt: skip
    """Replay the world under the planned change, and under it with every fault at several sizes.

    Args:
        people: size of the user's own market; default: the people simulated.
        keys: what is predicted; default: every paid channel in every system.
        split: the dimension whose values parts are.
        lost: first and last day on which an outage is suspected, instead of the middle of the period.
    """
    keys = tuple(whole_keys(world.scenario.paid_channels()) if keys is None else keys)
    changes = [change for change in plan.changes if not change.real]
    spent = spending(world, keys, split)

    def seen(extra: Sequence[PlannedChange], planned: Sequence[PlannedChange] = changes) -> ReportedCpas:
        replayed = world.with_scenario(apply(world.scenario, [*planned, *extra]))
        return reported_cpas(replayed, record(replayed), keys, spent)

    volume = (people or world.scenario.run.users) / world.scenario.run.users
    today = reported_cpas(world, record(world), keys, spent)
    tomorrow = seen([])

    def expected(after: ReportedCpas) -> Prediction:
        return predicted(today, after, keys, spent, volume)

    found = {}
    for fault in faults:
        sizes = grid(fault)
        changed = [PlannedChange(fault.name, {f"tracking.faults.{fault.name}": float(size)}) for size in sizes]
        found[fault.name] = (sizes, tuple(expected(seen([change])) for change in changed))
    looked_at = {}
    if lost is not None and OUTAGE in found:
        days = math.ceil(world.scenario.run.days)
        outages = [o.model_dump() for o in apply(world.scenario, changes).tracking.transport.outages]
        outages.append(Outage(start_day=lost[0] - 1.0, end_day=float(lost[1])).model_dump())
        there = expected(seen([PlannedChange(OUTAGE, {"tracking.transport.outages": outages})]))
        found[OUTAGE] = (np.array([(lost[1] - lost[0] + 1) / days]), (there,))
        looked_at[OUTAGE] = days * (days + 1) // 2
    live = expected(tomorrow)
    missing = {EVERYTHING: expected(today)}
    if len(changes) > 1:
        others = [(gone, [change for change in changes if change is not gone]) for gone in changes]
        missing |= {f"{NOT_LIVE}: {gone.name}": expected(seen([], rest)) for gone, rest in others}
    not_live = {
        name: (LIVE_SHARES, tuple(gone.towards(live, float(share)) for share in LIVE_SHARES))
        for name, gone in missing.items()
        if not np.array_equal(gone.mean, live.mean, equal_nan=True)
    }
    settings = apply(world.scenario, changes).tracking
    now = {fault.name: today_of(fault, settings, world.scenario.run.days) for fault in faults}
    least = np.array([min(v.actions[key].total for v in (today, tomorrow)) for key in keys]) * volume
    return Expectations(keys, live, found, least >= FEWEST_ACTIONS, looked_at, not_live, now)


def today_of(fault: Fault, tracking: Tracking, days: float) -> str:
    """Today's value of the one number that a fault sets, as text; empty where it sets several things or no number."""
    settings = fault.settings(tracking, fault.usual, days)
    if len(settings) != 1:
        return ""
    value: object = tracking
    for part in next(iter(settings)).split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def grid(fault: Fault) -> Floats:
    """Sizes at which a fault is replayed: a quarter of the usual size to twice it, within its bounds."""
    if fault.smallest == fault.largest:
        return np.array([fault.usual])
    sizes = fault.usual * np.array([0.25, 0.5, 1.0, 1.5, 2.0])
    return np.unique(np.clip(sizes, max(fault.smallest, 1e-6), fault.largest))


def diagnose(
    world: World, plan: Plan, observations: Observations, *, people: int | None = None, faults: Sequence[Fault] = FAULTS
) -> Diagnosis:
    """What explains the shifts that were seen after a planned change of tracking, and what would tell where nobody can."""
    keys = [seen.key for seen in observations.rows]
    lost = days_lost(observations)
    found = judge(
        expectations(world, plan, people, faults, keys=keys, split=observations.split, lost=lost), observations
    )
    candidates = [made for suspect in found.look_alike if (made := candidate_of(suspect, plan)) is not None]
    if len(candidates) < 2:
        return found
    one, other = candidates[:2]
    return replace(found, advice=what_would_tell(world, one, other, keys, observations.split, people=people))


def candidate_of(suspect: Suspect, plan: Plan) -> Candidate | None:
    """What to replay for an explanation; None for pairs of faults."""
    planned = tuple(change for change in plan.changes if not change.real)
    if suspect.fault == NO_FAULT:
        return Candidate("the planned change alone", planned)
    if suspect.fault in (fault.name for fault in FAULTS):
        fault = PlannedChange(suspect.fault, {f"tracking.faults.{suspect.fault}": suspect.size})
        return Candidate(suspect.fault, (*planned, fault))
    rest: tuple[PlannedChange, ...] | None = () if suspect.fault == EVERYTHING else None
    for gone in planned:
        if suspect.fault == f"{NOT_LIVE}: {gone.name}":
            rest = tuple(change for change in planned if change is not gone)
    return None if rest is None else Candidate(suspect.fault, planned, rest, suspect.size)


def judge(expected: Expectations, observations: Observations) -> Diagnosis:
    """Compare what was seen with every explanation.

    Each predicts a normal vector with a mean and a covariance of its own; a fault's size is uniform over its range, so its
    likelihood is the mean over sizes. The planned change alone has prior probability 1/2; that it is not live, or in part,
    and the faults share the rest. Only where each of these by itself is refused are pairs of faults tried, at the sizes
    replayed, as shifts that add up on the logarithm.
    """
    from scipy.stats import chi2

    seen = shift_of(expected, observations)
    if not seen.count:
        return Diagnosis((Suspect(NO_FAULT, "", math.nan, 1.0, 0.0, "", ""),), 1.0, 0, seen.left_out)
    alone, likelihood = expected.planned.distance(seen)
    scores = [(Suspect(NO_FAULT, "", math.nan, 1.0, alone, "", ""), likelihood + math.log(0.5))]
    prior = math.log(0.5 / max(len(expected.faults) + len(expected.not_live), 1))
    for name, (shares, predictions) in expected.not_live.items():
        sign = "the shifts that it should bring are missing or smaller; nothing else moves"
        suspect = Suspect(name, "", 0.0, 1.0, 0.0, "share of it that is live", sign)
        scores.append(_scored(suspect, shares, predictions, seen, prior, (shares, predictions)))
    for fault in FAULTS:
        if fault.name in expected.faults:
            replayed = expected.faults[fault.name]
            lost = days_lost(observations) if fault.name in expected.looked_at else None
            unit = f"share of the days: {lost[0]} to {lost[1]}" if lost else fault.size
            suspect = Suspect(
                fault.name, fault.code, 0.0, 1.0, 0.0, unit, fault.signature, expected.today.get(fault.name, "")
            )
            looked = math.log(expected.looked_at.get(fault.name, 1))
            scores.append(_scored(suspect, *between(*replayed), seen, prior - looked, replayed))
    if all(chi2.sf(suspect.chi_squared, seen.count) < REFUSED for suspect, _ in scores):
        scores += _pairs(expected, seen, prior)
    total = float(np.logaddexp.reduce([evidence for _, evidence in scores]))
    suspects = [replace(suspect, probability=math.exp(evidence - total)) for suspect, evidence in scores]
    suspects.sort(key=lambda suspect: -suspect.probability)
    return Diagnosis(tuple(suspects), float(chi2.sf(alone, seen.count)), seen.count, seen.left_out)


def _scored(
    suspect: Suspect, sizes: Floats, predictions: Sequence[Prediction], seen: Shift, prior: float,
    replayed: tuple[Floats, Sequence[Prediction]] | None = None,
) -> tuple[Suspect, float]:  # fmt: skip
    """A suspect at the size that explains best, and its evidence: the mean likelihood over sizes times its prior.

    Where it was `replayed` at sizes to interpolate between, the step to either side of the best size is looked at more
    closely: in a large market a step is wider than chance, and the true size may lie between two.
    """
    apart, likelihoods = np.array([prediction.distance(seen) for prediction in predictions]).T
    weights = np.full(len(sizes), 1.0 / len(sizes))
    if replayed is not None and len(sizes) > 1:
        best = int(np.argmax(likelihoods))
        ends = sizes[max(best - 1, 0)], sizes[min(best + 1, len(sizes) - 1)]
        closer, there = between(*replayed, np.linspace(*ends, CLOSER_STEPS)[1:-1])
        near = np.array([prediction.distance(seen) for prediction in there]).T
        order = np.argsort(np.append(sizes, closer))
        sizes, apart, likelihoods = (
            np.append(wide, narrow)[order]
            for wide, narrow in ((sizes, closer), (apart, near[0]), (likelihoods, near[1]))
        )
        # The trapezoid rule: each size stands for half the way to its neighbours.
        weights = np.convolve(np.diff(sizes), [0.5, 0.5]) / (sizes[-1] - sizes[0])
    best = int(np.argmax(likelihoods))
    evidence = float(np.logaddexp.reduce(likelihoods + np.log(weights))) + prior
    return replace(suspect, size=float(sizes[best]), chi_squared=float(apart[best])), evidence


def _pairs(expected: Expectations, seen: Shift, prior: float) -> list[tuple[Suspect, float]]:
    """Two faults at once: the few pairs of the faults that explain most by themselves, their shifts added."""
    alone = {name: min(p.distance(seen)[0] for p in predictions) for name, (_, predictions) in expected.faults.items()}
    likely = sorted(alone, key=lambda name: alone[name])[:MOST_PAIRED]
    code = {fault.name: fault.code for fault in FAULTS}
    chance = prior - math.log(max(len(expected.faults), 1))
    found = []
    for one, other in combinations(likely, 2):
        both = [
            (first.beside(second, expected.planned), float(size))
            for size, first in zip(*expected.faults[one], strict=True)
            for second in expected.faults[other][1]
        ]
        sizes = np.array([size for _, size in both])
        sign = f"both at once: the shifts of {one} and of {other}, one on top of the other"
        pair = Suspect(f"{one} and {other}", f"{code.get(one, '')}+{code.get(other, '')}", 0.0, 1.0, 0.0, "", sign)
        found.append(_scored(pair, sizes, [prediction for prediction, _ in both], seen, chance))
    return found


def shift_of(expected: Expectations, observations: Observations) -> Shift:
    """What was seen, in the order of what is expected."""
    n = len(expected.keys)
    place = {key: i for i, key in enumerate(expected.keys)}
    shift = np.full(2 * n, np.nan)
    nothing = np.zeros(n, np.bool_)
    for row in observations.rows:
        i = place.get(row.key)
        if i is not None:
            shift[i] = log_ratio(row.cpa_after, row.cpa_before)
            shift[n + i] = log_ratio(row.roas_after, row.roas_before)
            nothing[i] = row.emptied and math.isfinite(row.cpa_before)
    used = np.isfinite(shift) & np.tile(expected.enough, 2) & np.isfinite(expected.planned.mean)
    emptied = nothing & (expected.planned.actions >= FEWEST_LOST)
    left_out = [LeftOut(f"{figure} of {row.in_words}", SUM) for row in observations.sums for figure in row.figures]
    for row in observations.rows:
        i = place.get(row.key)
        if i is not None:
            counted = {"CPA": used[i] or emptied[i], "ROAS": used[n + i]}
            left_out += [
                LeftOut(f"{figure} of {row.in_words}", _why_not(expected, row, i))
                for figure in row.figures
                if not counted[figure]
            ]
    return Shift(shift, used, emptied, tuple(left_out))


def _why_not(expected: Expectations, row: Observation, i: int) -> str:
    """Why a figure cannot be compared with what is expected of it."""
    if row.emptied and expected.planned.actions[i] < FEWEST_LOST:
        return f"nothing counted, where fewer than {FEWEST_LOST} actions were expected at this volume"
    if row.emptied:
        return "nothing was counted that could have a value"
    if not expected.enough[i]:
        return f"fewer than {FEWEST_ACTIONS} actions in a period at this volume"
    if not math.isfinite(expected.planned.mean[i]):
        return "nothing is paid there in the simulated market"
    return "noted before or after only, or without a value in the simulated market"


def between(
    sizes: Floats, predictions: Sequence[Prediction], fine: Floats | None = None
) -> tuple[Floats, list[Prediction]]:
    """Sizes between those replayed (default: 24 over all their range), and what they predict by linear interpolation."""
    if len(sizes) == 1:
        return sizes, list(predictions)
    fine = np.linspace(sizes[0], sizes[-1], STEPS) if fine is None else fine
    place = np.clip(np.searchsorted(sizes, fine, side="right") - 1, 0, len(sizes) - 2)
    share = (fine - sizes[place]) / (sizes[place + 1] - sizes[place])
    return fine, [predictions[i].towards(predictions[i + 1], float(x)) for i, x in zip(place, share, strict=True)]


def separations(expected: Expectations) -> pd.DataFrame:
    """How far each fault of usual size lies from what looks most like it, in standard deviations at this volume.

    Columns: fault, code, from_no_fault, nearest (the explanation at whatever size that comes closest), distance. Two
    explanations three apart are told apart nearly always; below one they look alike.
    """
    used = np.tile(expected.enough, 2) & np.isfinite(expected.planned.mean)
    nothing = np.zeros(len(expected.keys), np.bool_)
    planned = Shift(expected.planned.mean, used, nothing)
    rows = []
    for fault in FAULTS:
        if fault.name in expected.faults:
            sizes, predictions = expected.faults[fault.name]
            usual = predictions[int(np.argmin(np.abs(sizes - fault.usual)))]
            alone = math.sqrt(usual.distance(planned)[0])
            others = {NO_FAULT: alone}
            for other, found in expected.faults.items():
                if other != fault.name:
                    others[other] = math.sqrt(
                        min(usual.distance(replace(planned, shift=p.mean))[0] for p in between(*found)[1])
                    )
            nearest = min(others, key=lambda other: others[other])
            rows.append((fault.name, fault.code, alone, nearest, others[nearest]))
    return pd.DataFrame(rows, columns=["fault", "code", "from_no_fault", "nearest", "distance"])
