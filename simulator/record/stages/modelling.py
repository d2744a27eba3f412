"""Modelled conversions: what platforms add for people who refuse consent (modelled conversions per observed one)."""

from dataclasses import dataclass

import numpy as np

from simulator.event_log import pieces
from simulator.record.record_draws import Codes, Floats, Ints
from simulator.record.stages.consent import share
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.true_events import TrueEvents, codes
from simulator.scenario.build_law import Names
from simulator.scenario.clock import Clock
from simulator.scenario.sellers import consent_shares

DAYS = 7


@dataclass(frozen=True)
class Modelling:
    """Who models, when: clicks in the seven days up to each day, per platform and place, in the whole market.

    Attributes:
        clicks: (platforms, geos, days), from `first_day` on.
    """

    clicks: Floats
    regime: TrackingInForce
    first_day: int = 0

    def rate(self, platform: Ints, geo: Codes, time: Floats) -> Floats:
        """m·ρ·(1−c)/c modelled conversions per observed one; nothing for those with too few clicks.

        So that c·(1 + m·ρ·(1−c)/c) = c + (1−c)·m·ρ of all conversions are reported.
        """
        now = self.regime.at(time)
        day = np.clip(np.floor(time).astype(np.int64) - self.first_day, 0, self.clicks.shape[2] - 1)
        enough = self.clicks[platform, geo, day] >= now(lambda t: t.consent.model_min_clicks)
        consenting = np.maximum(share(geo, now), 1e-9)
        recovered = now(lambda t: t.consent.model_recovery) * now(lambda t: t.consent.refuser_rate)
        return np.where(enough, recovered * (1.0 - consenting) / consenting, 0.0)


def observe_clicks(world: TrueEvents, regime: TrackingInForce, of_channel: Codes, platforms: int) -> Modelling:
    """Count each platform's clicks: rolling seven days, scaled from the people simulated to the market they stand for.

    Clicks of the warm-up count. In the first week of a run a campaign is taken to have run before at the rate seen so far.
    """
    scenario = world.scenario
    names = Names.of(scenario)
    first = Clock.of(scenario).start
    days = int(np.ceil(scenario.run.days)) - first + 1
    counts = np.zeros((platforms, len(names.geos), days))
    models = any(t.consent.model_recovery > 0 for t in regime.trackings)
    refused = any(min(consent_shares(s, t)) < 1 for s, t in zip(regime.scenarios, regime.trackings, strict=True))
    if models and refused:
        for piece in pieces(world, ["kind", "channel", "geo", "time"]):
            table = piece.take(np.flatnonzero(codes(piece["kind"], ("click",)) == 0))
            platform = of_channel[codes(table["channel"], names.channels)]
            geo = codes(table["geo"], names.geos)
            day = np.floor(table["time"].to_numpy()).astype(np.int64) - first
            own = platform >= 0
            np.add.at(counts, (platform[own], geo[own], day[own]), 1.0)
    total = np.cumsum(counts, axis=2)
    rolling = total.copy()
    rolling[:, :, DAYS:] -= total[:, :, :-DAYS]
    seen = np.minimum(np.arange(days) + 1, DAYS)
    return Modelling(rolling * (DAYS / seen) * (scenario.market.people / scenario.run.users), regime, first)
