"""Transport: what arrives of each visit and each action: source, click ID, number of times counted, when (days)."""

from dataclasses import dataclass

import numpy as np

from simulator.draws import BROWSER, CHECKOUT, LINK, OUTAGE, REPEAT, TAG
from simulator.record.record_draws import Bools, Codes, Floats, Ints, draws_at, extra_copies
from simulator.record.stages.consent import permission
from simulator.record.stages.identity import SAFARI, Recognition
from simulator.record.stages.tracking_in_force import Moments, TrackingInForce
from simulator.record.stages.visit_sources import DIRECT, UNASSIGNED, shown_as, source_words
from simulator.record.true_events import Actions, Block, Visits
from simulator.scenario.tracking import BROWSERS, Outage, Tracking

HOURS_PER_DAY = 24.0


@dataclass(frozen=True)
class Landing:
    """What is known of each visit when it lands (V,).

    Attributes:
        consents: whether tags may fire.
        blocked: whether an ad blocker stops them.
        in_analytics: whether web analytics has the session.
        click_id: whether an ad's click ID came with it.
        source: position in `source_words` of what its UTM parameters or its referrer say.
        origin: the same before anything was lost: the channel.
    """

    consents: Bools
    blocked: Bools
    in_analytics: Bools
    click_id: Bools
    source: Codes
    origin: Codes


@dataclass(frozen=True)
class Signals:
    """What arrives of each action (A,).

    Attributes:
        consents: whether tags may fire.
        platform_count, analytics_count: how often platforms and analytics count it (0: not at all).
        affiliate: whether a network's confirmation tag fires.
        arrival: when, in days.
        value_micros: the value as reported.
        gateway: whether it returns from a payment gateway as a new referral.
        extension: whether a coupon extension put its click in at checkout.
        again: how often more the tag fires that nothing drops as a repeat.
        fake_draw: decides how many fake actions outsiders send beside it.
    """

    consents: Bools
    platform_count: Ints
    analytics_count: Ints
    affiliate: Bools
    arrival: Floats
    value_micros: Ints
    gateway: Bools
    extension: Bools
    again: Ints
    fake_draw: Floats


def land(block: Block, seen: Recognition, regime: TrackingInForce, seed: int) -> Landing:
    """What is known of each visit when it lands.

    UTM parameters are lost by person (the same app or privacy tool opens all their links), click IDs by device; a
    mistyped UTM medium is a chance of its own for each click, wrong parameters on all links move them all. A visit that
    came without an ad keeps its referrer.
    """
    visits = block.visits
    now = regime.at(visits.time)
    words = source_words(block.names)
    agreed = permission(visits.user, visits.geo, visits.time, regime, seed)
    _, blocks, strips, _ = draws_at(seed, visits.user, visits.device, BROWSER)
    loses_utm = draws_at(seed, visits.user, 0, LINK)[0]
    lost, mistyped, _, _ = draws_at(seed, visits.user, visits.session + 1, LINK)
    by_ad = visits.campaign >= 0
    blocked = blocks < now(lambda t: t.transport.ad_blocker_share)
    strip_share = np.maximum(
        now(lambda t: t.transport.click_id_loss),
        np.where(seen.browser == SAFARI, now(lambda t: t.transport.click_id_loss_safari), 0.0),
    )
    typo_share = now.table(
        lambda scenario, t: [t.transport.utm_mistyped.get(name, 0.0) for name in scenario.channels],
        visits.channel.astype(np.int64),
    )
    shown = now.table(
        lambda scenario, t: [words.index(shown_as(name, t.transport)) for name in scenario.channels],
        visits.channel.astype(np.int64),
    )
    source = np.where(by_ad, shown.astype(np.int16), visits.channel)
    source[by_ad & (mistyped < typo_share)] = words.index(UNASSIGNED)
    gone = by_ad & (loses_utm < now(lambda t: t.transport.utm_loss))
    late = agreed.late & seen.fresh
    source[gone] = words.index(DIRECT)
    hidden = np.where(late, np.int16(words.index(DIRECT)), source)
    reached = agreed.given & ~blocked & (lost >= now(lambda t: t.transport.session_loss))
    reached &= ~_out(visits, seen.browser, block, regime, "analytics", seed)
    return Landing(agreed.given, blocked, reached, by_ad & (strips >= strip_share) & ~late, hidden, visits.channel)


