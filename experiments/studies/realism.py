"""Realism: what the default scenario brings out beside published values (USD, %), one row per channel and measure.

CTR = clicks / impressions, CPM = 1000 × cost / impressions, CPC = cost / clicks, conversion rate (CVR) = orders credited
by last click / clicks, CPA = cost / orders credited, incremental share = incremental orders / orders credited, lift of
the reached = incremental orders / (orders of the people its ads reached − incremental orders).
"""

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.result import Result
from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.verdict import words
from experiments.truth.effects import ALL
from simulator.world import World

MODEL = "last_click"
Measure = Literal[
    "CPM", "CTR", "CPC", "CVR", "CPA", "incremental share", "lift of the reached", "lag", "paths", "without ads"
]
PERCENT = ("CTR", "CVR", "incremental share", "lift of the reached", "lag", "paths", "without ads")


@dataclass(frozen=True)
class Published:
    """A published value of one measure; shares as fractions.

    Attributes:
        channel: which channel it speaks of; empty for the market as a whole.
        measure: what is measured.
        lower, upper: the range given; equal for a single figure, infinite where it is open.
        source: who says so.
        evidence: `vendor` (a vendor's or practitioner's page: an order of magnitude), `study` (a paper's result),
            `example` (a worked example) or `assumption` (commonly said, no public source found).
        note: what exactly is measured, where that needs a word.
        why_missed: where the default scenario misses a range, the reason.
    """

    channel: str
    measure: Measure
    lower: float
    upper: float
    source: str
    evidence: Literal["vendor", "study", "example", "assumption"]
    note: str = ""
    why_missed: str = ""


def _assumed(
    channel: str, measure: Measure, lower: float, upper: float, note: str = "", why_missed: str = ""
) -> Published:
    return Published(channel, measure, lower, upper, "practitioners' rule of thumb", "assumption", note, why_missed)


_ADLIBRARY = "adlibrary, superads (Meta, e-commerce)"
_CRITEO = "Chapelle 2014 (Criteo, 30-day last click)"
_CLOSE_ENOUGH = "Gordon, Moakler, Zettelmeyer 2022 (663 Facebook experiments)"
_LAST_CLICK = "simulated are the orders that last click credits, published those that the platform claims"
_EXCLUDE = "CPM = 1000 · CTR · CVR · CPA: at 50 per order, both rates in their ranges mean a CPM of 22.50 to 120"

PUBLISHED: tuple[Published, ...] = (
    _assumed("brand_search", "CTR", 0.20, 0.40),
    _assumed("brand_search", "CPC", 0.5, 2.0),
    _assumed("brand_search", "CVR", 0.10, 0.20),
    _assumed("brand_search", "incremental share", 0.0, 0.3, "anchored on Blake, Nosko, Tadelis 2015"),
    _assumed("generic_search", "CTR", 0.03, 0.06),
    _assumed("generic_search", "CPC", 2.0, 6.0),
    _assumed("generic_search", "CVR", 0.02, 0.05),
    _assumed("generic_search", "incremental share", 0.6, 0.6),
    _assumed("shopping", "CTR", 0.008, 0.015),
    _assumed("shopping", "CPC", 0.5, 1.2),
    _assumed("shopping", "CVR", 0.015, 0.03),
    _assumed("shopping", "incremental share", 0.5, 0.5),
    Published("social_prospecting", "CPM", 8.0, 18.0, _ADLIBRARY, "vendor"),
    Published("social_prospecting", "CTR", 0.012, 0.025, _ADLIBRARY, "vendor", "link clicks"),
    Published("social_prospecting", "CPC", 0.5, 1.8, _ADLIBRARY, "vendor"),
    Published("social_prospecting", "CVR", 0.01, 0.03, _ADLIBRARY, "vendor"),
    Published("social_prospecting", "CPA", 45.0, 55.0, _ADLIBRARY, "vendor", "platform's own count", _LAST_CLICK),
    _assumed("social_prospecting", "incremental share", 0.8, math.inf, "can exceed 100 %: unseen by clicks"),
    Published(
        "social_prospecting", "lift of the reached", 0.05, 0.29, _CLOSE_ENOUGH, "study", "medians by funnel level"
    ),
    _assumed("retargeting", "CTR", 0.015, 0.03, why_missed=_EXCLUDE),
    _assumed("retargeting", "CVR", 0.03, 0.08, why_missed=_EXCLUDE),
    Published("retargeting", "CPA", 50.0, 50.0, "worked example: $6,000, 120 purchases", "example"),
    _assumed("retargeting", "lift of the reached", 0.03, 0.15, "432 display experiments: median 8 %"),
    _assumed("retargeting", "incremental share", 0.05, 0.5, "studies range from 0 to most"),
    _assumed("video", "CPM", 20.0, 40.0, "connected TV"),
    Published("video", "CTR", 0.0005, 0.0013, "practitioners' pages (YouTube)", "vendor"),
    _assumed("video", "incremental share", 1.0, math.inf, "credited with next to nothing, effect real"),
    Published("email", "CTR", 0.01, 0.01, "practitioners' pages (rented lists)", "vendor"),
    _assumed("email", "incremental share", 0.3, 0.3),
    _assumed(
        "coupon",
        "CVR",
        0.03,
        0.08,
        "affiliates of all kinds",
        "its clicks come at the checkout, from people who buy anyway",
    ),
    _assumed("coupon", "incremental share", 0.1, 0.1),
    Published("", "lag", 0.35, 0.35, _CRITEO, "study", "within an hour of the last touch"),
    Published("", "lag", 0.50, 0.50, _CRITEO, "study", "within a day of the last touch"),
    Published("", "lag", 0.87, 0.87, _CRITEO, "assumption", "within two weeks of the last touch"),
    _assumed("", "paths", 0.5, 0.7, "with a single touch"),
    _assumed("", "without ads", 0.5, 0.7, "orders that would have happened anyway, the same"),
)

