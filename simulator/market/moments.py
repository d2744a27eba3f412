"""Moments: SimPy events that fall on the same time in a fixed order, whatever else was scheduled for it (days)."""

import simpy
from simpy.events import EventPriority

# What happens at one time, in this order. People's sessions are SimPy's own timeouts, and come last.
TICK_ENDS, STOP, PUBLISH, PROCESS = (EventPriority(rank) for rank in (-4, -3, -2, -1))


class Moment(simpy.Event):
    """A point in time, `delay` days from now, with its place among what happens there."""

    def __init__(self, environment: simpy.Environment, delay: float, place: EventPriority) -> None:
        super().__init__(environment)
        self._ok, self._value = True, None  # as simpy.Timeout does: it happens by itself
        environment.schedule(self, place, delay)


class Signal(simpy.Event):
    """Something that many can wait for and that happens when it is told to, before anybody's session of that time."""

    def happen(self) -> None:
        """Let everybody go on who waits for it."""
        self._ok, self._value = True, None
        self.env.schedule(self, PROCESS)
