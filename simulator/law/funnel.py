"""Step 6, funnel: how far a visit takes the person, from the first micro-conversion to the action itself."""

from typing import Any

from simulator.compiled import part
from simulator.draws import AROUSAL, FUNNEL, uniforms
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import IN_MARKET, LATE, NOBODY, OUT_OF_MARKET, VISITED, Attitude, Visit


@part
def funnel(law: Law, life: Any, attitude: Attitude, moment: Moment, arrival: Visit) -> int:
    """Number of funnel steps taken after this visit (all of them: the person has converted).

    A visit goes down the funnel from where the person stands until a step fails. Step j succeeds with probability
    rate_j × (1 + response_j × direct goodwill) × landing page. Someone who is not looking goes no further unless the
    visit arouses the need.
    """
    life.last_visit = moment.time
    life.last_device = moment.device
    rules = law.rules[moment.epoch]
    if life.mood == OUT_OF_MARKET:
        aroused, _, _, _ = uniforms(moment.seed, moment.user, moment.session, AROUSAL, 0)
        if moment.time < life.satiated_until or aroused >= rules.aroused_by_visit:
            return 0
        life.mood = IN_MARKET
        life.depth = 0
    landing = 1.0
    if arrival.campaign != NOBODY:
        landing = law.campaigns[moment.epoch, arrival.campaign].landing_page_factor
    draws = uniforms(moment.seed, moment.user, moment.session, FUNNEL, 0)
    steps = law.steps.shape[1]
    while life.depth < steps:
        step = law.steps[moment.epoch, life.depth]
        rate = step.rate * max(0.0, 1.0 + step.goodwill_response * attitude.direct) * landing
        if draw_of_step(draws, life.depth) >= rate:
            break
        life.depth += 1
    life.mood = LATE if 0 < life.depth == steps - 1 else VISITED
    return life.depth  # type: ignore[no-any-return]  # a record's field


@part
def draw_of_step(draws: tuple[float, float, float, float], step: int) -> float:
    """The draw that decides step 0, 1, 2 or 3."""
    if step < 2:
        return draws[0] if step == 0 else draws[1]
    return draws[2] if step == 2 else draws[3]
