"""Diagnosis: does the planned change alone explain the CPA shifts seen, and if not, which fault does best (probability).

Every fault of the library is replayed in the frozen world on top of the planned change, at several sizes. What was seen is
compared with each on the logarithm of CPA after over before, with the covariance that two periods of this length have at the
user's volume: systems count the same orders, so a shift in one of them alone tells far more than a shift in all.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.change import Change, Plan, apply
from experiments.rollout import SYSTEMS, View, claimed_per_person, cost_variance, view_of
from simulator.record.record import record
from simulator.scenario.faults import FAULTS, Fault
from simulator.scenario.problems import Problem, ScenarioError, did_you_mean
from simulator.scenario.schema import Scenario
from simulator.world import World

Floats = npt.NDArray[np.float64]
COLUMNS = ("channel", "system", "cpa_before", "cpa_after")
VALUE_COLUMNS = ("roas_before", "roas_after")
NO_FAULT = "no fault"
FEWEST_ACTIONS = 25
MODEL_ERROR = 0.02
STEPS = 24
IMPOSSIBLE = 1e3  # a shift of a cell that an explanation empties
ALIKE = 1.0 / 3.0
REFUSED = 0.05


@dataclass(frozen=True)
class Observation:
    """One channel in one system, before and after, in currency; ROAS where it was noted."""

    channel: str
    system: str
    cpa_before: float
    cpa_after: float
    roas_before: float = math.nan
    roas_after: float = math.nan


@dataclass(frozen=True)
class Suspect:
    """One explanation.

    Attributes:
        fault: its name, or `no fault`; code: F1 to F25.
        size: the size that explains best.
        probability: given what was seen, of these explanations (the planned change alone is given as much before as all
            faults together, each fault the same).
        chi_squared: distance of what was seen from what it predicts.
        signature: what gives it away.
    """

    fault: str
    code: str
    size: float
    probability: float
    chi_squared: float
    signature: str


@dataclass(frozen=True)
class Diagnosis:
    """What explains the shifts.

    Attributes:
        suspects: all explanations, the most probable first.
        p_value: of the planned change alone; cells: how many shifts it is based on.
        left_out: rows with too few actions to say anything.
    """

    suspects: tuple[Suspect, ...]
    p_value: float
    cells: int
    left_out: int

    @property
    def consistent(self) -> bool:
        """Whether the planned change alone can explain what was seen."""
        return self.p_value >= REFUSED

    @property
    def look_alike(self) -> tuple[Suspect, ...]:
        """The first suspect and those that what was seen cannot tell from it."""
        ranked = [s for s in self.suspects if self.consistent or s.fault != NO_FAULT]
        return tuple(s for s in ranked if s.probability >= ALIKE * ranked[0].probability)

    def to_frame(self) -> pd.DataFrame:
        """One row per explanation."""
        names = ("code", "fault", "size", "probability", "chi_squared", "signature")
        return pd.DataFrame([{name: getattr(s, name) for name in names} for s in self.suspects])

    def summary(self) -> str:
        """The verdict in a few sentences."""
        if self.cells == 0:
            return "Cannot tell: no row has enough actions at this volume."
        if self.consistent and self.suspects[0].fault == NO_FAULT:
            shifts = f"{self.cells} shifts"
            return f"What was seen is what the planned change alone would bring (p = {self.p_value:.2f}, {shifts})."
        alike = [s for s in self.look_alike if s.fault != NO_FAULT]
        lead = (
            f"The planned change alone could bring what was seen (p = {self.p_value:.2f}), but a fault explains it better."
            if self.consistent
            else f"The planned change alone does not explain what was seen (p = {self.p_value:.2g}, {self.cells} shifts)."
        )
        if len(alike) > 1:
            names = ", ".join(f"{s.code} {s.fault} (size {s.size:.2g}, {s.probability:.0%})" for s in alike)
            return f"{lead} Cannot tell which of these it is, they look alike at this volume: {names}."
        best = alike[0] if alike else self.suspects[0]
        name = f"{best.code} {best.fault}, size {best.size:.2g} ({best.probability:.0%})"
        return f"{lead} Most probable: {name}: {best.signature}."


@dataclass(frozen=True)
class Prediction:
    """A normal law of the shifts between two periods: mean (2n,), covariance (2n, 2n)."""

    mean: Floats
    covariance: Floats

    def towards(self, other: "Prediction", share: float) -> "Prediction":
        """Between this and another: linear interpolation."""
        return Prediction(
            (1 - share) * self.mean + share * other.mean, (1 - share) * self.covariance + share * other.covariance
        )

    def distance(self, shift: Floats, used: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """Squared Mahalanobis distance of what was seen in the cells used, and the logarithm of the likelihood."""
        gap = np.nan_to_num((shift - self.mean)[used], nan=IMPOSSIBLE)
        lower = np.linalg.cholesky(self.covariance[np.ix_(used, used)])
        squared = float(np.sum(np.linalg.solve(lower, gap) ** 2))
        return squared, -0.5 * squared - float(np.sum(np.log(np.diag(lower))))


@dataclass(frozen=True)
class Expectations:
    """What every explanation predicts, as logarithms of CPA (then ROAS) after over before, cell by cell.

    Attributes:
        cells: (channel, system) of the first half; the second half is their ROAS.
        planned: the planned change alone.
        faults: per fault, its sizes, and what it predicts at each on top of the planned change.
        enough: which cells have enough actions (n,).
    """

    cells: tuple[tuple[str, str], ...]
    planned: Prediction
    faults: Mapping[str, tuple[Floats, tuple[Prediction, ...]]]
    enough: npt.NDArray[np.bool_]


def expectations(world: World, plan: Plan, people: int | None = None, faults: Sequence[Fault] = FAULTS) -> Expectations:
    """Replay the world under the planned change, and under it with every fault at several sizes."""
    paid = world.scenario.paid_channels()
    cells = tuple((channel, system) for channel in paid for system in SYSTEMS)
    changes = [change for change in plan.changes if not change.real]

    def seen(extra: Sequence[Change]) -> View:
        return view_of(record(replace(world, scenario=apply(world.scenario, [*changes, *extra]))), paid)

    volume = (people or world.scenario.run.users) / world.scenario.run.users
    today = view_of(record(world), paid)
    tomorrow = seen([])
    spending = cost_variance(world, paid)

    def predicted(view: View) -> Prediction:
        return Prediction(_shift(today, view, cells), _covariance(today, view, cells, spending, volume))

    found = {}
    for fault in faults:
        sizes = grid(fault)
        changed = [Change(fault.name, {f"tracking.faults.{fault.name}": float(size)}) for size in sizes]
        found[fault.name] = (sizes, tuple(predicted(seen([change])) for change in changed))
    least = np.array([min(v.conversions[s][c] for v in (today, tomorrow)) for c, s in cells]) * volume
    return Expectations(cells, predicted(tomorrow), found, least >= FEWEST_ACTIONS)


def grid(fault: Fault) -> Floats:
    """Sizes at which a fault is replayed: a quarter of the usual size to twice it, within its bounds."""
    if fault.smallest == fault.largest:
        return np.array([fault.usual])
    sizes = fault.usual * np.array([0.25, 0.5, 1.0, 1.5, 2.0])
    return np.unique(np.clip(sizes, max(fault.smallest, 1e-6), fault.largest))


def diagnose(world: World, plan: Plan, observations: Sequence[Observation], *, people: int | None = None) -> Diagnosis:
    """What explains the shifts that were seen after a planned change of tracking."""
    return judge(expectations(world, plan, people), observations)


def judge(expected: Expectations, observations: Sequence[Observation]) -> Diagnosis:
    """Compare what was seen with every explanation.

    Each predicts a normal vector with a mean and a covariance of its own; a fault's size is uniform over its range, so its
    likelihood is the mean over sizes. The planned change alone has prior probability 1/2, the faults share the rest.
    """
    from scipy.stats import chi2

    n = len(expected.cells)
    shift = np.full(2 * n, np.nan)
    for seen in observations:
        if (seen.channel, seen.system) in expected.cells:
            i = expected.cells.index((seen.channel, seen.system))
            shift[i] = _log_ratio(seen.cpa_after, seen.cpa_before)
            shift[n + i] = _log_ratio(seen.roas_after, seen.roas_before)
    used = np.isfinite(shift) & np.tile(expected.enough, 2) & np.isfinite(expected.planned.mean)
    left_out = int(np.sum(np.isfinite(shift[:n]) & ~used[:n]))
    if not used.any():
        return Diagnosis((Suspect(NO_FAULT, "", math.nan, 1.0, 0.0, ""),), 1.0, 0, left_out)
    alone, likelihood = expected.planned.distance(shift, used)
    scores = [(NO_FAULT, "", math.nan, alone, likelihood + math.log(0.5), "")]
    for fault in FAULTS:
        if fault.name in expected.faults:
            sizes, predictions = between(*expected.faults[fault.name])
            apart, likelihoods = np.array([prediction.distance(shift, used) for prediction in predictions]).T
            best = int(np.argmax(likelihoods))
            evidence = float(np.logaddexp.reduce(likelihoods)) + math.log(0.5 / len(expected.faults) / len(sizes))
            scores.append((fault.name, fault.code, float(sizes[best]), float(apart[best]), evidence, fault.signature))
    total = float(np.logaddexp.reduce([score[4] for score in scores]))
    suspects = [Suspect(s[0], s[1], s[2], math.exp(s[4] - total), s[3], s[5]) for s in scores]
    suspects.sort(key=lambda suspect: -suspect.probability)
    return Diagnosis(tuple(suspects), float(chi2.sf(alone, int(used.sum()))), int(used.sum()), left_out)


def between(sizes: Floats, predictions: Sequence[Prediction]) -> tuple[Floats, list[Prediction]]:
    """Many sizes between those replayed, and what they predict by linear interpolation."""
    if len(sizes) == 1:
        return sizes, list(predictions)
    fine = np.linspace(sizes[0], sizes[-1], STEPS)
    place = np.clip(np.searchsorted(sizes, fine, side="right") - 1, 0, len(sizes) - 2)
    share = (fine - sizes[place]) / (sizes[place + 1] - sizes[place])
    return fine, [predictions[i].towards(predictions[i + 1], float(x)) for i, x in zip(place, share, strict=True)]


def separations(expected: Expectations) -> pd.DataFrame:
    """How far each fault of usual size lies from what looks most like it, in standard deviations at this volume.

    Columns: fault, code, from_no_fault, nearest (the explanation at whatever size that comes closest), distance. Two
    explanations three apart are told apart nearly always; below one they look alike.
    """
    used = np.tile(expected.enough, 2) & np.isfinite(expected.planned.mean)
    rows = []
    for fault in FAULTS:
        if fault.name in expected.faults:
            sizes, predictions = expected.faults[fault.name]
            usual = predictions[int(np.argmin(np.abs(sizes - fault.usual)))]
            alone = math.sqrt(usual.distance(expected.planned.mean, used)[0])
            others = {NO_FAULT: alone}
            for other, found in expected.faults.items():
                if other != fault.name:
                    others[other] = math.sqrt(min(usual.distance(p.mean, used)[0] for p in between(*found)[1]))
            nearest = min(others, key=lambda other: others[other])
            rows.append((fault.name, fault.code, alone, nearest, others[nearest]))
    return pd.DataFrame(rows, columns=["fault", "code", "from_no_fault", "nearest", "distance"])


def observe(before: View, after: View) -> list[Observation]:
    """What a team would note of two periods: every channel in every system."""
    return [
        Observation(
            channel, system, before.cpa(system, channel), after.cpa(system, channel),
            *(_over(view.value[system][channel], view.cost[channel]) for view in (before, after)),
        )
        for channel in before.cost
        for system in SYSTEMS
    ]  # fmt: skip


def read_observations(path: str | Path, scenario: Scenario) -> list[Observation]:
    """Read a CSV file with columns channel, system, cpa_before, cpa_after (and roas_before, roas_after, if known).

    Raises:
        ScenarioError: with every problem found, each with its line.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            rows, columns = list(table), list(table.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError([Problem(str(path), f"cannot be read as CSV ({error})")]) from None
    problems = [Problem(f"{path}: column {name}", "is missing") for name in COLUMNS if name not in columns]
    known: dict[str, Sequence[str]] = {"channel": scenario.paid_channels(), "system": SYSTEMS}
    observations = []
    for line, row in enumerate(rows if not problems else [], start=2):
        for column, names in known.items():
            if row[column] not in names:
                hint = did_you_mean(row[column] or "", names)
                problems.append(
                    Problem(f"{path}: line {line}: {column}", f"is no {column} here", repr(row[column]), hint)
                )
        numbers = [_number(row.get(name), f"{path}: line {line}: {name}", problems) for name in COLUMNS[2:]]
        values = [
            _number(row[name], f"{path}: line {line}: {name}", problems) if row.get(name) else math.nan
            for name in VALUE_COLUMNS
        ]
        observations.append(Observation(row["channel"], row["system"], *numbers, *values))
    if not observations and not problems:
        problems.append(Problem(str(path), "holds no rows"))
    if problems:
        raise ScenarioError(problems)
    return observations


def _number(text: str | None, place: str, problems: list[Problem]) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        problems.append(Problem(place, "must be a number above 0", repr(text)))
    return value


def _over(value: float, cost: float) -> float:
    return value / cost if cost > 0 else math.nan


def _log_ratio(after: float, before: float) -> float:
    usable = math.isfinite(after) and math.isfinite(before) and after > 0 and before > 0
    return math.log(after / before) if usable else math.nan


def _shift(today: View, tomorrow: View, cells: Sequence[tuple[str, str]]) -> Floats:
    cpa = [_log_ratio(tomorrow.cpa(s, c), today.cpa(s, c)) for c, s in cells]
    roas = [
        _log_ratio(_over(tomorrow.value[s][c], tomorrow.cost[c]), _over(today.value[s][c], today.cost[c]))
        for c, s in cells
    ]
    return np.array(cpa + roas)


def _covariance(
    today: View, tomorrow: View, cells: Sequence[tuple[str, str]], spending: Mapping[str, float], volume: float
) -> Floats:
    """Covariance of ln CPA and ln ROAS after over before, (2n, 2n), linearised bootstrap over people.

    Two cells covary as far as the same people's actions are counted in both: Σ_u a_ui·a_uj / (A_i·A_j), once for each
    period at the user's volume; cells of one channel share the noise of its cost. Which actions a change costs is chance
    too: the prediction itself is as uncertain as the difference of the two records over people, at the volume replayed.
    ROAS has value in place of actions, and the sign opposite to CPA's.
    """
    channels = sorted({channel for channel, _ in cells})
    counted = [
        (
            claimed_per_person(view.record, channels),
            claimed_per_person(view.record, channels, value=True),
        )
        for view in (today, tomorrow)
    ]
    people = np.unique(np.concatenate([own.user for actions, _ in counted for own in actions.values()]))
    n = len(cells)
    before, after = np.zeros((2, 2 * n, len(people)))
    for matrix, (actions, value) in zip((before, after), counted, strict=True):
        for i, cell in enumerate(cells):
            for row, sign, own in ((i, -1.0, actions[cell]), (n + i, 1.0, value[cell])):
                if own.total > 0:
                    matrix[row, np.searchsorted(people, own.user)] = sign * own.amount / own.total
    sign = np.r_[np.ones(n), -np.ones(n)]
    channel = np.array([c for c, _ in cells] * 2)
    variance = np.array([spending[c] for c in channel])
    shared = (channel[:, None] == channel[None, :]) * np.outer(sign, sign) * variance[:, None]
    difference = after - before
    result: Floats = (before @ before.T + after @ after.T + 2.0 * shared) / volume
    result += difference @ difference.T + MODEL_ERROR**2 * np.eye(2 * n)
    return result
