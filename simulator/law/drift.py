"""Step 1, drift: goodwill fades, need arises, people leave the market."""

import math
from typing import Any

from simulator.compiled import part
from simulator.draws import LAPSE, uniforms
from simulator.law.moment import Moment
from simulator.law.state import FORGOTTEN, IN_MARKET, OUT_OF_MARKET, Attitude


@part
def drift(law: Any, board: Any, person: Any, life: Any, goodwill: Any, fading: Any, moment: Moment) -> Attitude:
    """What remains of every channel's goodwill, and whether the person is in the market now.

    Goodwill of channel k: g_k × 2^(-days / half_life_k). Need arises with hazard
    need × season × (1 + need goodwill) per day; whoever is in the market leaves with hazard lapse + rival.
    """
    attitude = remaining_goodwill(law, goodwill, fading, moment)
    rules = law.rules[moment.epoch]
    if life.mood == OUT_OF_MARKET:
        hazard = person.need * board.need_season[moment.tick, person.geo] * (1.0 + attitude.need)
        if life.customer:
            hazard *= rules.customer_factor
        days = min(moment.days_since_last, moment.time - life.satiated_until)
        if happens(moment.need_draw, hazard * days):
            life.mood = IN_MARKET
            life.depth = 0
    elif happens(moment.need_draw, (rules.lapse_per_day + rules.rival_per_day) * moment.days_since_last):
        leave_market(rules, life, moment)
    return attitude


@part
def remaining_goodwill(law: Any, goodwill: Any, fading: Any, moment: Moment) -> Attitude:
    """Let goodwill fade since the last session and sum it in the three ways it acts.

    `fading[k]` is channel k's factor for this session, computed once for all worlds of a person (negative: not yet).
    """
    need = upstream = direct = 0.0
    for k in range(goodwill.size):
        if goodwill[k] != 0.0:
            channel = law.channels[moment.epoch, k]
            if fading[k] < 0.0:
                fading[k] = math.exp(-channel.fading_per_day * moment.days_since_last)
            left = goodwill[k] * fading[k]
            if abs(left) < FORGOTTEN:
                left = 0.0
            goodwill[k] = left
            need += channel.need_effect * left
            upstream += channel.upstream_effect * left
            direct += channel.direct_effect * left
    return Attitude(max(need, 0.0), max(upstream, 0.0), direct)


@part
def leave_market(rules: Any, life: Any, moment: Moment) -> None:
    """Need lapses, or a rival serves it: then it will not come back before `satiation_days`."""
    reason, _, _, _ = uniforms(moment.seed, moment.user, moment.session, LAPSE, 0)
    if reason * (rules.lapse_per_day + rules.rival_per_day) < rules.rival_per_day:
        life.satiated_until = moment.time + rules.satiation_days
    life.mood = OUT_OF_MARKET
    life.depth = 0


@part
def happens(draw: float, expected: float) -> bool:
    """Whether an event of hazard × time = `expected` occurs: probability 1 - exp(-expected)."""
    # -ln(u) >= 1 - u spares the logarithm nearly always.
    return 1.0 - draw < expected and -math.log(draw) < expected
