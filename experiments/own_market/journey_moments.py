"""Journeys of a fitted world beside those seen (conversions), and how far patience and moods must move (logarithms)."""

import math
from dataclasses import dataclass

import numpy as np

from experiments.own_market.channel_table import ChannelRow, Floats, MarketTable, SeenPaths
from experiments.own_market.fitted_world import Moments

__all__ = ["MODEL_ERROR", "JourneyFigure", "journey_figures", "journey_steps", "stands_before_everybody"]

MODEL_ERROR = 0.03  # of a fitted number: what further trials would still mend is not looked for
FEWEST_LAST = 5  # paths that end in a channel: of fewer the ratio says nothing
LAG_GAIN, MOOD_GAIN = 0.6, 0.3  # of steps: these figures answer to every other number too
LARGEST_LAG, LARGEST_MOOD = 0.4, 0.3


@dataclass(frozen=True)
class JourneyFigure:
    """One figure of journeys.

    Attributes:
        channel, figure: which.
        observed, simulated: conversions, at the volume of the file.
        error: standard error of ln simulated − ln observed, by the chance of both counts.
    """

    channel: str
    figure: str
    observed: float
    simulated: float
    error: float

    @property
    def apart(self) -> float:
        """Logarithm of simulated ÷ observed, half a conversion added to both."""
        return math.log((self.simulated + 0.5) / (self.observed + 0.5))


def journey_figures(table: MarketTable, shown: Moments) -> tuple[JourneyFigure, ...]:
    """Conversions by days since the click, and conversions whose path holds each channel, per one that ends in it.

    Shares of lags are those among the stretches that the platforms' windows let them see; each is multinomial. The ratio
    a = containing/last has the error √(((a − 1)/a)²·(1/(containing − last) + 1/last)).

    Args:
        table: what was seen.
        shown: what the world shows.
    """
    found = []
    if table.lag is not None and shown.lags is not None:
        usable = comparable(table)
        edges, seen, here = table.lag.edges, table.lag.counts[usable], shown.lags[usable]
        scale = seen.sum() / max(here.sum(), 0.5)
        for low, high, observed, simulated in zip(edges[:-1][usable], edges[1:][usable], seen, here, strict=True):
            error = math.sqrt(1 / max(observed, 0.5) + 1 / max(simulated, 0.5) + MODEL_ERROR**2)
            figure = f"{low:g} to {high:g} days after the click"
            found.append(JourneyFigure("all", figure, float(observed), float(simulated * scale), error))
    if table.paths is not None and shown.paths is not None:
        for k, row in enumerate(table.rows):
            if min(table.paths.last[k], shown.paths.last[k]) >= FEWEST_LAST:
                error = math.hypot(_ratio_error(table.paths, k), _ratio_error(shown.paths, k), MODEL_ERROR)
                ratio = shown.paths.containing[k] / shown.paths.last[k]
                simulated = float(ratio * table.paths.last[k])
                found.append(
                    JourneyFigure(row.label, "paths with it", float(table.paths.containing[k]), simulated, error)
                )
    return tuple(found)


def comparable(table: MarketTable) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Stretches of days that lie within the longest window of the table's platforms."""
    if table.lag is None:
        return np.zeros(0, np.bool_)
    return table.lag.edges[1:] <= max(row.of.click_days for row in table.rows)


def stands_before_everybody(row: ChannelRow) -> bool:
    """Whether its ads stand before people who are not looking too; only then can they be moved to those who are."""
    return row.of.weights[0] >= 0.5


def _ratio_error(paths: SeenPaths, k: int) -> float:
    more, last = paths.containing[k] - paths.last[k], paths.last[k]
    return float(more / paths.containing[k] * math.sqrt(1 / max(more, 0.5) + 1 / last))


def journey_steps(table: MarketTable, shown: Moments) -> tuple[float, Floats]:
    """How far patience and each channel's mood must move, in logarithms; 0 where nothing was seen of them.

    Patience answers to the mean lag, a mood to the conversions that its channel takes part in without ending them; only
    channels whose ads stand before everybody have one.

    Args:
        table: what was seen.
        shown: what the world shows.
    """
    patience, moods = 0.0, np.zeros(len(table.rows))
    if table.lag is not None and shown.lags is not None:
        usable = comparable(table)
        middle = (table.lag.edges[:-1] + table.lag.edges[1:])[usable] / 2
        here, seen = shown.lags[usable], table.lag.counts[usable]
        if here.sum() > 0 and seen.sum() > 0 and here @ middle > 0:
            reliable = 1.0 / (1.0 + 4.0 / here.sum() + 4.0 / seen.sum())
            off = math.log((seen @ middle / seen.sum()) / (here @ middle / here.sum()))
            patience = float(np.clip(LAG_GAIN * reliable * off, -LARGEST_LAG, LARGEST_LAG))
    if table.paths is not None and shown.paths is not None:
        for k, row in enumerate(table.rows):
            if stands_before_everybody(row) and min(table.paths.last[k], shown.paths.last[k]) >= FEWEST_LAST:
                more = [(p.containing[k] - p.last[k] + 0.5) / p.last[k] for p in (table.paths, shown.paths)]
                reliable = 1.0 / (
                    1.0 + sum(8.0 / (p.containing[k] - p.last[k] + 0.5) for p in (table.paths, shown.paths))
                )
                moods[k] = np.clip(MOOD_GAIN * reliable * math.log(more[0] / more[1]), -LARGEST_MOOD, LARGEST_MOOD)
    return patience, moods
