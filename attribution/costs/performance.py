"""`performance_table`: cost, conversions, value, ROAS, profit and cost limits per channel or segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.costs.cpa import cpa_table
from attribution.costs.economics import UnitEconomics, payback_months, return_on_ad_spend
from attribution.costs.segments import JOINT
from attribution.credit import Credit
from attribution.paths.ragged import Floats
from cpalab.micros import MICROS

if TYPE_CHECKING:
    import pandas as pd


def performance_table(
    credits: Sequence[Credit],
    cost_micros: Mapping[str, int],
    economics: UnitEconomics | None = None,
    *,
    by: Sequence[str] = ("channel",),
    value_known: bool = True,
) -> pd.DataFrame:
    """The CPA table with value and ROAS and, if it is known what an action is worth, what it may cost.

    Args:
        credits: one per method, of channels or of segments.
        cost_micros: cost in micros of each channel or, by its name, of each segment.
        economics: what an action is worth.
        by: what the parts of a segment are; see `Segments.by`.
        value_known: whether anything says what conversions are worth; if not, value and what follows from it is empty.

    Returns:
        The columns `by…, method, cost, conversions, value, cost_per_conversion`, its bounds, and `roas`; where
        credits have intervals also `conversions_lower` and `conversions_upper`; with `economics` also
        `cost_per_customer` (CPA and other costs), `break_even_cost`, `cost_limit`, `profit` and
        `payback_months`. Currency units; what is undefined is empty.

    Example:
        >>> from attribution import UnitEconomics, build_paths, load_model, performance_table
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5], "value": [80.0]})
        >>> credit = load_model("linear").fit(paths).credit(paths)
        >>> table = performance_table([credit], {"email": 10_000_000, "search": 30_000_000}, UnitEconomics(margin_rate=0.5))
        >>> table[["channel", "roas", "profit"]].values.tolist()
        [['email', 4.0, 10.0], ['search', 1.3333333333333333, -10.0]]
    """
    import pandas as pd

    table = cpa_table(credits, cost_micros)
    place = list(table.columns).index("conversions") + 1
    if any(credit.interval is not None for credit in credits):
        for side in ("upper", "lower"):
            table.insert(place, f"conversions_{side}", _bounds(credits, side, cost_micros))
    worth = np.concatenate([credit.spread(credit.value_micros, cost_micros) for credit in credits] or [np.zeros(0)])
    value = worth / MICROS if value_known else np.full(len(worth), np.nan)
    table.insert(list(table.columns).index("cost_per_conversion"), "value", value)
    rows = list(zip(table["cost"], table["conversions"], table["value"], table["cost_per_conversion"], strict=True))
    table["roas"] = [return_on_ad_spend(value, cost) for cost, _, value, _ in rows]
    if economics is not None:
        figures = [_figures(*row, economics) for row in rows]
        for name in figures[0] if figures else ():
            table[name] = [row[name] for row in figures]
    if len(by) == 1:
        return table.rename(columns={"channel": by[0]})
    parts = pd.DataFrame([name.split(JOINT) for name in table["channel"]], columns=list(by))
    return pd.concat([parts, table.drop(columns="channel")], axis=1)


def _bounds(credits: Sequence[Credit], side: str, cost_micros: Mapping[str, int]) -> Floats:
    """A bound of the credited conversions of every row of the table; empty where there is no interval."""
    bounds = []
    for credit in credits:
        known = np.full(len(credit.channels), np.nan)
        if credit.interval is not None:
            known = getattr(credit.interval, f"conversions_{side}")
        bounds.append(credit.spread(known, cost_micros, missing=np.nan))
    return np.concatenate(bounds)


def _figures(
    cost: float, conversions: float, value: float, cost_per_conversion: float, economics: UnitEconomics
) -> dict[str, Any]:
    average = value / conversions if conversions > 0 else np.nan
    per_customer = cost_per_conversion + economics.other_cost_per_action
    months = np.nan if economics.monthly_margin is None else payback_months(per_customer, economics.monthly_margin)
    return {
        "cost_per_customer": per_customer,
        "break_even_cost": economics.break_even_cost(average),
        "cost_limit": economics.cost_limit(),
        "profit": economics.profit(cost, conversions, value),
        "payback_months": months,
    }
