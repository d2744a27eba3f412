"""Second lives: the compiled loop that lives a person's life in the factual world and in all twin worlds at once.

Sessions and draws are the same in every world, so they are computed once. A twin of a person is the person
themselves until another ad is shown; it begins as a copy of them in that session. Only people whom the change reaches
have a second life, and only from then on.
"""

from typing import Any

from simulator.calendar import is_reported
from simulator.compiled import entry_point, part
from simulator.law.auction import auction, in_force
from simulator.law.board import Board
from simulator.law.invalid_traffic import robot_session
from simulator.law.log import MOST_EVENTS_PER_SESSION, Log
from simulator.law.moment import Moment, arrive
from simulator.law.parameters import Law
from simulator.law.session import Encounter, approach, respond
from simulator.law.state import NOBODY, Population, Shown, shown_to

MOST_ORDERS_PER_SESSION = 4  # conversion, qualified, closed, refund


@entry_point
def relive(
    law: Law, board: Board, population: Population, worlds: Population, ledgers: Any, alive: Any, fading: Any,
    variants: Any, log: Log, totals: Any, parted: Any, seed: int, first: int, last: int, until: float,
) -> int:  # fmt: skip
    """Live the lives of people first..last-1 in world 0 and, from where they part from it, in the twin worlds.

    Args:
        population: people first..last-1, and others, before the first session.
        worlds: room for one person in every world (lives, goodwill, shown) and their itinerary.
        ledgers: room for one person's LEDGER in every world, and one row to probe auctions (worlds + 1, C).
        alive, fading: room for which twins live, and for the session's fading factors.
        variants: what differs in each world, VARIANT (worlds,); nothing in world 0.
        log: receives the orders of every world; a twin that lives writes all its orders, one that does not has world 0's.
            Unless it is for orders only, it receives everything that happens in world 0.
        totals: gains LEDGER (worlds, C): of world 0, and for twins the difference to it.
        parted: receives the session in which each person of population parts from world 0, -1 if never, (users, worlds).

    Returns:
        The person with whom to go on: `last` when all is done, an earlier one when the log is full.
    """
    itinerary = worlds.itineraries[0]
    for user in range(first, last):
        row = user - population.first
        person = population.people[row]
        begin(population, worlds, ledgers, alive, parted[row], row)
        mark = log.cursor[0]
        while itinerary.next_time < until:
            room = MOST_EVENTS_PER_SESSION + variants.size * MOST_ORDERS_PER_SESSION
            if log.cursor[0] + room > log.rows.size:
                log.cursor[0] = mark
                return user
            moment = arrive(law, board, person, itinerary, seed, user)
            if person.robot:
                live_robot(law, board, person, worlds, ledgers, alive, moment, variants, log)
            else:
                live_person(law, board, person, worlds, ledgers, alive, parted[row], fading, moment, variants, log)
        add_up(ledgers, alive, totals)
    return last


@part
def begin(population: Population, worlds: Population, ledgers: Any, alive: Any, parted: Any, row: int) -> None:
    """Put a person at their first session, in world 0 alone."""
    for w in range(alive.size):
        alive[w] = w == 0
        parted[w] = -1
    worlds.itineraries[0] = population.itineraries[row]
    worlds.lives[0] = population.lives[row]
    for k in range(worlds.goodwill.shape[1]):
        worlds.goodwill[0, k] = population.goodwill[row, k]
    copy_shown(population.shown, row, worlds.shown, 0)
    for c in range(ledgers.shape[1]):
        clear(ledgers[0, c])


@part
def clear(ledger: Any) -> None:
    """Nothing done yet."""
    ledger.auctions = 0
    ledger.impressions = 0
    ledger.clicks = 0
    ledger.actions = 0
    ledger.cost_micros = 0


@part
def live_person(
    law: Law, board: Board, person: Any, worlds: Population, ledgers: Any, alive: Any, parted: Any, fading: Any,
    moment: Moment, variants: Any, log: Log,
) -> None:  # fmt: skip
    """One session of a person in every world in which they live apart from the factual one."""
    fading[:] = -1.0
    fact = approach(
        law,
        board,
        person,
        worlds.lives[0],
        worlds.goodwill[0],
        shown_to(worlds.shown, 0),
        ledgers[0],
        fading,
        moment,
        variants[0],
    )
    may_part = is_reported(law.calendar, moment.time)
    for w in range(1, variants.size):
        if not alive[w]:
            if not may_part:
                continue
            if not parts(law, board, person, worlds, ledgers, moment, fact, variants[w]):
                continue
            copy_fact(worlds, ledgers, w)
            parted[w] = moment.session
        life, goodwill, shown, ledger = worlds.lives[w], worlds.goodwill[w], shown_to(worlds.shown, w), ledgers[w]
        here = same_moment(moment, max(moment.session, parted[w]))
        if alive[w]:
            own = approach(law, board, person, life, goodwill, shown, ledger, fading, here, variants[w])
        else:
            alive[w] = True
            offer = auction(law, board, person, life, shown, ledger, here, fact.where, variants[w])
            own = Encounter(fact.attitude, fact.where, offer)
        respond(law, board, person, life, goodwill, shown, ledger, here, own, Log(log.rows, log.cursor, w, True))
    respond(
        law, board, person, worlds.lives[0], worlds.goodwill[0], shown_to(worlds.shown, 0), ledgers[0], moment, fact,
        Log(log.rows, log.cursor, 0, log.orders_only),
    )  # fmt: skip


