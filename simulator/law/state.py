"""State: what the law reads about a person, what it remembers in each world, and the words it uses for both.

Every table is a NumPy record array, so that one line of the law reads like the sentence it stands for
(`life.mood = IN_MARKET`) and compiles to one machine instruction.
"""

from typing import Any, NamedTuple

import numpy as np

from simulator.compiled import part

# Moods: where a person stands towards the product. Surfaces, interest and propensity vary with it.
OUT_OF_MARKET, IN_MARKET, VISITED, LATE = range(4)

# Billing: what is paid for.
CPM, CPC, CPL, CPA, REVENUE_SHARE, FLAT, SEND = range(7)

# Audiences a campaign can be restricted to.
EVERYONE, VISITORS, LATE_FUNNEL, CUSTOMERS, NON_CUSTOMERS, LOOKALIKE, SUBSCRIBERS = range(7)

# What a user-level test draws into its holdout.
BY_PERSON, BY_LOGIN, BY_COOKIE = range(3)

NOBODY = -1  # no campaign, no channel, no surface
LONG_AGO = -1e9  # days
FORGOTTEN = 1e-4  # goodwill smaller than this is none
NO_LIMIT = 2**31 - 1  # a count that is never reached

PERSON = np.dtype(
    [
        ("activity", "f8"),  # sessions per day of operational time
        ("need", "f8"),  # hazard of coming into the market, per day
        ("value", "f8"),  # factor on order values
        ("likeness", "f8"),  # to buyers, as platforms score it: uniform on (0, 1) among people
        ("reach", "u4"),  # bit s: ever uses surface s
        ("held_out", "u4"),  # bit k: in the holdout of channel k
        ("segment", "u1"),
        ("geo", "u1"),
        ("devices", "u1"),  # how many
        ("first_device", "u1"),
        ("second_device", "u1"),
        ("third_device", "u1"),
        ("customer", "u1"),  # had ordered before the first day
        ("consents", "u1"),
        ("logs_in", "u1"),
        ("subscribes", "u1"),  # to the newsletter, before the first day
        ("robot", "u1"),
    ],
    align=True,
)

# When a person's sessions happen: the same in every world.
ITINERARY = np.dtype([("next_time", "f8"), ("last_time", "f8"), ("operational", "f8"), ("session", "u4")], align=True)

# What a person remembers in one world, besides goodwill per channel and impressions per campaign.
LIFE = np.dtype(
    [
        ("last_visit", "f8"),  # day
        ("satiated_until", "f8"),  # day
        ("fee_time", "f8"),  # day of the last click on a campaign that is paid per action
        ("entered", "u4"),  # bit k: has entered channel k's test on predicted ads
        ("fee_campaign", "i1"),  # that campaign
        ("mood", "u1"),
        ("depth", "u1"),  # funnel steps taken
        ("customer", "u1"),
        ("last_device", "u1"),  # of the last visit
    ],
    align=True,
)

# Impressions of one creative that one person has seen, counted so that they recover, as of the last of them (day).
WORN = np.dtype([("count", "f8"), ("last", "f8")], align=True)

# What one campaign has done so far.
LEDGER = np.dtype(
    [("auctions", "i8"), ("impressions", "i8"), ("clicks", "i8"), ("actions", "i8"), ("cost_micros", "i8")],
    align=True,
)

# What is changed in a twin world: channels switched off (bit k), channels whose running test holds everyone out (bit k),
# or one channel's bids, pacing and share of auctions; all on some days of the reported window.
VARIANT = np.dtype(
    [
        ("off", "u4"),
        ("held_out", "u4"),
        ("channel", "i4"),
        ("log_bid_change", "f8"),
        ("throttle_factor", "f8"),
        ("share", "f8"),
        ("first_day", "f8"),
        ("last_day", "f8"),
    ],
    align=True,
)


class Shown(NamedTuple):
    """The ads people have met, one row per person (and for one person without that axis).

    Attributes:
        campaigns: impressions, ghosts and placebo ads of each campaign, uint32 (users, C); they count towards caps.
        times: when the last ones came, of each campaign as many as its frequency cap, in a ring (users, Σ caps).
        creatives: impressions of each creative, WORN (users, R); they wear out and annoy.
    """

    campaigns: Any
    times: Any
    creatives: Any


class Population(NamedTuple):
    """People, and all they remember in the world that happens: everyone, or those from one number on.

    Attributes:
        people: who they are, PERSON (users,).
        itineraries: when their sessions happen, ITINERARY (users,).
        lives: LIFE (users,).
        goodwill: (users, channels).
        shown: the ads they have met.
        first: number of the person in row 0.
    """

    people: Any
    itineraries: Any
    lives: Any
    goodwill: Any
    shown: Shown
    first: int = 0


def people_of(population: Population, first: int, last: int) -> Population:
    """The people first..last-1 of a population: the same memory, not a copy."""
    rows = slice(first - population.first, last - population.first)
    shown = Shown(*(kind[rows] for kind in population.shown))
    own = (population.people[rows], population.itineraries[rows], population.lives[rows], population.goodwill[rows])
    return Population(*own, shown, first)


class Attitude(NamedTuple):
    """All channels' goodwill, read in the three ways it acts."""

    need: float
    upstream: float
    direct: float


class Offer(NamedTuple):
    """What the auction gave a session.

    Attributes:
        campaign, creative: the winner; log_price: the price to beat.
        ghosts: bit c: campaign c would have won and is withheld.
        predicted: bit c: campaign c was predicted to win, and lets the person into its test.
        placebo: the winner's slot shows a placebo ad, no ad of its own.
    """

    campaign: int
    creative: int
    log_price: float
    ghosts: int
    predicted: int = 0
    placebo: bool = False


class Visit(NamedTuple):
    """How a person came to the site: channel NOBODY if they did not, campaign NOBODY if no ad brought them."""

    channel: int
    campaign: int
    creative: int


def record_array(count: int | tuple[int, ...], kind: np.dtype[Any]) -> Any:
    """Zeroed record array whose fields read as attributes, compiled or not."""
    return np.zeros(count, kind).view(np.recarray)


@part
def shown_to(shown: Shown, user: int) -> Shown:
    """The ads that one person has met."""
    return Shown(shown.campaigns[user], shown.times[user], shown.creatives[user])


def nothing_shown(count: int, campaigns: int, caps: int, creatives: int) -> Shown:
    """What so many people have met before any ad; `caps` is the sum of all frequency caps."""
    shown = Shown(
        np.zeros((count, campaigns), np.uint32),
        np.full((count, caps), LONG_AGO),
        record_array((count, creatives), WORN),
    )
    shown.creatives.last = LONG_AGO
    return shown
