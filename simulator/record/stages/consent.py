"""Consent: whose visits and actions may be tracked, and whose source is lost because they accepted late (true or false)."""

from dataclasses import dataclass

import numpy as np

from simulator.draws import GRAPH, HABITS
from simulator.record.record_draws import Bools, Codes, Floats, Ints, draws_at
from simulator.record.stages.tracking_in_force import Moments, TrackingInForce
from simulator.scenario.schema import Scenario
from simulator.scenario.sellers import consent_shares
from simulator.scenario.tracking import Tracking


@dataclass(frozen=True)
class Permission:
    """For each of some moments (n,): `given`, consent to tracking; `late`, consent given after the landing page."""

    given: Bools
    late: Bools


def permission(user: Ints, geo: Codes, time: Floats, regime: TrackingInForce, seed: int) -> Permission:
    """Consent of these people at these times.

    The draw is the population's own, so with unchanged shares the same people consent as in the table of users.
    """
    now = regime.at(time)
    draw = draws_at(seed, user, 0, HABITS)[2]
    late = draws_at(seed, user, 0, GRAPH)[2] < now(lambda t: t.consent.late_share)
    asked = now.table(_asked, geo.astype(np.int64)) > 0
    return Permission(draw < share(geo, now), late & asked)


def share(geo: Codes, now: Moments) -> Floats:
    """The share of people who consent, in these places at these times (n,)."""
    return now.table(consent_shares, geo.astype(np.int64))


def _asked(scenario: Scenario, tracking: Tracking) -> list[bool]:
    return [name in tracking.consent.asked for name in scenario.population.geos]
