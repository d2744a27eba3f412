"""Time under observation (in days) and conversions by state: how long ago each channel was last touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attribution.paths.journeys import Journeys
from attribution.paths.kernels import canonical_groups, order_by_person_and_time
from attribution.paths.ragged import Bools, Codes, Floats, Ints, sum_by


def observed_states(journeys: Journeys, edges: Floats) -> tuple[Ints, Floats, Floats]:
    """Cut every person's time since the first touch wherever a channel's age step changes.

    Args:
        journeys: the journeys, with those of people who did not convert.
        edges: where the steps of age end, in days, rising [n_steps].

    Returns:
        The distinct states [n_states, n_channels] (the age step of each channel's latest touch, n_steps if
        it is older or there is none), and each state's conversions and days under observation [n_states].
    """
    moments = _Moments.of(journeys, edges)
    state = moments.states(len(journeys.channels), len(edges))
    group, chosen = canonical_groups(state.ravel(), np.arange(len(state) + 1) * state.shape[1])
    return (
        state[chosen].astype(np.int64),
        sum_by(group, moments.weight * moments.is_order, len(chosen)),
        sum_by(group, moments.weight * moments.days_to_next(), len(chosen)),
    )


@dataclass(frozen=True, eq=False)
class _Moments:
    """The moments at which something changes, by person and time; times are days before the end, negative.

    Attributes:
        person: whose moment [n_moments].
        time: when [n_moments].
        channel: the channel whose age step changes, -1 for an order [n_moments].
        step: the step it changes to [n_moments].
        is_order: whether it is an order [n_moments].
        weight: how often it counts [n_moments].
    """

    person: Codes
    time: Floats
    channel: Ints
    step: Ints
    is_order: Bools
    weight: Floats

    @staticmethod
    def of(journeys: Journeys, edges: Floats) -> _Moments:
        person, time, channel, weight = _touches(journeys)
        # A touch sets its channel to step 0 at once and to the next step at every edge, unless the channel's
        # next touch comes first.
        follows = np.append((np.diff(person) == 0) & (np.diff(channel) == 0), False)
        until = np.where(follows, np.append(time[1:], 0), 0.0)
        changes = time[:, None] + np.append(0, edges)
        happens = changes < until[:, None]
        happens[:, 0] = True
        touch, step = np.nonzero(happens)

        first = np.full(int(journeys.person.max(initial=-1)) + 1, np.inf)
        np.minimum.at(first, person, time)
        orders = np.flatnonzero(journeys.converted)
        orders = orders[-journeys.follow_up_days[orders] >= first[journeys.person[orders]]]

        found = _Moments(
            person=np.concatenate([person[touch], journeys.person[orders]]).astype(np.int32),
            time=np.concatenate([changes[touch, step], -journeys.follow_up_days[orders]]),
            channel=np.concatenate([channel[touch], np.full(len(orders), -1)]),
            step=np.concatenate([step, np.zeros(len(orders), np.int64)]),
            is_order=np.concatenate([np.zeros(len(touch), np.bool_), np.ones(len(orders), np.bool_)]),
            weight=np.concatenate([weight[touch], journeys.weight[orders]]),
        )
        # Sorting keeps ties in place: an order comes after the touch of its own instant, which it sees.
        row, _ = order_by_person_and_time(found.person, found.time, len(first))
        return _Moments(
            found.person[row], found.time[row], found.channel[row], found.step[row], found.is_order[row],
            found.weight[row],
        )  # fmt: skip

    def states(self, channels: int, steps: int) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
        """The state from each moment on [n_moments, n_channels]."""
        moments = len(self.person)
        begins = np.flatnonzero(np.diff(self.person, prepend=-1))
        beginning = np.repeat(begins, np.diff(np.append(begins, moments)))
        state = np.full((moments, channels), steps, dtype=np.int32)
        for code in range(channels):
            latest = np.maximum.accumulate(np.where(self.channel == code, np.arange(moments), -1))
            seen = latest >= beginning
            state[seen, code] = self.step[latest[seen]]
        return state

    def days_to_next(self) -> Floats:
        """The days until the person's next moment, or the end of observation [n_moments]."""
        goes_on = np.append(np.diff(self.person) == 0, False)[: len(self.person)]
        until = np.where(goes_on, np.append(self.time[1:], 0)[: len(self.person)], 0.0)
        return np.maximum(until - self.time, 0)


def _touches(journeys: Journeys) -> tuple[Ints, Floats, Ints, Floats]:
    """Person, time, channel and weight of every touch once, by person, channel and time."""
    journey, people, channels = journeys.journey, journeys.people, len(journeys.channels)
    person = journeys.person[journey]
    # A touch that serves several conversions counts once, with the first: sorting keeps ties in place.
    order, _ = order_by_person_and_time(person, journeys.touch_row, people)
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (np.diff(person[order]) != 0) | (np.diff(journeys.touch_row[order]) != 0)
    touch = order[new]
    time = (-journeys.follow_up_days[journey] - journeys.age_days)[touch]
    person, channel = person[touch], journeys.channel[touch].astype(np.int64)
    # By person, channel and time: every pair of person and channel is sorted like a person of its own.
    row, _ = order_by_person_and_time(person * np.int64(channels) + channel, time, people * channels)
    return person[row].astype(np.int64), time[row], channel[row], journeys.weight[journey[touch[row]]]
