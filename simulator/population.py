"""The population: who people are, drawn once per person (sessions per day, need per day, value factor, habits)."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulator.calendar import Calendar, clock_time
from simulator.compiled import entry_point, part
from simulator.draws import (
    ARRIVAL,
    ASSIGNMENT,
    HABITS,
    LIKENESS,
    MOOD,
    REACH,
    TRAITS,
    address_of,
    exponential,
    normal,
    uniforms,
)
from simulator.law.parameters import Law, caps_of
from simulator.law.state import (
    IN_MARKET,
    ITINERARY,
    LIFE,
    LONG_AGO,
    NOBODY,
    PERSON,
    Population,
    nothing_shown,
    record_array,
)
from simulator.scenario.build_law import Names, log_mean
from simulator.scenario.schema import Scenario

LONGEST_SATIATION_DAYS = 365.0  # of which a market's first day is taken to be a stationary state


def robots_among(users: int, robots_share: float) -> int:
    """How many robots live beside `users` people; their numbers follow those of the people."""
    return round(users * robots_share)


def everyone(scenario: Scenario) -> int:
    """How many live in a scenario: people, and the robots behind them."""
    return scenario.run.users + robots_among(scenario.run.users, scenario.invalid_traffic.robots_share)


def build_population(scenario: Scenario, law: Law, names: Names, first: int = 0, last: int | None = None) -> Population:
    """The people first..last-1 (everyone), before the first session. Whoever is built beside them, they are the same.

    Activity and need are log-normal with means as in the scenario and correlated in their logarithms:
    z_need = ρ z_activity + sqrt(1 - ρ²) z. Segments and places are drawn by share; assignment to the holdout of each
    channel has an address of its own, so experiments are independent of everything else, and of each other unless a group
    makes them mutually exclusive.
    """
    users = (everyone(scenario) if last is None else last) - first
    people = record_array(users, PERSON)
    itineraries = record_array(users, ITINERARY)
    segments = list(scenario.population.segments.values())
    geos = list(scenario.population.geos.values())
    population = scenario.population
    _draw_people(
        people,
        first,
        scenario.run.seed,
        scenario.run.users,
        np.array(
            [
                log_mean(population.sessions_per_day),
                population.sessions_per_day.sigma,
                log_mean(population.need_per_day),
                population.need_per_day.sigma,
                population.activity_need_correlation,
                population.value_sigma,
                population.customer_share,
                population.log_in_share,
                scenario.invalid_traffic.sessions_per_day,
                population.lookalike_correlation,
                population.subscriber_share,
            ]
        ),
        _cumulative([s.share for s in segments]),
        np.array([[s.activity, s.need, s.value] for s in segments]),
        _cumulative([g.share for g in geos]),
        np.array([g.consent for g in geos]),
        np.array(list(population.devices.values())),
        _cumulative(population.devices_per_person),
        _addressed(scenario.surfaces, [s.reach_share for s in scenario.surfaces.values()]),
        _holdout_stretches(scenario),
    )
    for k, channel in enumerate(scenario.channels.values()):
        if channel.holdout.assignment == "login":
            people.held_out[people.logs_in == 0] &= ~np.uint32(1 << k)
    _draw_first_sessions(people, first, itineraries, scenario.run.seed, law.calendar)
    lives = record_array(users, LIFE)
    lives.last_visit = LONG_AGO
    lives.satiated_until = LONG_AGO
    lives.fee_time = LONG_AGO
    lives.fee_campaign = NOBODY
    lives.customer = people.customer
    goodwill = np.zeros((users, len(names.channels)))
    shown = nothing_shown(users, len(names.campaigns), caps_of(law), len(names.creatives))
    _draw_moods(people, first, lives, scenario.run.seed, law.rules[0], law.calendar.start)
    return Population(people, itineraries, lives, goodwill, shown, first)


def _cumulative(shares: list[float]) -> npt.NDArray[np.float64]:
    total = np.cumsum(shares)
    total[-1] = 1.0
    return total


def _addressed(names: Any, shares: list[float]) -> npt.NDArray[np.float64]:
    """Rows of (address of the name, 0, share)."""
    return np.array([[address_of(name), 0.0, share] for name, share in zip(names, shares, strict=True)])


def _holdout_stretches(scenario: Scenario) -> npt.NDArray[np.float64]:
    """Rows of (address, from, to): the stretch of the draw at an address that puts a person into a channel's holdout.

    Channels have addresses of their own, so their holdouts are independent; those of a group share its address and lie
    side by side, so that nobody is in two of them. Where cookies are assigned no person is.
    """
    rows = _addressed(
        scenario.channels,
        [
            c.holdout.share if c.campaigns and c.holdout.assignment != "cookie" else 0.0
            for c in scenario.channels.values()
        ],
    )
    positions = list(scenario.channels)
    for group, members in scenario.holdout_groups().items():
        own = rows[[positions.index(name) for name in members]]
        ends = np.cumsum(own[:, 2])
        for name, end, share in zip(members, ends, own[:, 2], strict=True):
            rows[positions.index(name)] = address_of(f"group {group}"), end - share, end
    return rows


@entry_point
def _draw_people(
    people: Any, first: int, seed: int, users: int, numbers: Any, segment_shares: Any, segment_factors: Any, geo_shares: Any,
    geo_consent: Any, device_mix: Any, device_counts: Any, reach: Any, holdouts: Any,
) -> None:  # fmt: skip
    """Fill `people` (PERSON). `numbers` are the scalars of the scenario in the order written in build_population."""
    activity_mean, activity_sigma, need_mean, need_sigma, correlation = numbers[:5]
    value_sigma, customer_share, log_in_share, robot_activity, likeness, subscriber_share = numbers[5:]
    for row in range(people.size):
        user, person = first + row, people[row]
        activity, need, segment_draw, geo_draw = uniforms(seed, user, 0, TRAITS, 0)
        value, customer, _, _ = uniforms(seed, user, 0, TRAITS, 1)
        first_device, other_devices, consent, log_in = uniforms(seed, user, 0, HABITS, 0)
        segment = np.searchsorted(segment_shares, segment_draw)
        geo = np.searchsorted(geo_shares, geo_draw)
        z_activity = normal(activity)
        z_need = correlation * z_activity + math.sqrt(1.0 - correlation * correlation) * normal(need)
        person.segment = segment
        person.geo = geo
        person.activity = math.exp(activity_mean + activity_sigma * z_activity) * segment_factors[segment, 0]
        person.need = math.exp(need_mean + need_sigma * z_need) * segment_factors[segment, 1]
        # Mean 1: value_sigma spreads people, the mean order value stays that of the scenario.
        person.value = (
            math.exp(value_sigma * normal(value) - 0.5 * value_sigma * value_sigma) * segment_factors[segment, 2]
        )
        person.customer = customer < customer_share
        person.consents = consent < geo_consent[geo]
        person.logs_in = log_in < log_in_share
        score_error, subscribes, _, _ = uniforms(seed, user, 0, LIKENESS, 0)
        # The score is the normal quantile's share of people below it, so that an audience of the top 5 % holds 5 %.
        score = likeness * z_need + math.sqrt(1.0 - likeness * likeness) * normal(score_error)
        person.likeness = 0.5 * math.erfc(-score / math.sqrt(2.0))
        person.subscribes = person.customer or subscribes < subscriber_share
        person.devices = 1 + np.searchsorted(device_counts, other_devices)
        _draw_devices(person, device_mix, first_device)
        if user >= users:
            person.robot = 1
            person.activity = robot_activity
            person.need = 0.0
            person.customer = 0
        person.reach = _bits_drawn(seed, user, REACH, reach)
        person.held_out = _bits_drawn(seed, user, ASSIGNMENT, holdouts)


@part
def _draw_devices(person: Any, mix: Any, draw: float) -> None:
    """The kinds of device a person has, in order of use: each drawn from those left, in proportion to the mix."""
    person.first_device, draw = _pick(mix, draw, -1, -1)
    person.second_device = person.first_device
    person.third_device = person.first_device
    if person.devices > 1:
        person.second_device, draw = _pick(mix, draw, person.first_device, -1)
    if person.devices > 2:
        person.third_device, draw = _pick(mix, draw, person.first_device, person.second_device)


@part
def _pick(weights: Any, draw: float, taken: int, taken_too: int) -> tuple[int, float]:
    """One of the entries that are not taken, and a fresh uniform draw: what is left of the old one."""
    total = 0.0
    for i in range(weights.size):
        if i != taken and i != taken_too:
            total += weights[i]
    left = draw * total
    chosen = 0
    for i in range(weights.size):
        if i != taken and i != taken_too:
            chosen = i
            if left < weights[i]:
                break
            left -= weights[i]
    return chosen, min(max(left / weights[chosen], 0.0), 1.0)


@part
def _bits_drawn(seed: int, user: int, purpose: Any, addressed: Any) -> int:
    """Bit i set where the draw at address addressed[i, 0] lies from addressed[i, 1] up to addressed[i, 2]."""
    bits = 0
    for i in range(addressed.shape[0]):
        first, last = addressed[i, 1], addressed[i, 2]
        # Nothing to draw where everybody or nobody has it.
        everybody = first <= 0.0 and last >= 1.0
        if everybody or (first < last and first <= uniforms(seed, user, 0, purpose, int(addressed[i, 0]))[0] < last):
            bits |= 1 << i
    return bits


@entry_point
def _draw_first_sessions(people: Any, first: int, itineraries: Any, seed: int, calendar: Calendar) -> None:
    for row in range(people.size):
        gap, _, _, _ = uniforms(seed, first + row, 0, ARRIVAL, 0)
        itineraries[row].operational = exponential(gap) / people[row].activity
        itineraries[row].last_time = calendar.start
        itineraries[row].next_time = clock_time(calendar, itineraries[row].operational)


@entry_point
def _draw_moods(people: Any, first: int, lives: Any, seed: int, rules: Any, start: float) -> None:
    """Who is in the market on the first day, as in a market without ads that has always run.

    Need comes with hazard a and goes with hazard b; of those who leave, a share r to a rival, and these do not come back
    within S days. So a turn lasts 1/a + 1/b + r S days, of which someone is in the market for 1/b and satiated for r S.
    Where nobody ever leaves but by ordering (b = 0), all begin out of the market. A satiation longer than a year (an app
    that is installed once) is no turn that a market has been through many times: then nobody begins satiated.
    """
    leaving = rules.lapse_per_day + rules.rival_per_day
    if leaving <= 0.0:
        return
    satiated = 0.0
    if rules.satiation_days <= LONGEST_SATIATION_DAYS:
        satiated = rules.rival_per_day / leaving * rules.satiation_days
    for row in range(people.size):
        need = people[row].need * (rules.customer_factor if people[row].customer else 1.0)
        if need <= 0.0:
            continue
        turn = 1.0 / need + 1.0 / leaving + satiated
        draw, since, _, _ = uniforms(seed, first + row, 0, MOOD, 0)
        if draw * turn < 1.0 / leaving:
            lives[row].mood = IN_MARKET
        elif draw * turn < 1.0 / leaving + satiated:
            lives[row].satiated_until = start + since * rules.satiation_days


def users_table(population: Population, names: Names) -> pa.Table:
    """One row per person or robot: who they are, and from which channels' ads experiments hold them out.

    `holdout_CHANNEL` is true for people in the channel's holdout; where log-ins are assigned, of those who log in, and where
    cookies are, of nobody (`simulator.market.holdouts.cookies_of` tells a cookie's arm).
    """
    people = population.people
    numbers = np.arange(population.first, population.first + len(people), dtype=np.uint32)
    columns: dict[str, pa.Array] = {"user_id": pa.array(numbers)}
    for column, labels in (("segment", names.segments), ("geo", names.geos)):
        columns[column] = _labelled(people[column], labels)
    columns["devices"] = pa.array(people["devices"])
    columns["main_device"] = _labelled(people["first_device"], names.devices)
    columns["sessions_per_day"] = pa.array(people["activity"])
    columns["need_per_day"] = pa.array(people["need"])
    columns["value_factor"] = pa.array(people["value"])
    for column, field in (
        ("customer", "customer"),
        ("consent", "consents"),
        ("log_in", "logs_in"),
        ("robot", "robot"),
    ):
        columns[column] = pa.array(people[field].astype(bool))
    for k in names.paid_channels():
        columns[f"holdout_{names.channels[k]}"] = pa.array((people["held_out"] >> k & 1).astype(bool))
    return pa.table(columns)


def _labelled(codes: npt.NDArray[np.uint8], labels: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int16)), pa.array(labels))
