"""Draws: every random number of a world, computed from its address (seed, user, session, purpose, block).

Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3") turns a 128-bit counter and a
64-bit key into four 32-bit words. The key is the seed; the counter is the address. Nothing draws "the next" number, so the
same person lives the same life on any engine, and worlds that differ in one thing differ only through its effects.
"""

import math
import zlib
from typing import Any

import numpy as np

from simulator.compiled import entry_point, part

# Purposes: one named address space for each question that chance answers. Never renumber; append.
ARRIVAL = np.uint64(1)  # when the first session begins
SESSION = np.uint64(2)  # gap to the next session, need, surface, visit
AUCTION = np.uint64(3)  # slot, rival price, pacing, device
LAPSE = np.uint64(4)  # why a person left the market
AROUSAL = np.uint64(5)  # whether a visit arouses need
FUNNEL = np.uint64(6)  # one word for each step of the funnel
ORDER = np.uint64(7)  # value, time on site
QUALITY = np.uint64(8)  # qualified, closed, refunded, refund delay
DELAY = np.uint64(9)  # delays of qualification and closing
TRAITS = np.uint64(10)  # who a person is
HABITS = np.uint64(11)  # devices, consent, log-in
REACH = np.uint64(12)  # which surfaces a person ever uses; block = surface
ASSIGNMENT = np.uint64(13)  # which experiments hold a person out; block = channel
ROBOT = np.uint64(14)  # what invalid traffic does in a session
COMPETITION = np.uint64(15)  # the rivals' mood; user = tick, block = surface
# What the record asks; a world never draws from 16 to 27, so a change of tracking moves nothing in it. The one exception is
# asked for: where delivery follows the record, a world asks who can be known (BROWSER, LOG_IN), as the record does.
BROWSER = np.uint64(16)  # browser, ad blocker, stripped click IDs; session = device
COOKIE = np.uint64(17)  # clearing: who (session 0), and whether since the last visit (session of the visit)
GRAPH = np.uint64(18)  # cross-device graph, false joins, app permission, late consent
LINK = np.uint64(19)  # UTM loss (session 0); session: session lost, UTM mistyped
LOG_IN = np.uint64(20)  # recognised by a platform; block = platform
TAG = np.uint64(21)  # pixel, server, match of the two, analytics
REPEAT = np.uint64(22)  # repeated firing, fake actions, latency, robots' clicks
CHECKOUT = np.uint64(23)  # gateway, coupon extension, CRM source, affiliate confirmation
OUTAGE = np.uint64(24)  # lost in an outage; block = outage
POSTBACK = np.uint64(25)  # delay of each postback
NOISE = np.uint64(26)  # randomised response; Laplace noise
SAMPLING = np.uint64(27)  # whether a sampled report holds an action
ENGAGEMENT = np.uint64(35)  # whether a view was an engaged one
# What geo tests and travellers ask of a world.
GEO_TEST = np.uint64(28)  # which geos a test treats, which blocks are on; session = test, block = geo or pair of blocks
GEO_DEMAND = np.uint64(29)  # need by geo; user = day, session 1: trend, block = geo
TRAVEL = np.uint64(30)  # whether a session happens in another geo, and in which
# What user-level tests ask of a world, beside who is held out (ASSIGNMENT).
LOGGED_IN = np.uint64(31)  # whether a person is logged in during a session
TEST_COOKIE = np.uint64(32)  # session = device: when its cookies turn over
COOKIE_ARM = np.uint64(33)  # the arm of a cookie; session = device × 2^24 + its number, block = channel
FORECAST = np.uint64(34)  # error of the price predicted for a slot; block = channel
# Who advertisers take people for.
LIKENESS = np.uint64(
    50
)  # error of the score that lookalike audiences go by; whether a person subscribes to the newsletter
FLOOD = np.uint64(51)  # whether a click that nobody made claims an action, and how old it is

# Where people stand when a run begins.
MOOD = np.uint64(40)

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)
_TO_UNIT = 2.0**-32


@part
def philox4x32(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Any, Any, Any, Any]:
    """Four 32-bit words = Philox4x32-10 of the counter (c0, c1, c2, c3) and the key (k0, k1); all uint64."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _HIGH) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _HIGH) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@part
def uniforms(seed: int, user: int, session: int, purpose: Any, block: int) -> tuple[float, float, float, float]:
    """Four uniform numbers in the open interval (0, 1), each (word + 1/2) / 2^32, at one address."""
    key = np.uint64(seed)
    a, b, c, d = philox4x32(np.uint64(user), np.uint64(session), purpose, np.uint64(block), key & _LOW, key >> _HIGH)
    return _unit(a), _unit(b), _unit(c), _unit(d)


@part
def _unit(word: Any) -> float:
    # Through int64 because a signed conversion is one machine instruction.
    return float((np.float64(np.int64(word)) + 0.5) * _TO_UNIT)


@part
def exponential(uniform: float) -> float:
    """Exponential number of mean 1: -ln(uniform)."""
    return -math.log(uniform)


@part
def normal(uniform: float) -> float:
    """Standard normal quantile of `uniform`, relative error below 1e-15 (Wichura 1988, algorithm AS 241, PPND16)."""
    q = uniform - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return (
            q
            * (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
            + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
            + 1.3314166789178437745e2) * r + 3.3871328727963666080e0)
            / (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
            + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
            + 4.2313330701600911252e1) * r + 1.0)
        )  # fmt: skip
    r = math.sqrt(-math.log(min(uniform, 1.0 - uniform)))
    if r <= 5.0:
        r -= 1.6
        z = (
            (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
            + 1.27045825245236838258e0) * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
            + 4.63033784615654529590e0) * r + 1.42343711074968357734e0)
            / (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
            + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
            + 2.05319162663775882187e0) * r + 1.0)
        )  # fmt: skip
    else:
        r -= 5.0
        z = (
            (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
            + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
            + 5.46378491116411436990e0) * r + 6.65790464350110377720e0)
            / (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
            + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
            + 5.99832206555887937690e-1) * r + 1.0)
        )  # fmt: skip
    return -z if q < 0.0 else z


def address_of(name: str) -> int:
    """The block of a draw that belongs to a named thing: CRC-32 of its name, so that adding a name moves no other's draws."""
    return zlib.crc32(name.encode())


@entry_point
def uniforms_at(seed: int, user: int, session: int, purpose: int, block: int) -> tuple[float, float, float, float]:
    """The four uniform numbers at one address, for callers outside compiled code."""
    return uniforms(seed, user, session, np.uint64(purpose), block)


@entry_point
def normal_at(seed: int, user: int, session: int, purpose: int, block: int) -> float:
    """The standard normal number from the first draw at one address, for callers outside compiled code."""
    return normal(uniforms(seed, user, session, np.uint64(purpose), block)[0])