def send(
    block: Block, actions: Actions, seen: Recognition, landing: Landing, regime: TrackingInForce, seed: int
) -> Signals:
    """What arrives of each action.

    A platform counts p + s − p·s·m of the actions that the pixel sends with coverage p and the server with coverage s,
    where the share m of those sent both ways is recognised as one; then repeats, unless it drops them.
    """
    now = regime.at(actions.time)
    place = actions.visit
    consents = landing.consents[place]
    blocked = landing.blocked[place]
    fires, serves, merges, measures = draws_at(seed, actions.user, actions.session, TAG, actions.kind)
    repeats, fakes, waits, _ = draws_at(seed, actions.user, actions.session, REPEAT, actions.kind)
    gateway, extension, _, confirms = draws_at(seed, actions.user, actions.session, CHECKOUT)
    there = _take(block.visits, place)
    browser = seen.browser[place]
    platform_out = _out(there, browser, block, regime, "platform", seed, actions.time)
    analytics_out = _out(there, browser, block, regime, "analytics", seed, actions.time)

    pixel = ~blocked & (fires < now(lambda t: t.transport.pixel_coverage)) & ~platform_out
    server = serves < now(lambda t: t.transport.server_coverage)
    merged = pixel & server & (merges < now(lambda t: t.transport.event_id_match))
    sent = pixel.astype(np.int64) + server - merged
    measured = ~blocked & (measures < now(lambda t: t.transport.analytics_coverage)) & ~analytics_out
    kept = now(lambda t: float(t.transport.deduplicate)) > 0
    again = np.where(kept, 0, extra_copies(now(lambda t: t.transport.duplicate_rate), repeats))
    fake = extra_copies(now(lambda t: t.intrusion.fake_lead_rate), fakes)
    each = 1 + again + fake
    factor = now(lambda t: t.transport.value_factor)
    latency = -np.log(waits) * now(lambda t: t.transport.latency_hours) / HOURS_PER_DAY
    return Signals(
        consents,
        np.where(consents, sent * each, 0),
        np.where(consents & measured, each, 0),
        consents & ~blocked & (confirms < now(lambda t: t.affiliate.coverage)) & ~platform_out,
        actions.time + latency,
        np.rint(actions.value_micros * factor).astype(np.int64),
        gateway < now(lambda t: t.transport.gateway_share),
        extension < now(lambda t: t.intrusion.coupon_share),
        again,
        fakes,
    )


def _take(visits: Visits, rows: Ints) -> Visits:
    return Visits(*(getattr(visits, field)[rows] for field in visits.__dataclass_fields__))


def _out(
    visits: Visits,
    browser: Codes,
    block: Block,
    regime: TrackingInForce,
    system: str,
    seed: int,
    time: Floats | None = None,
) -> Bools:
    """Whether an outage of a system's tags swallows what happens in these visits (at `time`, else when they land)."""
    moment = visits.time if time is None else time
    now = regime.at(moment)
    lost = np.zeros(len(moment), np.bool_)
    for stretch, tracking in enumerate(regime.trackings):
        for number, outage in enumerate(_outages(tracking, system)):
            within = (now.stretch == stretch) & (moment >= outage.start_day) & (moment < outage.end_day)
            for chosen, position, words in (
                (outage.browsers, browser, BROWSERS),
                (outage.devices, visits.device, block.names.devices),
                (outage.geos, visits.geo, block.names.geos),
            ):
                if chosen:
                    within &= np.isin(position, [words.index(word) for word in chosen])
            rows = np.flatnonzero(within)
            if len(rows):
                draw = draws_at(seed, visits.user[rows], visits.session[rows], OUTAGE, number)[0]
                lost[rows] |= draw < outage.share
    return lost


def _outages(tracking: Tracking, system: str) -> list[Outage]:
    return [outage for outage in tracking.transport.outages if not outage.systems or system in outage.systems]


def counted(block: Block, actions: Actions, now: Moments) -> Bools:
    """Which actions are of the kind that tags count at the time."""
    kinds = [[float(name in counted_kinds(t.transport.action)) for name in block.kinds] for t in now.regime.trackings]
    return np.array(kinds)[now.stretch, actions.kind] > 0


def counted_kinds(action: str) -> tuple[str, ...]:
    """The kinds of events that a tag set to this action counts; it cannot tell a robot's form from a person's."""
    match action:
        case "order":
            return ("conversion", "fake_lead")
        case "visit":
            return ("visit",)
        case step:
            return (f"micro:{step}",)
