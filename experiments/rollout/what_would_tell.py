"""What would tell: which further figures, or how many more days, set two explanations apart (standard errors, days).

Both are replayed in the frozen world, and what they predict of figures that were not noted is compared as it would be seen at
the user's volume.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.rollout.change_file import PlannedChange, apply
from experiments.rollout.check_rollout import FEWEST_ACTIONS
from experiments.rollout.observed_file import known_words
from experiments.rollout.prediction import Prediction, predicted
from experiments.rollout.reported_cpa import ALL, SPLITS, SYSTEMS, Key, Split, reported_cpas, spending, whole_keys
from simulator.record.record import record
from simulator.world import World

__all__ = ["APART", "Advice", "Candidate", "distance", "more_days", "what_would_tell"]

APART = 3.0  # standard errors: told apart nearly always
LONGEST = 13.0  # periods: a year of months
EVERYTHING = "every channel in every system"


@dataclass(frozen=True)
class Candidate:
    """One explanation, as a record to replay.

    Attributes:
        name: of it; changes: of tracking that are in force then.
        live: share of those that are live, the rest of the way to `without`.
    """

    name: str
    changes: tuple[PlannedChange, ...]
    without: tuple[PlannedChange, ...] | None = None
    live: float = 1.0


@dataclass(frozen=True)
class Advice:
    """How two explanations could be told apart.

    Attributes:
        one, other: their names.
        now: how far apart they lie in the figures noted, in standard errors.
        figures: what else to note; empty where nothing was found that sets them farther apart.
        apart: how far they lie apart with those.
        days: more days after the change until the figures noted tell; infinite where none do within a year.
        alone: the same with `figures` noted too; 0 where those tell by themselves.
    """

    one: str
    other: str
    now: float
    figures: str
    apart: float
    days: float
    alone: float

    def __str__(self) -> str:
        pair = f"{self.one} from {self.other}"
        more = "more day" if self.days <= 1 else "more days"
        wait = "" if math.isinf(self.days) else f"{math.ceil(self.days)} {more} after the change"
        noted = f"noting {self.figures} (then {self.apart:.1f} standard errors apart, now {self.now:.1f})"
        if self.figures and self.apart >= APART:
            return f"What would tell {pair}: {noted}{f', or {wait}' if wait else ''}."
        if wait:
            return f"What would tell {pair}: {wait}{f'; {noted} helps' if self.figures else ''}."
        if self.figures and math.isfinite(self.alone):
            return f"What would tell {pair}: {noted}, and {math.ceil(self.alone)} more days after the change."
        tried = f"; {self.figures} comes nearest ({self.apart:.1f} standard errors)" if self.figures else ""
        return f"Neither a split nor more days would tell {pair} at this volume{tried}."


def what_would_tell(
    world: World,
    one: Candidate,
    other: Candidate,
    noted: Sequence[Key],
    split: Split | None,
    *,
    people: int | None = None,
) -> Advice:
    """Compare what two explanations predict of the figures noted, of these by device, browser …, and of all figures.

    Args:
        world: the frozen one.
        one, other: the explanations.
        noted: what has been noted; split: the dimension whose values its parts are.
        people: size of the user's market; default: the people simulated.
    """
    volume = (people or world.scenario.run.users) / world.scenario.run.users
    replays = [(w, record(w)) for w in _worlds(world, one, other)]

    def pair(keys: Sequence[Key], by: Split | None) -> tuple[Prediction, Prediction]:
        spent = spending(world, keys, by)
        today, *after = (reported_cpas(w, found, keys, spent) for w, found in replays)
        seen = [predicted(today, own, keys, spent, volume) for own in after]
        first = seen[0] if one.without is None else seen[1].towards(seen[0], one.live)
        rest = seen[1 if one.without is None else 2 :]
        return first, rest[0] if other.without is None else rest[1].towards(rest[0], other.live)

    now = pair(noted, split)
    best, best_pair = "", now
    for name, keys, by in _further(world, noted, split):
        found = pair(keys, by)
        if distance(*found) > distance(*best_pair) + 0.1:
            best, best_pair = name, found
    days = world.scenario.run.days
    return Advice(
        one.name, other.name, distance(*now), best, distance(*best_pair), more_days(*now, days),
        0.0 if distance(*best_pair) >= APART else more_days(*best_pair, days),
    )  # fmt: skip


def _worlds(world: World, one: Candidate, other: Candidate) -> list[World]:
    """Today's, then each candidate's own and, where it is live in part, the one without it."""
    wanted = [changes for each in (one, other) for changes in (each.changes, each.without) if changes is not None]
    return [world, *(world.with_scenario(apply(world.scenario, list(changes))) for changes in wanted)]


def _further(world: World, noted: Sequence[Key], split: Split | None) -> list[tuple[str, list[Key], Split | None]]:
    """Names of further figures, all keys that would then be noted, and their split."""
    found: list[tuple[str, list[Key], Split | None]] = []
    every = whole_keys([*world.scenario.paid_channels(), ALL])
    if set(every) - set(noted):
        found.append((EVERYTHING, list(dict.fromkeys([*noted, *every])), split))
    systems = [system for system in SYSTEMS if any(key.system == system for key in noted)]
    channels = list(dict.fromkeys(key.channel for key in noted))
    words = known_words(world.scenario, SPLITS)
    whole = [key for key in noted if not key.part]
    for by in SPLITS:
        if by != split and len(words[by]) > 1:
            where = [ALL] if by == "day" or ALL in channels else channels
            if by == "campaign":
                where = [c for c in channels if c != ALL and len(world.scenario.channels[c].campaigns) > 1]
            parts = [
                Key(channel, system, part)
                for channel in where
                for system in systems
                for part in (words[by] if by != "campaign" else list(world.scenario.channels[channel].campaigns))
            ]
            if parts:
                found.append((f"these figures by {by}", [*whole, *parts], by))
    return found


def distance(one: Prediction, other: Prediction, *, filled: float = 1.0) -> float:
    """√(Δᵀ C⁻¹ Δ) of the two means, C the mean covariance once the later period is `filled` times as long.

    Figures with fewer than 25 actions under either explanation, or without a price, do not count.

    Args:
        one, other: what two explanations predict.
        filled: length of the later period, in periods.
    """
    used = np.isfinite(one.mean) & np.isfinite(other.mean)
    used &= np.tile(np.minimum(one.actions, other.actions) * filled >= FEWEST_ACTIONS, 2)
    if not used.any():
        return 0.0
    gap = (one.mean - other.mean)[used]
    chance = (one.covariance + other.covariance - (one.later + other.later) * (1.0 - 1.0 / filled)) / 2
    return math.sqrt(max(float(gap @ np.linalg.solve(chance[np.ix_(used, used)], gap)), 0.0))


def more_days(one: Prediction, other: Prediction, days: float) -> float:
    """Days more after the change until two explanations lie three standard errors apart; infinite beyond a year.

    Args:
        one, other: what they predict; days: length of a period.
    """
    if distance(one, other) >= APART:
        return 0.0
    if distance(one, other, filled=LONGEST) < APART:
        return math.inf
    low, high = 1.0, LONGEST
    while (high - low) * days > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if distance(one, other, filled=middle) < APART else (low, middle)
    return (high - 1.0) * days
