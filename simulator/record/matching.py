"""Matching: which earlier touches each action can be credited to, and how credit is shared among them (shares sum to 1)."""

from dataclasses import dataclass

import numpy as np

from simulator.compiled import entry_point
from simulator.record.record_draws import Bools, Floats, Ints
from simulator.scenario.tracking import CreditRule

RULES: tuple[CreditRule, ...] = ("last", "first", "linear", "position", "time_decay")
END_SHARE = 0.4  # position-based: 40 % first, 40 % last, 20 % between


@dataclass(frozen=True)
class Pairs:
    """Pairs of an action and a touch before it (P,), by action and within an action from the oldest touch on."""

    action: Ints
    touch: Ints

    def keep(self, mask: Bools) -> "Pairs":
        """The pairs of this mask."""
        return Pairs(self.action[mask], self.touch[mask])


def pairs_within(action_key: Ints, visit_time: Floats, touch_key: Ints, touch_time: Floats, days: float) -> Pairs:
    """All pairs with the same key whose touch is at most `days` before the action's visit, and not after it.

    Touches must be sorted by key and time; actions may come in any order. An action happens some time after its visit
    began, at the latest when the next session begins: only its own session and those before it can have led to it.
    """
    low = np.searchsorted(touch_key, action_key, side="left")
    end = np.searchsorted(touch_key, action_key, side="right")
    high = low.copy()
    _narrow(visit_time, touch_time, days, low, end, high)
    count = high - low
    action = np.repeat(np.arange(len(action_key)), count)
    before = np.cumsum(count) - count
    touch = np.arange(len(action)) - np.repeat(before - low, count)
    return Pairs(action, touch)


@entry_point
def _narrow(action_time: Floats, touch_time: Floats, days: float, low: Ints, end: Ints, high: Ints) -> None:
    for i in range(action_time.size):
        while low[i] < end[i] and touch_time[low[i]] < action_time[i] - days:
            low[i] += 1
        high[i] = low[i]
        while high[i] < end[i] and touch_time[high[i]] <= action_time[i]:
            high[i] += 1


def any_in_group(group: Ints, flag: Bools) -> Bools:
    """For each member of a group: whether `flag` holds for any member of it."""
    found = np.zeros(int(group.max(initial=-1)) + 1, np.bool_)
    found[group[flag]] = True
    return found[group]


def shares(group: Ints, age_days: Floats, rule: Ints, half_life_days: Floats) -> Floats:
    """How much of its group's credit each member gets (n,).

    Members must be sorted by group and from the oldest to the youngest; `rule` is a position in RULES, alike for all of a
    group. last 1, 0 …; position 0.4, 0.2 / (n − 2), 0.4, halves for two; time decay 2^(−age / half-life), rescaled.
    """
    if not len(group):
        return np.zeros(0)
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    size = np.diff(np.r_[starts, len(group)])
    rank = np.arange(len(group)) - np.repeat(starts, size)
    n = np.repeat(size, size)
    first, last = rank == 0, rank == n - 1
    decay = np.exp2(-(age_days - np.repeat(np.minimum.reduceat(age_days, starts), size)) / half_life_days)
    position = np.select(
        [n == 1, n == 2, first | last], [1.0, 0.5, END_SHARE], (1.0 - 2.0 * END_SHARE) / np.maximum(n - 2, 1)
    )
    weight = np.choose(rule, [last.astype(float), first.astype(float), np.ones(len(group)), position, decay])
    result: Floats = weight / np.repeat(np.add.reduceat(weight, starts), size)
    return result
