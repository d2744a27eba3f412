"""`read_lift_tests`: what lift tests found, from a table: incremental conversions per channel and their error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from attribution.models.lift_calibrated import LiftResult
from cpalab.refusal import InvalidInputError
from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
from cpalab.tables.input_table import TextOptions, open_table

NORMAL_95 = 1.959963984540054  # half the width of a 95 % interval in standard errors
COLUMNS = {
    "channel": Column(("channel",)),
    "incremental_conversions": Column(("incremental_conversions", "incremental", "lift")),
    "standard_error": Column(("standard_error", "std_error", "se"), required=False),
    "lower": Column(("lower", "incremental_conversions_lower", "ci_lower"), required=False),
    "upper": Column(("upper", "incremental_conversions_upper", "ci_upper"), required=False),
}


@dataclass(frozen=True)
class MeasuredLift:
    """What one test found: incremental conversions of a channel, in the period and among the people of the data."""

    channel: str
    incremental_conversions: float
    standard_error: float

    def per_credited(self, credit: Any) -> LiftResult:
        """The lift per conversion that a model credits to the channel (see `LiftResult.of_test`)."""
        return LiftResult.of_test(self.channel, self.incremental_conversions, self.standard_error, credit)


def read_lift_tests(given: Any, options: TextOptions | None = None) -> tuple[MeasuredLift, ...]:
    """One lift per row: `channel, incremental_conversions` and `standard_error`, or a 95 % interval `lower, upper`.

    standard_error = (upper - lower) / (2 × 1.96) where the interval is given.

    Args:
        given: a file or data frame.
        options: what is known of a text: encoding, decimal mark, order of day and month.

    Raises:
        InvalidInputError: on missing columns, malformed rows, an interval that does not hold its estimate, or a channel
            with two tests.
    """
    source = open_table(given, place="lift tests", options=options)
    problems: list[str] = []
    found, _ = match_columns(source, COLUMNS, problems)
    interval = {"lower", "upper"} <= found.keys()
    if ("standard_error" in found) == interval and not problems:
        rule = "are all given; keep one of them" if interval else "are missing; give one of them"
        problems.append(f"{source.name}: 'standard_error', or 'lower' and 'upper' of the 95 % interval, {rule}")
    if problems:
        raise InvalidInputError(problems)
    sieve = CheckedColumns(source.name, source.load(tuple(found.values())))
    channels = sieve.text(found["channel"])
    lift = sieve.numbers(found["incremental_conversions"], empty=None, negative=True)
    if interval:
        lower, upper = (sieve.numbers(found[side], empty=None, negative=True) for side in ("lower", "upper"))
        outside = ~sieve.bad & ~((lower <= lift) & (lift <= upper))
        sieve.mark(found["incremental_conversions"], outside, "lies outside of its interval")
        error = (upper - lower) / (2 * NORMAL_95)
    else:
        error = sieve.numbers(found["standard_error"], empty=None)
    names = channels.to_pylist()
    twice = np.array([name is not None and name in names[:row] for row, name in enumerate(names)], dtype=np.bool_)
    sieve.mark(found["channel"], twice, "has a test already; pool the tests of a channel into one")
    if sieve.defects:
        raise InvalidInputError([f"{defect}; correct them" for defect in sieve.defects])
    return tuple(
        MeasuredLift(name, float(found), float(spread)) for name, found, spread in zip(names, lift, error, strict=True)
    )
