"""`cpa_table`: cost per conversion in currency units, per channel and attribution method, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attribution.credit import Credit
from attribution.paths.ragged import Floats
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "channel",
    "method",
    "cost",
    "conversions",
    "cost_per_conversion",
    "cost_per_conversion_lower",
    "cost_per_conversion_upper",
)


def attributed_cpa(cost: float, conversions: float) -> float:
    """Cost / conversions in currency; nan where there is none to be paid for, or nothing was paid: then there is no price."""
    return cost / conversions if cost > 0 and conversions > 0 else float("nan")


def cpa_table(credits: Sequence[Credit], cost_micros: Mapping[str, int]) -> pd.DataFrame:
    """cost_per_conversion = cost / credited conversions, one row per channel and method.

    Args:
        credits: one per method.
        cost_micros: cost of each channel in micros, 0 for a free one. A channel with credit but without known
            cost is listed with empty cost.

    Returns:
        A long frame with the columns `channel, method, cost, conversions, cost_per_conversion,
        cost_per_conversion_lower, cost_per_conversion_upper`, in currency units, channels in alphabetical
        order within each method. A channel without credit keeps its cost, and its cost per conversion is
        empty (NaN), because it is undefined, and so is that of a channel that cost nothing; an upper bound is
        `inf` where the credit's lower bound is zero, because it is unbounded. Bounds are empty where the credit
        has no interval. Cost is taken as known exactly.

    Raises:
        InvalidInputError: on costs that are negative or not finite.

    Example:
        >>> from attribution import build_paths, cpa_table, load_model
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> credit = load_model("linear").fit(paths).credit(paths)
        >>> cpa_table([credit], {"email": 10_000_000, "search": 30_000_000})["cost_per_conversion"].tolist()
        [20.0, 60.0]
    """
    import pandas as pd

    problems = [
        f"cost_micros[{channel!r}]: {cost} must be a number, zero or more"
        for channel, cost in cost_micros.items()
        if not (np.isfinite(cost) and cost >= 0)
    ]
    if problems:
        raise InvalidInputError(problems)
    parts = []
    for credit in credits:
        channels = credit.listed(cost_micros)
        cost = np.array([cost_micros.get(channel, np.nan) for channel in channels], dtype=np.float64) / MICROS
        conversions = credit.spread(credit.conversions, cost_micros)
        lower = upper = np.full(len(channels), np.nan)
        if credit.interval is not None:
            lower = _per_conversion(cost, credit.spread(credit.interval.conversions_upper, cost_micros))
            fewest = credit.spread(credit.interval.conversions_lower, cost_micros)
            upper = np.where((fewest <= 0) & (cost > 0), np.inf, _per_conversion(cost, fewest))
        undefined = conversions <= 0
        columns = (
            channels,
            credit.method,
            cost,
            conversions,
            _per_conversion(cost, conversions),
            np.where(undefined, np.nan, lower),
            np.where(undefined, np.nan, upper),
        )
        parts.append(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _per_conversion(cost: Floats, conversions: Floats) -> Floats:
    ratio = np.full(len(cost), np.nan)
    np.divide(cost, conversions, out=ratio, where=(conversions > 0) & (cost > 0))
    return ratio
