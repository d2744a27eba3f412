"""Step 1, drift: goodwill fades, need arises, people leave the market."""

import math
from typing import Any

from simulator.compiled import aside, part
from simulator.draws import LAPSE, uniforms
from simulator.law.board import Board
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import FORGOTTEN, IN_MARKET, OUT_OF_MARKET, Attitude


@part
def drift(law: Law, board: Board, person: Any, life: Any, goodwill: Any, fading: Any, moment: Moment) -> Attitude:
    """What remains of every channel's goodwill, and whether the person is in the market now.

    Goodwill of channel k: g_k × 2^(-days / half_life_k). Need arises with hazard
    need × season × (1 + need goodwill) per day; whoever is in the market leaves with hazard lapse + rival. Both are lived
    in continuous time: someone with long gaps between sessions may come and go, and come again, within one.
    """
    attitude = remaining_goodwill(law, goodwill, fading, moment)
    rules = law.rules[moment.epoch]
    hazard = person.need * board.need_season[moment.tick, person.geo] * (1.0 + attitude.need)
    if life.customer:
        hazard *= rules.customer_factor
    leaving = rules.lapse_per_day + rules.rival_per_day
    if life.mood == OUT_OF_MARKET:
        days = min(moment.days_since_last, moment.time - life.satiated_until)
        if happens(moment.need_draw, hazard * days):
            come_and_go(rules, life, moment, hazard, leaving)
    elif happens(moment.need_draw, leaving * moment.days_since_last):
        come_and_go(rules, life, moment, hazard, leaving)
    return attitude


@part
def remaining_goodwill(law: Law, goodwill: Any, fading: Any, moment: Moment) -> Attitude:
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


@aside
def come_and_go(rules: Any, life: Any, moment: Moment, hazard: float, leaving: float) -> None:
    """Live through a gap in which need arises or ends at least once, turn by turn, each after an exponential time.

    Whoever leaves does so because need lapses, or because a rival serves it: then it will not come back before
    `satiation_days`.
    """
    left = moment.days_since_last
    wait = moment.need_draw
    turn = 0
    while True:
        if life.mood == OUT_OF_MARKET:
            left = min(left, moment.time - life.satiated_until)
            if not happens(wait, hazard * left):
                return
            left += math.log(wait) / hazard
            _, wait, _, _ = uniforms(moment.seed, moment.user, moment.session, LAPSE, turn)
            life.mood = IN_MARKET
        else:
            if not happens(wait, leaving * left):
                return
            left += math.log(wait) / leaving
            reason, wait, _, _ = uniforms(moment.seed, moment.user, moment.session, LAPSE, turn)
            if reason * leaving < rules.rival_per_day:
                life.satiated_until = moment.time - left + rules.satiation_days
            life.mood = OUT_OF_MARKET
        life.depth = 0
        turn += 1


@part
def happens(draw: float, expected: float) -> bool:
    """Whether an event of hazard × time = `expected` occurs: probability 1 - exp(-expected)."""
    # -ln(u) >= 1 - u spares the logarithm nearly always.
    return 1.0 - draw < expected and -math.log(draw) < expected
