"""Step 2, surface: where the person is this session."""

from typing import Any

from simulator.compiled import part
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import NOBODY, Attitude


@part
def surface(law: Law, person: Any, life: Any, attitude: Attitude, moment: Moment) -> int:
    """The surface of a session; NOBODY if it is one this person never uses.

    Surface s is drawn with weight_s(mood) × (1 + pull_s × upstream goodwill). Goodwill pulls people towards brand search
    and direct visits (the upstream effect); weights that exist only late in the funnel select people who are about to
    buy anyway (the selection that over-credits coupons and retargeting).
    """
    weights = law.surface_weights[moment.epoch, life.mood]
    pulls = law.surface_pulls[moment.epoch, life.mood]
    total = law.weight_sums[moment.epoch, life.mood] + attitude.upstream * law.pull_sums[moment.epoch, life.mood]
    left = moment.surface_draw * total
    chosen = 0
    for s in range(weights.size):
        weight = weights[s] + attitude.upstream * pulls[s]
        if weight > 0.0:
            chosen = s
            left -= weight
            if left < 0.0:
                break
    return chosen if (person.reach >> chosen) & 1 else NOBODY
