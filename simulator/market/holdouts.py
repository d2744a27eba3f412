"""Holdouts: which user-level experiments are running (bit k: channel k)."""

from simulator.scenario.schema import Holdout


def is_running(holdout: Holdout, day: float) -> bool:
    """Whether the experiment withholds ads on this day."""
    return holdout.share > 0.0 and holdout.start_day <= day and (holdout.end_day is None or day < holdout.end_day)
