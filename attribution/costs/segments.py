"""`Segmented`: a model whose credit is broken down by segment and booked on a date, touch by touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.credit import Credit
from attribution.model import AttributionModel, FittedModel, TouchModel
from attribution.paths.paths import Paths
from attribution.paths.ragged import Codes, Floats, gather, sum_by
from cpalab.refusal import InvalidInputError, did_you_mean

if TYPE_CHECKING:
    from attribution.formats.records import Records
    from attribution.paths.journeys import Journeys

Clock = Literal["click", "conversion"]
Period = Literal["day", "week", "month"]

NOT_SET = "(not set)"
JOINT = "\x1f"  # between the parts of a segment's name; a control character that no name holds
NO_JOURNEYS = "paths: hold counts only; build them with keep_journeys=True to break figures down"


@dataclass(frozen=True, eq=False)
class Segments:
    """The segment of each touch of each journey.

    Attributes:
        by: what the parts of a segment are: "channel" first, then columns, then perhaps a period.
        labels: the parts of every segment [n_segments], in alphabetical order.
        segment: the segment of every touch of every journey [n_journey_touches].
        clock: whether a touch's credit is booked at its own time or at that of its conversion.
    """

    by: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    segment: Codes
    clock: Clock

    @property
    def names(self) -> tuple[str, ...]:
        """One name per segment, its parts joined [n_segments]."""
        return tuple(JOINT.join(parts) for parts in self.labels)


@dataclass(frozen=True, eq=False)
class Segmented:
    """Any model, its credit broken down by segment; `Credit.channels` are then the names of the segments.

    A model that says what each touch gets is taken at its word. Of one that credits channels only, each channel's
    credit is spread over its touches as linear would (1 / length of the journey), so that segments of a channel sum to
    it. It is a model like any other: `bootstrap_credits` gives its intervals.

    Attributes:
        model: the model.
        segments: of the paths it will be fitted on.

    Example:
        >>> import pandas as pd
        >>> from attribution import Segmented, build_paths, load_model, read_data, segments_of
        >>> touches = {"user_id": ["ann"], "time": [1.0], "channel": ["search"], "campaign": ["brand"]}
        >>> records = read_data(pd.DataFrame(touches), pd.DataFrame({"user_id": ["ann"], "time": [2.5]}))
        >>> paths = build_paths(records.touches, records.conversions)
        >>> segments = segments_of(records, paths, ["campaign"])
        >>> credit = Segmented(load_model("linear"), segments).fit(paths).credit(paths)
        >>> credit.conversions.tolist()
        [1.0]
    """

    model: AttributionModel
    segments: Segments

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    def fit(self, paths: Paths) -> FittedSegmented:
        """Fit the model."""
        return FittedSegmented(self.model.fit(paths), self.segments)


@dataclass(frozen=True, eq=False)
class FittedSegmented:
    """A fitted model and the segments of the paths it was fitted on."""

    fitted: FittedModel
    segments: Segments

    def credit(self, paths: Paths) -> Credit:
        """The credit of every segment; sums are those of the model.

        Raises:
            InvalidInputError: if the paths hold no journeys, or not those of the segments.
        """
        if paths.journeys is None:
            raise InvalidInputError([NO_JOURNEYS])
        if len(paths.journeys.channel) != len(self.segments.segment):
            raise InvalidInputError(["paths: are not those of the segments; make segments of these paths"])
        whole = self.fitted.credit(paths)
        conversions, value_micros = touch_credits(self.fitted, paths)
        count = len(self.segments.labels)
        return Credit(
            method=whole.method,
            channels=self.segments.names,
            conversions=sum_by(self.segments.segment, conversions, count),
            value_micros=sum_by(self.segments.segment, value_micros, count),
            unattributed_conversions=whole.unattributed_conversions,
            unattributed_value_micros=whole.unattributed_value_micros,
            baseline_conversions=whole.baseline_conversions,
            baseline_value_micros=whole.baseline_value_micros,
        )


def touch_credits(fitted: FittedModel, paths: Paths) -> tuple[Floats, Floats]:
    """The conversions and the value in micros credited to each touch of each journey [n_journey_touches].

    Raises:
        InvalidInputError: if the paths hold no journeys.
    """
    journeys, path = paths.journeys, paths.journey_path
    if journeys is None or path is None:
        raise InvalidInputError([NO_JOURNEYS])
    lengths = np.diff(journeys.offsets)
    if isinstance(fitted, TouchModel):
        share = fitted.touch_shares(paths)[gather(paths.offsets, path[path >= 0])[0]]
    else:
        share = np.repeat(1 / np.maximum(lengths, 1), lengths)
    bought = np.repeat(np.where(journeys.converted, journeys.weight, 0.0), lengths) * share
    value = np.repeat(journeys.value_micros, lengths) * bought
    if isinstance(fitted, TouchModel):
        return bought, value
    credit = fitted.credit(paths)
    anyone = np.repeat(journeys.weight, lengths) * share
    return (
        _spread(credit.conversions, journeys.channel, bought, anyone),
        _spread(credit.value_micros, journeys.channel, value, anyone),
    )


def _spread(total: Floats, channel: Codes, amount: Floats, otherwise: Floats) -> Floats:
    """Spread each channel's total over its touches in proportion to `amount`.

    Where no converting journey has the channel (a Markov chain may credit it all the same), `otherwise` decides.
    """
    alone = (sum_by(channel, amount, len(total)) == 0) & (total != 0)
    amount = np.where(alone[channel], otherwise, amount)
    known = sum_by(channel, amount, len(total))
    factor = np.divide(total, known, out=np.zeros(len(total)), where=known > 0)
    return amount * factor[channel]


def segments_of(
    records: Records, paths: Paths, by: Sequence[str] = (), *, period: Period | None = None, clock: Clock = "conversion"
) -> Segments:
    """The segment of every touch: its channel, and what `by` and `period` say.

    Args:
        records: the data the paths were built from.
        paths: with journeys.
        by: columns of the touches or, if they have none of that name, of the conversions. A touch of a journey without
            conversion has none of the latter, and an empty cell is "(not set)".
        period: break down by date too: day, week (its Monday) or month; for times in days, by day or week from 0.
        clock: book a touch's credit at its own time ("click", as Google Ads does, so that it meets the cost of that
            day), or at that of its conversion (as GA4 does).

    Raises:
        InvalidInputError: if a column is unknown, the paths hold no journeys, or days are to be months.

    Example:
        >>> import pandas as pd
        >>> from attribution import build_paths, read_data, segments_of
        >>> touches = {"user_id": ["ann"], "time": [1.0], "channel": ["search"], "campaign": ["brand"]}
        >>> records = read_data(pd.DataFrame(touches), pd.DataFrame({"user_id": ["ann"], "time": [2.5]}))
        >>> paths = build_paths(records.touches, records.conversions)
        >>> segments = segments_of(records, paths, ["campaign"])
        >>> segments.labels
        (('search', 'brand'),)
    """
    journeys = paths.journeys
    if journeys is None:
        raise InvalidInputError([NO_JOURNEYS])
    problems = []
    known = {*records.touches.column_names, *records.conversions.column_names} - {"user_id", "time", "channel"}
    problems += [f"by: {name!r} is no column; {did_you_mean(name, known)}" for name in by if name not in known]
    if clock not in get_args(Clock):
        problems.append(f"clock: {clock!r} is unknown; {did_you_mean(clock, get_args(Clock))}")
    times = {records.touches["time"].type, records.conversions["time"].type}
    if period == "month" and any(pa.types.is_floating(kind) for kind in times):
        problems.append("period: days from the start have no months; use 'week', or give dates")
    if problems:
        raise InvalidInputError(problems)
    parts: list[NDArray[Any]] = [np.array(paths.channels, dtype=object)[journeys.channel]]
    parts += [_column(records, journeys, name) for name in by]
    if period is not None:
        parts.append(_periods(_booked(records, journeys, clock), period))
    labels: dict[tuple[str, ...], int] = dict.fromkeys(sorted(set(zip(*parts, strict=True))), 0)
    labels = {label: code for code, label in enumerate(labels)}
    segment = np.fromiter((labels[label] for label in zip(*parts, strict=True)), np.int32, len(journeys.channel))
    names = ("channel", *by, *([period] if period else ()))
    return Segments(names, tuple(labels), segment, clock)


def cost_by_segment(costs: pa.Table, segments: Segments) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """The cost in micros of every segment, and the parts of segments that the costs do not have.

    Costs are broken down by every part of the segments; if they lack one, no segment's cost is known.
    """
    period = next((name for name in segments.by if name in get_args(Period)), None)
    missing = [name for name in segments.by if name != period and name not in costs.column_names]
    if period and "time" not in costs.column_names:
        missing.append(period)
    if missing:
        return {}, tuple(missing)
    parts = [_texts(costs[name]) for name in segments.by if name != period]
    if period:
        parts.append(_periods(costs["time"], period))
    total: dict[str, int] = {}
    for label, cost in zip(zip(*parts, strict=True), costs["cost_micros"].to_pylist(), strict=True):
        name = JOINT.join(label)
        total[name] = total.get(name, 0) + cost
    return total, ()


def _column(records: Records, journeys: Journeys, name: str) -> NDArray[Any]:
    if name in records.touches.column_names:
        return _texts(records.touches[name])[journeys.touch_row]
    texts = np.append(_texts(records.conversions[name]), NOT_SET)
    return np.asarray(np.repeat(texts[journeys.conversion_row], np.diff(journeys.offsets)))


def _booked(records: Records, journeys: Journeys, clock: Clock) -> pa.ChunkedArray:
    """The time at which each touch of each journey is booked; nulls are booked at the touch."""
    touched = records.touches["time"].take(pa.array(journeys.touch_row))
    if clock == "click":
        return touched
    row = np.repeat(journeys.conversion_row, np.diff(journeys.offsets))
    bought = records.conversions["time"].take(pa.array(row, mask=row < 0))
    return pc.coalesce(bought.cast(touched.type), touched)


def _periods(time: pa.ChunkedArray, period: str) -> NDArray[Any]:
    if pa.types.is_floating(time.type):
        days = np.floor(time.to_numpy()).astype(np.int64)
        return np.asarray(days if period == "day" else days // 7).astype(str).astype(object)
    start = pc.floor_temporal(time.cast(pa.timestamp("us")), unit=period)
    return np.asarray(pc.strftime(start, "%Y-%m" if period == "month" else "%Y-%m-%d").to_numpy())


def _texts(column: pa.ChunkedArray) -> NDArray[Any]:
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return np.asarray(plain.cast(pa.string()).fill_null(NOT_SET).to_numpy(zero_copy_only=False))