@part
def same_moment(moment: Moment, session: int) -> Moment:
    """The moment, with its session counted from the world's own parting: the same number.

    The compiler must not know that it is the same. It would make every draw that any twin might need before it looks
    at the twins, in every session.
    """
    return Moment(
        moment.seed, moment.user, session, moment.time, moment.days_since_last, moment.next_time, moment.tick,
        moment.epoch, moment.device, moment.geo, moment.need_draw, moment.surface_draw, moment.visit_draw, moment.slot_draw,
        moment.pace_draw, moment.rival_normal,
    )  # fmt: skip


@part
def parts(
    law: Law,
    board: Board,
    person: Any,
    worlds: Population,
    ledgers: Any,
    moment: Moment,
    fact: Encounter,
    variant: Any,
) -> bool:
    """Whether a world that has been like the factual one until now shows or withholds another ad in this session.

    A ghost parts worlds as an impression does: it counts towards caps, which outlast the experiment.
    """
    if not in_force(law, moment, variant):
        return False
    shown_ad = fact.offer.campaign
    if shown_ad != NOBODY and (variant.off >> law.campaigns[moment.epoch, shown_ad].channel) & 1:
        return True
    if variant.channel == NOBODY or law.channels[moment.epoch, variant.channel].surface != fact.where:
        return False
    probe = ledgers[ledgers.shape[0] - 1]
    other = auction(law, board, person, worlds.lives[0], shown_to(worlds.shown, 0), probe, moment, fact.where, variant)
    return (
        other.campaign != shown_ad
        or other.ghosts != fact.offer.ghosts
        or other.predicted != fact.offer.predicted
        or other.placebo != fact.offer.placebo
    )


@part
def copy_fact(worlds: Population, ledgers: Any, w: int) -> None:
    """Begin the life in world w as a copy of the factual one."""
    worlds.lives[w] = worlds.lives[0]
    for k in range(worlds.goodwill.shape[1]):
        worlds.goodwill[w, k] = worlds.goodwill[0, k]
    copy_shown(worlds.shown, 0, worlds.shown, w)
    for c in range(ledgers.shape[1]):
        ledgers[w, c] = ledgers[0, c]


@part
def copy_shown(there: Shown, i: int, here: Shown, j: int) -> None:
    """Row j of `here` becomes row i of `there`."""
    for c in range(here.campaigns.shape[1]):
        here.campaigns[j, c] = there.campaigns[i, c]
    for n in range(here.times.shape[1]):
        here.times[j, n] = there.times[i, n]
    for r in range(here.creatives.shape[1]):
        here.creatives[j, r] = there.creatives[i, r]


@part
def live_robot(
    law: Law,
    board: Board,
    person: Any,
    worlds: Population,
    ledgers: Any,
    alive: Any,
    moment: Moment,
    variants: Any,
    log: Log,
) -> None:
    """One session of a robot, in every world; robots never order, but they cost."""
    for w in range(variants.size):
        if not alive[w]:
            copy_fact(worlds, ledgers, w)
            alive[w] = True
    for w in range(variants.size):
        robot_session(
            law, board, person, worlds.lives[w], shown_to(worlds.shown, w), ledgers[w], moment, variants[w],
            Log(log.rows, log.cursor, w, w > 0 or log.orders_only),
        )  # fmt: skip


@part
def add_up(ledgers: Any, alive: Any, totals: Any) -> None:
    """Add what campaigns did with one person: in world 0, and the difference to it in the worlds where they lived apart."""
    for w in range(alive.size):
        if alive[w]:
            for c in range(ledgers.shape[1]):
                total, own, fact = totals[w, c], ledgers[w, c], ledgers[0, c]
                part_of_fact = 0 if w == 0 else 1
                total.auctions += own.auctions - part_of_fact * fact.auctions
                total.impressions += own.impressions - part_of_fact * fact.impressions
                total.clicks += own.clicks - part_of_fact * fact.clicks
                total.actions += own.actions - part_of_fact * fact.actions
                total.cost_micros += own.cost_micros - part_of_fact * fact.cost_micros
