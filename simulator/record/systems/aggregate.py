"""The noisy aggregate report: conversions and value per channel under randomised response and Laplace noise, unbiased."""

import math

import numpy as np
import pyarrow as pa

from cpalab.micros import MICROS
from simulator.draws import NOISE
from simulator.record.matching import pairs_within
from simulator.record.record_draws import Bools, Floats, Ints, draws_at
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.true_events import Block, TrueEvents, blocks
from simulator.scenario.build_law import Names
from simulator.scenario.tracking import Aggregate

WINDOW_DAYS = 30.0


def aggregate_report(world: TrueEvents, most_value: float = 1000.0) -> pa.Table:
    """One row per paid channel: clicks reported, conversions seen through the noise, and the unbiased estimates.

    Each click reports one of k outputs: "nothing", or one of k − 1 values of what followed. With chance p the output is
    drawn from all k alike, so E[seen] = (1 − p)·N + n·p·(k − 1)/k and N̂ = (seen − n·p·(k − 1)/k) / (1 − p). The value of
    what followed a click, cut at `most_value`, fills its share of the contribution budget of L whole units; the sum
    carries noise Laplace(L/ε). (Attribution Reporting API, WICG 44a6da3.)

    Args:
        most_value: the largest value, in currency, that one click may add.
    """
    regime = TrackingInForce.of(world.scenario)
    rules = regime.trackings[-1].aggregate
    seed = world.scenario.run.seed
    names = Names.of(world.scenario)
    width = len(names.channels)
    clicks, true, seen, value = (np.zeros(width) for _ in range(4))
    for block in blocks(world, ["conversion"]):
        user, session, channel, worth = _outcomes(block, world.scenario.run.days)
        flips, output, _, _ = draws_at(seed, user, session, NOISE)
        converted: Bools = worth > 0
        shown = np.where(flips < rules.flip_share, output >= 1.0 / rules.outputs, converted)
        clicks += np.bincount(channel, minlength=width)
        true += np.bincount(channel, weights=converted, minlength=width)
        seen += np.bincount(channel, weights=shown, minlength=width)
        units = np.rint(np.minimum(worth / most_value, 1.0) * rules.contribution)
        value += np.bincount(channel, weights=units * most_value / rules.contribution, minlength=width)
    paid = np.array(names.paid_channels())
    draw = draws_at(seed, paid, 0, NOISE, 1)[0]
    noise = laplace(draw) * most_value / rules.epsilon
    return pa.table(
        {
            "channel": [names.channels[k] for k in paid],
            "clicks": clicks[paid].astype(np.int64),
            "seen": seen[paid].astype(np.int64),
            "conversions": unbiased(seen[paid], clicks[paid], rules),
            "conversions_standard_error": standard_error(clicks[paid], rules),
            "value": value[paid] + noise,
            "value_standard_error": np.full(len(paid), math.sqrt(2.0) * most_value / rules.epsilon),
        }
    )


def unbiased(seen: Floats, reports: Floats, rules: Aggregate) -> Floats:
    """N̂ = (seen − n·p·(k − 1)/k) / (1 − p)."""
    return (seen - reports * rules.flip_share * (rules.outputs - 1) / rules.outputs) / (1.0 - rules.flip_share)


def standard_error(reports: Floats, rules: Aggregate) -> Floats:
    """Standard deviation of N̂ about N, at its largest over N: each report is replaced with chance p, independently.

    A report that says "nothing" turns into "something" with chance a = p·(k − 1)/k, the other way with b = p/k; the
    variance is at most n·max(a(1 − a), b(1 − b)) / (1 − p)².
    """
    a = rules.flip_share * (rules.outputs - 1) / rules.outputs
    b = rules.flip_share / rules.outputs
    return np.sqrt(reports * max(a * (1 - a), b * (1 - b))) / (1.0 - rules.flip_share)


def laplace(draw: Floats) -> Floats:
    """Laplace numbers of scale 1 from uniform ones."""
    centred = draw - 0.5
    return -np.sign(centred) * np.log1p(-2.0 * np.abs(centred))


def _outcomes(block: Block, days: float) -> tuple[Ints, Ints, Ints, Floats]:
    """Each reported ad click: person, session, channel, value in currency of orders whose last ad click it is."""
    touches, actions = block.touches, block.actions
    clicks = np.flatnonzero(touches.is_click)
    orders = np.flatnonzero(actions.kind == block.kind("conversion")[0])
    arrived = block.visits.time[actions.visit[orders]]
    pairs = pairs_within(actions.user[orders], arrived, touches.user[clicks], touches.time[clicks], WINDOW_DAYS)
    last = np.full(len(orders), -1)
    last[pairs.action] = pairs.touch
    worth = np.zeros(len(clicks))
    has = last >= 0
    np.add.at(worth, last[has], actions.value_micros[orders][has] / MICROS)
    reported = (touches.time[clicks] >= 0.0) & (touches.time[clicks] < days)
    clicks, worth = clicks[reported], worth[reported]
    session = block.visits.session[touches.visit[clicks]]
    return touches.user[clicks], session, touches.channel[clicks].astype(np.int64), worth
