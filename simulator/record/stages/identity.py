"""Identity: by which cookie, and as which visitor, the site knows the person behind each visit."""

from dataclasses import dataclass

import numpy as np

from simulator.compiled import entry_point
from simulator.draws import BROWSER, COOKIE, GRAPH, HABITS
from simulator.record.record_draws import Bools, Codes, Floats, Ints, draws_at
from simulator.record.stages.tracking_in_force import Moments, TrackingInForce
from simulator.record.true_events import Visits
from simulator.scenario.tracking import BROWSERS

SAFARI = BROWSERS.index("safari")
DAYS_PER_MONTH = 30.0
PERSON = 15 << 20  # where the device stands in a visitor's number; 15: known on every device


@dataclass(frozen=True)
class Recognition:
    """How each visit is recognised (V,).

    Attributes:
        browser: position in BROWSERS.
        cookie: number of the cookie: user × 2^24 + device × 2^20 + how many cookies this device had before.
        visitor: the cookie's number, or the person's where log-in or a graph recognises them on every device.
        fresh: whether the visit begins a cookie.
    """

    browser: Codes
    cookie: Ints
    visitor: Ints
    fresh: Bools


def recognise(visits: Visits, regime: TrackingInForce, seed: int) -> Recognition:
    """The cookie and the visitor of each visit.

    A cookie dies after its browser's lifetime without a visit, and by clearing, a Poisson process whose rate differs
    between people: most never clear, some do now and then, a few all the time. A gap of g days between visits is
    survived with probability exp(-rate × g), drawn at the address of the later visit.
    """
    now = regime.at(visits.time)
    browser = browser_of(visits.user, visits.device, now, seed)
    lifetime = np.where(
        browser == SAFARI,
        now(lambda t: t.identity.cookie_days_safari),
        now(lambda t: t.identity.cookie_days),
    )
    decorated = np.where(
        browser == SAFARI,
        np.minimum(lifetime, now(lambda t: t.identity.cookie_days_safari_decorated)),
        lifetime,
    )
    cookie = np.empty(len(visits.user), np.int64)
    fresh = np.empty(len(visits.user), np.bool_)
    survives = draws_at(seed, visits.user, visits.session, COOKIE, 1)[0]
    _number_cookies(
        visits.user, visits.device.astype(np.int64), visits.time, visits.campaign >= 0, lifetime, decorated,
        clear_rate(visits.user, now, seed), survives, cookie, fresh,
    )  # fmt: skip
    return Recognition(browser, cookie, visitor_of(visits.user, cookie, now, seed), fresh)


def browser_of(user: Ints, device: Codes, now: Moments, seed: int) -> Codes:
    """The browser on a person's device, drawn once for both."""
    draw = draws_at(seed, user, device, BROWSER)[0]
    shares = now.rows(lambda t: [t.identity.browsers.get(name, 0.0) for name in BROWSERS])
    bounds = np.cumsum(shares, axis=1)
    browser: Codes = (draw[:, None] >= bounds[:, :-1] / bounds[:, -1:]).sum(axis=1).astype(np.int16)
    return browser


def clear_rate(user: Ints, now: Moments, seed: int) -> Floats:
    """Cookie clearings per day of each person: a heavy-tailed mixture of never, sometimes and all the time."""
    draw = draws_at(seed, user, 0, COOKIE)[0]
    serial = now(lambda t: t.identity.serial_clear_share)
    some = now(lambda t: t.identity.clear_share)
    per_month = np.where(
        draw < serial,
        now(lambda t: t.identity.serial_clears_per_month),
        np.where(draw < serial + some, now(lambda t: t.identity.clears_per_month), 0.0),
    )
    return per_month / DAYS_PER_MONTH


def visitor_of(user: Ints, cookie: Ints, now: Moments, seed: int) -> Ints:
    """The visitor: the person where log-in or a cross-device graph knows them, else the cookie.

    A false join takes two people (numbers 2n and 2n + 1, who know nothing of each other) for one.
    """
    log_in = draws_at(seed, user, 0, HABITS)[3]
    matched, _, _, _ = draws_at(seed, user, 0, GRAPH)
    joined_pair = draws_at(seed, user >> 1, 0, GRAPH, 1)[0]
    logs_in = log_in < now.table(
        lambda scenario, t: [
            scenario.population.log_in_share if t.identity.log_in_share is None else t.identity.log_in_share
        ],
        np.zeros(len(user), np.int64),
    )
    known = logs_in | (matched < now(lambda t: t.identity.graph_match_share))
    confused = joined_pair < now(lambda t: t.identity.graph_false_join_share)
    someone = np.where(confused, user & ~np.int64(1), user)
    return np.where(known | confused, (someone << 24) | PERSON, cookie)


@entry_point
def _number_cookies(
    user: Ints, device: Ints, time: Floats, by_ad: Bools, lifetime: Floats, decorated: Floats, rate: Floats,
    survives: Floats, cookie: Ints, fresh: Bools,
) -> None:  # fmt: skip
    """Walk through the visits, sorted by person and time, and begin a new cookie where the old one is gone."""
    for i in range(user.size):
        previous = -1
        for j in range(i - 1, -1, -1):
            if user[j] != user[i]:
                break
            if device[j] == device[i]:
                previous = j
                break
        if previous < 0:
            fresh[i] = True
            cookie[i] = (user[i] << 24) | (device[i] << 20)
            continue
        gap = time[i] - time[previous]
        lives = decorated[previous] if by_ad[previous] else lifetime[previous]
        fresh[i] = gap > lives or survives[i] >= np.exp(-rate[i] * gap)
        cookie[i] = cookie[previous] + (1 if fresh[i] else 0)
