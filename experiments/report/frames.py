"""Frames: the data behind every figure of the report (money in currency units, time in days)."""

import math

import pandas as pd

from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.telling_journeys import Journey, JourneyEvent
from experiments.comparison.verdict import words
from experiments.designs.regions.scenario_geo_tests import OwnGeoTest
from experiments.report.order_of_channels import by_over_credit, credited_per_caused, models
from experiments.truth.conversion_noun import ConversionNoun
from experiments.truth.effects import ALL

LEVEL = 0.95
SHOWN_LABELS = ("always", "moved", "caused")


def dumbbell_frame(comparison: Comparison) -> pd.DataFrame:
    """Each paid channel's price of an order: as attributed, as the lift test leaves possible, and the truth.

    Returns:
        One row per paid channel, the most over-credited first: `channel`, `judgement`, `credited_per_caused` (true ÷
        attributed, by the first model), `cost`, `<model>_cpa` for each model, `true_cpa`,
        `incremental_conversions`, and `lift_cpa`, `lift_cpa_lower`, `lift_cpa_upper` of the 95 % interval. inf
        where money caused nothing or an end is unbounded, nan where there is no price or no test.
    """
    return pd.DataFrame(
        [_dumbbell(channel, models(comparison), comparison.judge) for channel in by_over_credit(comparison)],
        columns=[
            "channel", "judgement", "credited_per_caused", "cost",
            *(f"{model}_cpa" for model in models(comparison)),
            "true_cpa", "incremental_conversions", "lift_cpa", "lift_cpa_lower", "lift_cpa_upper",
        ],
    )  # fmt: skip


def _dumbbell(channel: ChannelComparison, compared: tuple[str, ...], judge: str) -> dict[str, object]:
    judged = credited_per_caused(channel, judge)
    point = lower = upper = math.nan
    if channel.lift is not None:
        price = channel.lift.cost_per_incremental_conversion(LEVEL)
        point, lower, upper = price.point, price.lower, price.upper
    return {
        "channel": channel.channel,
        "judgement": judged.judgement,
        "credited_per_caused": judged.factor,
        "cost": channel.cost,
        **{f"{model}_cpa": channel.attributed_cpa(model) for model in compared},
        "true_cpa": channel.truth.cost_per_incremental_conversion,
        "incremental_conversions": channel.truth.incremental_conversions,
        "lift_cpa": point,
        "lift_cpa_lower": lower,
        "lift_cpa_upper": upper,
    }


def label_frame(comparison: Comparison) -> pd.DataFrame:
    """What became of the orders in a world without the ads: of all channels, then of each channel alone.

    Returns:
        Three rows (always, moved, caused) per set of ads, `all` first, then channels by the orders they
        caused: `channel`, `label`, `orders`, `share` of all orders, `start` and `stop` of its segment of the
        bar, `prevented` (orders that happen only without these ads; they are in no bar).
    """
    counts = {
        channel: labels.counts()
        for channel, labels in comparison.truth.labels.items()
        if channel == ALL or any(channel == paid.channel for paid in comparison.channels)
    }
    rows = []
    for channel in sorted(counts, key=lambda channel: (channel != ALL, -counts[channel]["caused"])):
        start = 0.0
        for label in SHOWN_LABELS:
            orders = counts[channel][label]
            share = orders / comparison.conversions if comparison.conversions else math.nan
            rows.append((channel, label, orders, share, start, start + share, counts[channel]["prevented"]))
            start += share
    return pd.DataFrame(rows, columns=["channel", "label", "orders", "share", "start", "stop", "prevented"])


def geo_test_days(test: OwnGeoTest) -> pd.DataFrame:
    """One row per day of a geo test: its `days`, and `middle` and `next`, where a day has its middle and its end."""
    return test.days.assign(middle=test.days["day"] + 0.5, next=test.days["day"] + 1)


def geo_test_stretches(test: OwnGeoTest) -> pd.DataFrame:
    """The days of a geo test in stretches of one period each: `period`, `day` on which it begins, `next` where it ends."""
    days = geo_test_days(test)
    stretch = (days["period"] != days["period"].shift()).cumsum()
    return days.groupby(stretch).agg(period=("period", "first"), day=("day", "first"), next=("next", "last"))


def journey_frame(journey: Journey) -> pd.DataFrame:
    """One row per event of a journey: `day`, `kind`, `channel` (in words), `lane`.

    Lanes are numbered from the top by the first event of each channel; the order has the last lane to itself.
    """
    lanes = lane_names(journey)
    return pd.DataFrame(
        [
            (
                event.time,
                event.kind,
                words(event.channel or "unknown"),
                lanes.index(_lane(event, journey.action)),
            )
            for event in journey.events
        ],
        columns=["day", "kind", "channel", "lane"],
    )


def lane_names(journey: Journey) -> tuple[str, ...]:
    """The channels of a journey in words, by their first event, and the order's own lane."""
    met = [words(event.channel or "unknown") for event in journey.events if event.kind != "conversion"]
    return (*dict.fromkeys(met), words(journey.action.one))


def _lane(event: JourneyEvent, action: ConversionNoun) -> str:
    return words(action.one if event.kind == "conversion" else event.channel or "unknown")