_LAG_DAYS = {
    "within an hour of the last touch": 1 / 24,
    "within a day of the last touch": 1.0,
    "within two weeks of the last touch": 14.0,
}


@dataclass(frozen=True)
class Realism(Result):
    """Simulated values beside published ones.

    Attributes:
        title: of the scenario.
        rows: each published value with the simulated one.
    """

    title: str
    rows: tuple[tuple[Published, float], ...]

    def to_frame(self) -> pd.DataFrame:
        """One row per published value: `channel, measure, simulated, published_lower, published_upper, …`."""
        return pd.DataFrame(
            {
                "channel": [row.channel for row, _ in self.rows],
                "measure": [row.measure for row, _ in self.rows],
                "simulated": [value for _, value in self.rows],
                "published_lower": [row.lower for row, _ in self.rows],
                "published_upper": [row.upper for row, _ in self.rows],
                "within": [row.lower <= value <= row.upper for row, value in self.rows],
                "evidence": [row.evidence for row, _ in self.rows],
                "source": [row.source for row, _ in self.rows],
                "note": [row.note for row, _ in self.rows],
            }
        )

    def summary(self) -> str:
        """How many published ranges hold the simulated value."""
        ranges = self._ranges()
        inside = sum(row.lower <= value <= row.upper for row, value in ranges)
        return f"{self.title}: {inside} of {len(ranges)} published ranges hold the simulated value."

    def to_markdown(self) -> str:
        """The table as Markdown."""
        lines = [
            "| channel | measure | simulated | published | evidence | source |",
            "|---|---|---:|---:|---|---|",
        ]
        for row, value in self.rows:
            measure = f"{row.measure}: {row.note}" if row.note else row.measure
            lines.append(
                f"| {words(row.channel) if row.channel else 'all'} | {measure} | {_shown(row.measure, value)} "
                f"| {_range(row)} | {row.evidence} | {row.source} |"
            )
        missed: dict[str, list[str]] = {}
        for row, value in self._ranges():
            if not row.lower <= value <= row.upper:
                missed.setdefault(row.why_missed, []).append(f"{words(row.channel)}, {row.measure}")
        reasons = [f"- {'; '.join(rows)}: {why}." for why, rows in missed.items()]
        return "\n".join([*lines, "", "Why ranges are missed:", "", *reasons])

    def _ranges(self) -> list[tuple[Published, float]]:
        return [(row, value) for row, value in self.rows if row.lower < row.upper]


def compare_with_published(comparison: Comparison, world: World) -> Realism:
    """Each published value beside what a run of the default scenario, `world`, brought out."""
    channels = {channel.channel: channel for channel in comparison.channels}
    return Realism(
        comparison.title,
        tuple(
            (row, _of_channel(channels[row.channel], row.measure, world) if row.channel else _of_all(comparison, row))
            for row in PUBLISHED
        ),
    )


def lift_of_the_reached(world: World, channel: str, incremental: float) -> float:
    """Incremental orders over those that the people whom a channel's ads reached would have placed anyway.

    Both are counted from the first reported day to the end of the follow-up, as the truth counts them.

    Args:
        world: the market.
        channel: whose impressions reach people, in the reported window.
        incremental: orders that its ads, or an estimate of them, brought.
    """
    shown = world.reported_events()
    own = pc.and_(pc.equal(shown["channel"].cast(pa.string()), channel), pc.equal(shown["kind"], "impression"))
    reached = pc.unique(shown.filter(own)["user_id"])
    placed = pc.sum(pc.is_in(world.orders_until(math.inf)["user_id"], reached)).as_py() or 0
    return incremental / (placed - incremental) if placed > incremental else math.nan


def _of_channel(channel: ChannelComparison, measure: Measure, world: World) -> float:
    if measure == "lift of the reached":
        return lift_of_the_reached(world, channel.channel, channel.truth.incremental_conversions)
    credited = channel.credits[MODEL]
    numerator, denominator = {
        "CPM": (1000.0 * channel.cost, channel.impressions),
        "CTR": (channel.clicks, channel.impressions),
        "CPC": (channel.cost, channel.clicks),
        "CVR": (credited, channel.clicks),
        "CPA": (channel.cost, credited),
        "incremental share": (channel.truth.incremental_conversions, credited),
    }[measure]
    return numerator / denominator if denominator else math.nan


def _of_all(comparison: Comparison, row: Published) -> float:
    if row.measure == "lag":
        return dict(zip(comparison.lag.lag_days, comparison.lag.share, strict=True))[_LAG_DAYS[row.note]]
    if row.measure == "paths":
        return comparison.lag.single_touch_share
    return comparison.truth.labels[ALL].counts()["always"] / comparison.conversions


def _shown(measure: Measure, value: float) -> str:
    if measure in PERCENT:
        return f"{100 * value:.2g} %" if value < 0.1 else f"{100 * value:,.0f} %"
    return f"{value:,.2f}"


def _range(row: Published) -> str:
    if row.lower == row.upper:
        return _shown(row.measure, row.lower)
    if math.isinf(row.upper):
        return f"above {_shown(row.measure, row.lower)}"
    return f"{_shown(row.measure, row.lower)} to {_shown(row.measure, row.upper)}"
